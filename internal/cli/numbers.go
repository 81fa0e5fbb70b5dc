package cli

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"

	"github.com/alecthomas/kong"
)

// Numbers makes kong read numbers and durations, from flags and from the environment, with
// errors that say what is expected.
func Numbers() kong.Option {
	whole := func(bits int) kong.Option {
		return kong.KindMapper(map[int]reflect.Kind{0: reflect.Int, 64: reflect.Int64}[bits], numberMapper("whole number", func(text string, target reflect.Value) error {
			n, err := strconv.ParseInt(text, 10, bits)
			if err != nil {
				return errors.New("must be a whole number such as 10")
			}
			target.SetInt(n)
			return nil
		}))
	}
	port := numberMapper("port", func(text string, target reflect.Value) error {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return fmt.Errorf("must be a whole number between 0 and %d", math.MaxUint16)
		}
		target.SetUint(n)
		return nil
	})
	number := numberMapper("number", func(text string, target reflect.Value) error {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return errors.New("must be a number such as 5 or 0.5")
		}
		target.SetFloat(n)
		return nil
	})
	duration := numberMapper("duration", func(text string, target reflect.Value) error {
		d, err := time.ParseDuration(text)
		if err != nil {
			return errors.New("must be a duration with its unit, such as 90s, 15m or 24h")
		}
		target.SetInt(int64(d))
		return nil
	})
	return kong.OptionFunc(func(k *kong.Kong) error {
		return errors.Join(
			whole(0).Apply(k), whole(64).Apply(k),
			kong.KindMapper(reflect.Uint16, port).Apply(k),
			kong.KindMapper(reflect.Float64, number).Apply(k),
			kong.TypeMapper(reflect.TypeFor[time.Duration](), duration).Apply(k))
	})
}

// numberMapper reads the text of one value.
func numberMapper(what string, read func(text string, target reflect.Value) error) kong.Mapper {
	return kong.MapperFunc(func(c *kong.DecodeContext, target reflect.Value) error {
		var text string
		if err := c.Scan.PopValueInto(what, &text); err != nil {
			return err
		}
		return read(text, target)
	})
}
