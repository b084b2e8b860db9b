package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gdprkit/gdprkit/examples/internal/cli"
)

func main() {
	switch err := command(os.Args[1:]); {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", cli.Line(err))
		os.Exit(2)
	}
}

func command(args []string) error {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	engine := f.String("db", "sqlite", "engine: sqlite, postgres or mysql")
	dsn := f.String("dsn", "", "data source name (sqlite: a new file in a temporary directory)")
	quick := f.Bool("quick", false, "fewer rows and shorter rounds; ends within two minutes")
	asMD := f.Bool("md", false, "print a Markdown table")
	asJSON := f.Bool("json", false, "print a JSON array")
	only := f.String("only", "", "measure only the operations whose name contains this")
	if err := cli.Parse(f, args, os.Stdout); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	return run(os.Stdout, *engine, *dsn, *only, *quick, *asMD, *asJSON)
}

func run(w io.Writer, engine, dsn, only string, quick, asMD, asJSON bool) error {
	dir, err := os.MkdirTemp("", "gdprkit-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	e, err := open(engine, dsn, dir)
	if err != nil {
		return err
	}
	defer e.SQL.Close()
	if e.Quick = quick; quick {
		e.Round = 60 * time.Millisecond
	}
	var results []Result
	for _, c := range cases() {
		if only != "" && !strings.Contains(c.Op, only) {
			continue
		}
		fmt.Fprintf(os.Stderr, "\r%-70.70s", c.Op)
		results = append(results, e.run(c))
	}
	fmt.Fprintf(os.Stderr, "\r%70s\r", "")
	if len(results) == 0 {
		return fmt.Errorf("no operation's name contains %q", only)
	}
	switch {
	case asJSON:
		enc := json.NewEncoder(w)
		enc.SetIndent("", " ")
		return enc.Encode(results)
	case asMD:
		return table(w, results, "| ", " | ", " |\n", true)
	}
	return table(w, results, "", "\t", "\n", false)
}

func cases() []Case {
	return slices.Concat(storageCases(), merkleCases(), auditCases(), pseudonymCases(), consentCases(), retentionCases(), datamapCases(), dsarCases())
}

func table(w io.Writer, results []Result, first, between, last string, rule bool) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	out := io.Writer(tw)
	if rule {
		out = w
	}
	line := func(cells ...string) { fmt.Fprint(out, first, strings.Join(cells, between), last) }
	line("operation", "engine", "against", "ours", "baseline", "unit", "ratio", "goal", "met", "allocs", "note")
	if rule {
		line(slices.Repeat([]string{"---"}, 11)...)
	}
	for _, r := range results {
		met := "no"
		switch {
		case r.Absent:
			met = "-"
		case r.Goal == "-":
			met = ""
		case r.Met:
			met = "yes"
		}
		line(r.Op, r.Engine, r.Against, number(r.Ours), number(r.Baseline), r.Unit,
			fmt.Sprintf("%.2f", r.Ratio), r.Goal, met, fmt.Sprintf("%.1f", r.Allocs), r.Note)
	}
	return tw.Flush()
}

func number(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.1f", v)
}
