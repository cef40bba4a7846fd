// Connector keeps any number of Framework360 shops in step with their TotalGest:
// one binary with a SQLite file, or with PostgreSQL and River where several
// machines share the work. Try it without a shop of your own:
//
//	connector fakes -write demo.toml
//	connector -settings demo.toml serve
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"
	_ "time/tzdata" // machines without a zone database

	"github.com/alecthomas/kong"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1 // the whole, or some item
	exitUsage  = 2 // wrong use or settings
)

// cli is the table of commands.
type cli struct {
	Settings string `placeholder:"FILE" help:"Settings file (TOML); otherwise the one that TG360_SETTINGS names."`

	Verify  verifyCmd  `cmd:"" help:"Check credentials and settings; propose an origin where there is none."`
	Probe   probeCmd   `cmd:"" help:"Find out by a few reads how the two systems really speak."`
	Sync    syncCmd    `cmd:"" help:"Run one cycle of products and orders, and work until it is done."`
	Export  exportCmd  `cmd:"" help:"Export selected orders now, and report on each."`
	Status  statusCmd  `cmd:"" help:"Show where products and orders stand."`
	Retry   retryCmd   `cmd:"" help:"Try products or orders again at once."`
	Decide  decideCmd  `cmd:"" help:"Say whether an order in doubt has arrived in TotalGest."`
	Serve   serveCmd   `cmd:"" help:"Do everything, until stopped."`
	Fakes   fakesCmd   `cmd:"" help:"Run an invented TotalGest and an invented shop on this machine."`
	Plan    planCmd    `cmd:"" help:"Say what a sync of the catalogue would do, and do nothing."`
	Apply   applyCmd   `cmd:"" help:"Do what a plan says, or say what has changed since."`
	Audit   auditCmd   `cmd:"" help:"Compare the shop's products with what was written."`
	Release releaseCmd `cmd:"" help:"Let the next product run make the changes that the brake held back."`
	Backup  backupCmd  `cmd:"" help:"Write all that is known to a file."`
	Restore restoreCmd `cmd:"" help:"Put back what a backup holds."`
	Version versionCmd `cmd:"" help:"Show the version."`
}

// Help is printed below the list of commands.
func (*cli) Help() string {
	return "Flags may be written with one dash or two. Exit codes: 0 done, 1 failed or some item failed, 2 wrong use or settings."
}

// program is what a command may use of the world around it.
type program struct {
	args   []string
	env    []string
	stdout io.Writer
	stderr io.Writer
	reload chan os.Signal // asks a serve to read its settings again; nil: SIGHUP does
	file   string         // the settings file of the command line
}

// variable is one of the environment; empty: there is none.
func (p *program) variable(name string) string {
	for _, e := range p.env {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			return v
		}
	}
	return ""
}

// run is the whole program.
func run(ctx context.Context, args, env []string, stdout, stderr io.Writer) int {
	p := &program{args: args, env: env, stdout: stdout, stderr: stderr}
	return p.run(ctx)
}

// errFailed ends a command that has already said what went wrong.
var errFailed = errors.New("failed")

// usageError is a mistake of whoever called the program.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// quit unwinds the parser, which goes on after it has printed help.
type quit struct{ code int }

func (p *program) run(ctx context.Context) (code int) {
	after := exitDone // help
	defer func() {
		switch q := recover().(type) {
		case nil:
		case quit:
			code = max(q.code, after)
		default:
			panic(q)
		}
	}()
	var c cli
	parser, err := kong.New(&c, kong.Name("connector"), kong.Description("Keep Framework360 shops in step with TotalGest."),
		kong.Writers(p.stdout, p.stderr), kong.Exit(func(code int) { panic(quit{code}) }), kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(p),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 100}))
	if err != nil {
		panic(err) // the table itself is wrong
	}
	args := dashes(p.args)
	if len(args) == 0 {
		args, after = []string{"--help"}, exitUsage
	}
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(p.stderr, "connector: %v\nconnector --help lists the commands, connector COMMAND --help their flags\n", err)
		return exitUsage
	}
	p.file = c.Settings
	return p.report(ctx, command.Run())
}

// report says what a command's error is and what the program returns for it.
func (p *program) report(ctx context.Context, err error) int {
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errFailed):
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(p.stderr, "connector: stopped")
	default:
		fmt.Fprintf(p.stderr, "connector: %s\n", strings.ReplaceAll(err.Error(), "\n", "\nconnector: "))
	}
	if errors.As(err, new(usageError)) {
		return exitUsage
	}
	return exitFailed
}

var longFlag = regexp.MustCompile(`^-[a-z][a-z0-9-]+(=|$)`)

// dashes turns -flag into --flag, as far as flags go.
func dashes(args []string) []string {
	out := slices.Clone(args)
	for i, a := range out {
		if a == "--" {
			break
		}
		if longFlag.MatchString(a) {
			out[i] = "-" + a
		}
	}
	return out
}
