// Command pims-sync keeps the cases of veterinary clinics in step with their practice
// information management systems. It connects the packages under internal into one program.
// Only this package and internal/cli read the environment.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

func main() {
	keepPrivate()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait
	code := run(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}

// The exit codes (docs/interface.md §Commands).
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// run parses the arguments, carries the command out, and returns the exit code.
func run(ctx context.Context, args []string, std cli.Streams) int {
	var grammar CLI
	exited := -1
	parser, err := kong.New(&grammar,
		kong.Name("pims-sync"),
		kong.Description("Keeps the cases of veterinary clinics in step with their PIMS."),
		kong.Vars{
			"provider":     app.DefaultProvider(),
			"sim_username": neosim.DefaultUsername,
			"sim_password": neosim.DefaultPassword,
		},
		kong.Writers(std.Out, std.Err),
		kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, WrapUpperBound: 100}),
		kong.ExplicitGroups(cli.Groups),
		cli.Numbers(),
		cli.PlaceHolders(),
	)
	if err != nil {
		return report(std, nil, err)
	}
	command, err := cli.Parse(parser, args)
	switch {
	case exited >= 0: // --help
		return exited
	case cli.EndsEarly(err):
		parser.Stdout = std.Err
		return showHelp(std, err)
	case err != nil:
		return report(std, nil, cli.Usage(err))
	}
	if err := errors.Join(cli.RefuseSecrets(args), grammar.ReadSecrets()); err != nil {
		return report(std, command, cli.Usage(err))
	}
	built := thisBuild()
	grammar.Config.Version, grammar.Revision = built.Version, built.Commit
	grammar.Named = cli.ClinicsNamed(command)
	command.BindTo(ctx, (*context.Context)(nil))
	command.Bind(std, &grammar.Config)
	err = panics.Catch(func() error { return command.Run() })
	if e := panics.In(err); e != nil { // R58: without its value
		fmt.Fprintln(std.Err, e.Stack)
	}
	if err != nil {
		return report(std, command, err)
	}
	return exitDone
}

// showHelp prints which commands there are where the command line ends before one, as the go
// command does.
func showHelp(std cli.Streams, early error) int {
	wrong, _ := errors.AsType[*kong.ParseError](early)
	if err := wrong.Context.PrintUsage(false); err != nil {
		return report(std, nil, err)
	}
	return exitUsage
}

// report prints in one line what went wrong and returns the exit code.
func report(std cli.Streams, command *kong.Context, err error) int {
	line, usage := cli.Say(command, err)
	fmt.Fprintln(std.Err, "pims-sync: "+line)
	if usage {
		return exitUsage
	}
	return exitFailed
}
