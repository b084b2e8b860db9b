// Command retrofit is an add-on for a CRM that somebody else wrote. It runs beside
// the CRM's database with one map file, and changes nothing of the CRM's tables.
//
//	go run ./examples/retrofit -dsn DSN -map FILE [-schedule FILE] COMMAND ...
//
// The engine is told from the DSN: sqlite:FILE, postgres://..., mysql://....
//
//	check                          is everything personal mapped?
//	export -subject ID -out FILE   the copy of a person's data
//	erase -subject ID              prints the plan; -approve HASH carries it out
//	sweep                          prints what is due; -approve HASH carries it out
//	duplicates                     pairs that may be one person
//	verify                         is the log intact?
//	replay -reason CODE            a backup was restored: erase and stop again
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/gdprkit/gdprkit/examples/internal/cli"
)

type command struct {
	name, usage string
	run         func(ctx context.Context, a *app, args []string) error
}

var commands = []command{
	{"check", "check", check},
	{"export", "export -subject ID -out FILE", export},
	{"erase", "erase -subject ID [-approve HASH [-statement FILE]]", erase},
	{"sweep", "sweep [-approve HASH]", sweep},
	{"duplicates", "duplicates", duplicates},
	{"verify", "verify", verify},
	{"replay", "replay -reason CODE", replay},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// errFailed is returned by a command that ran and has bad news.
var errFailed = errors.New("")

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c config
	flags := flag.NewFlagSet("retrofit", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&c.dsn, "dsn", "", "the CRM's database: sqlite:FILE, postgres://... or mysql://...")
	flags.StringVar(&c.mapFile, "map", "", "data map `file`")
	flags.StringVar(&c.schedule, "schedule", "", "retention schedule `file`")
	flags.StringVar(&c.controller, "controller", "", "JSON `file` that says who is responsible (gdpr.Controller); default: an example")
	flags.StringVar(&c.state, "state", "gdprkit-state", "`directory` for keyring, journal, anchor and signing key")
	flags.StringVar(&c.recipient, "recipient", "", "age public `key`: exports are encrypted to it")
	flags.StringVar(&c.tenant, "tenant", "default", "name of the tenant")
	flags.StringVar(&c.by, "by", "operator", "id of who plans")
	flags.StringVar(&c.approver, "approver", "approver", "id of who approves")
	flags.BoolVar(&c.json, "json", false, "print JSON")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: retrofit -dsn DSN -map FILE [flags] COMMAND ...")
		for _, cmd := range commands {
			fmt.Fprintln(stderr, "  "+cmd.usage)
		}
		flags.PrintDefaults()
	}
	if err := cli.Parse(flags, args, stderr); err != nil {
		return report(stderr, err)
	}
	for _, cmd := range commands {
		if flags.Arg(0) != cmd.name {
			continue
		}
		a := &app{config: &c, stdout: stdout, stderr: stderr}
		defer a.close()
		err := a.open(ctx)
		if err == nil {
			err = cmd.run(ctx, a, flags.Args()[1:])
		}
		return report(stderr, err)
	}
	return report(stderr, fmt.Errorf("%q is not a command: give one of %s; see -help", flags.Arg(0), strings.Join(names(), ", ")))
}

func names() (all []string) {
	for _, cmd := range commands {
		all = append(all, cmd.name)
	}
	return all
}

func report(stderr io.Writer, err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errFailed):
		return 1
	case errors.Is(err, flag.ErrHelp):
		return 0
	}
	fmt.Fprintln(stderr, "retrofit:", cli.Line(err))
	return 2
}
