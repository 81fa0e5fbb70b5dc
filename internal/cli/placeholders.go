package cli

import (
	"reflect"
	"strings"

	"github.com/alecthomas/kong"
)

// PlaceHolders makes the help show what a flag wants: what its tag says, else DATE for a day and
// N for a number, else the flag's name. Without it kong shows the name of the Go type.
func PlaceHolders() kong.Option {
	return kong.PostBuild(func(k *kong.Kong) error {
		return kong.Visit(k.Model, func(node kong.Visitable, next kong.Next) error {
			if flag, ok := node.(*kong.Flag); ok && flag.PlaceHolder == "" && !flag.HasDefault {
				flag.PlaceHolder = placeHolder(flag)
			}
			return next(nil)
		})
	})
}

func placeHolder(flag *kong.Flag) string {
	of := flag.Target.Type()
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
		of = of.Elem()
	}
	switch {
	case of == reflect.TypeFor[Date]():
		return "DATE"
	case of.Kind() == reflect.Int:
		return "N"
	default:
		return strings.ToUpper(flag.Name)
	}
}
