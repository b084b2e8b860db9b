// Command quickstart takes a CRM that knows nothing of the GDPR and gives it
// consent, retention, requests, erasure and a verified log, by adding gdprkit. The
// CRM's own tables are not altered.
//
//	go run ./examples/quickstart [-out DIR] [-crm FILE -map FILE [-schedule FILE]]
//
// Without -crm it makes a small CRM of invented people. With -crm it works on a
// copy of that SQLite file.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/gdprkit/gdprkit/examples/internal/cli"
)

func main() {
	var c config
	flag.StringVar(&c.out, "out", "", "`directory` for the results (default: a new temporary one)")
	flag.StringVar(&c.crm, "crm", "", "SQLite `file` of your CRM; it is copied, never changed")
	flag.StringVar(&c.mapFile, "map", "", "data map `file` of your CRM (YAML or JSON)")
	flag.StringVar(&c.schedule, "schedule", "", "retention schedule `file` (JSON)")
	flag.IntVar(&c.contacts, "contacts", 3000, "number of contacts of the invented CRM")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: quickstart [-out DIR] [-crm FILE -map FILE [-schedule FILE]]")
		flag.PrintDefaults()
	}
	if err := cli.Parse(flag.CommandLine, os.Args[1:], os.Stderr); errors.Is(err, flag.ErrHelp) {
		return
	} else if err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := c.run(ctx)
	interrupted := ctx.Err() != nil
	stop()
	if interrupted && err != nil {
		fmt.Fprintln(os.Stderr, "\nquickstart: interrupted; run it again, it starts afresh")
		os.Exit(130)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", cli.Line(err))
		os.Exit(2)
	}
}

type config struct {
	out, crm, mapFile, schedule string
	contacts                    int
}

func (c *config) run(ctx context.Context) error {
	start := time.Now()
	if err := c.check(); err != nil {
		return err
	}
	s, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	for _, chapter := range []func(context.Context) error{
		s.meet, s.consents, s.sweep, s.access, s.erasure, s.proof, s.drill,
	} {
		if err := chapter(ctx); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	s.end(time.Since(start))
	return nil
}

// check turns a wrong call into one line that says what to do.
func (c *config) check() error {
	switch {
	case flag.NArg() > 0:
		return fmt.Errorf("unexpected argument %q; see -help", flag.Arg(0))
	case (c.crm == "") != (c.mapFile == ""):
		return errors.New("-crm and -map belong together: the map says what the file's tables hold")
	case c.contacts < 100 || c.contacts > 1_000_000:
		return errors.New("-contacts must lie between 100 and 1000000")
	}
	if c.out == "" {
		dir, err := os.MkdirTemp("", "gdprkit-quickstart-")
		c.out = dir
		return err
	}
	if err := os.MkdirAll(c.out, 0o700); err != nil {
		return fmt.Errorf("cannot make the directory given by -out: %w", err)
	}
	probe := filepath.Join(c.out, ".probe")
	if err := os.WriteFile(probe, nil, 0o600); err != nil {
		return fmt.Errorf("cannot write into the directory given by -out; choose another: %w", err)
	}
	return os.Remove(probe)
}
