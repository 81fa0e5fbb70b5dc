// Command pims-sync keeps the cases of veterinary clinics in step with their practice
// information management systems. It connects the packages under internal into one program.
// Only this package reads the environment.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func main() {
	keepPrivate()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait
	code := run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// streams are the input and the outputs of a command. Results go to out, everything else to
// err.
type streams struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

// The exit codes (docs/interface.md §Commands).
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// run parses the arguments, carries the command out, and returns the exit code.
func run(ctx context.Context, args []string, std streams) int {
	var cli CLI
	exited := -1
	parser, err := kong.New(&cli,
		kong.Name("pims-sync"),
		kong.Description("Keeps the cases of veterinary clinics in step with their PIMS."),
		kong.Vars{
			"provider":     app.DefaultProvider(),
			"sim_username": neosim.DefaultUsername,
			"sim_password": neosim.DefaultPassword,
		},
		kong.Writers(std.out, std.err),
		kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.ExplicitGroups(groups),
		numbers(),
	)
	if err != nil {
		return report(std, err)
	}
	command, err := parse(parser, args)
	switch {
	case exited >= 0: // --help
		return exited
	case err != nil:
		return report(std, usageError{err})
	}
	if err := errors.Join(refuseSecrets(args), cli.readSecrets()); err != nil {
		return report(std, usageError{err})
	}
	cli.named = clinicsNamed(command)
	command.BindTo(ctx, (*context.Context)(nil))
	command.Bind(std, &cli.Config)
	err = panics.Catch(func() error { return command.Run() })
	if e := panics.In(err); e != nil { // R58: without its value
		fmt.Fprintln(std.err, e.Stack)
	}
	if err != nil {
		return report(std, err)
	}
	return exitDone
}

// usageError is the error of a command line that cannot be parsed.
type usageError struct{ err error }

func (e usageError) Error() string {
	return e.err.Error() + "; `pims-sync --help` shows what there is"
}

func (e usageError) Unwrap() error { return e.err }

// report prints in one line what went wrong and returns the exit code.
func report(std streams, err error) int {
	if request, ok := errors.AsType[*syncs.Failure](err); ok && request.Field != "" {
		err = inFlags(request)
	}
	fmt.Fprintln(std.err, "pims-sync: "+strings.ReplaceAll(err.Error(), "\n", " "))
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	return exitFailed
}
