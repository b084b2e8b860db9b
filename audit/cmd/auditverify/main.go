// Command auditverify checks a bundle of an audit log without the database.
//
//	auditverify -key PUBKEY [-checkpoint FILE] BUNDLE
//
// PUBKEY is a verifier key ("name+hash+base64") or a file with one a line.
// -checkpoint names a file with a checkpoint that the reader kept, to compare with.
//
// It exits with 0 if the bundle is intact, 1 if it is not (it prints the first entry
// and the rule), 2 on wrong usage, 3 if nothing can be said: unreadable, of an
// unknown version, without a signature by a given key, or not comparable with the
// checkpoint.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/audit"
)

const (
	intact = iota
	notIntact
	wrongUsage
	undecided
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("auditverify", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: auditverify -key PUBKEY [-checkpoint FILE] BUNDLE")
		flags.PrintDefaults()
	}
	key := flags.String("key", "", "verifier key, or a `file` with one a line")
	checkpoint := flags.String("checkpoint", "", "`file` with a checkpoint kept outside the database")
	if err := flags.Parse(args); err != nil {
		return wrongUsage
	}
	if *key == "" || flags.NArg() != 1 {
		flags.Usage()
		return wrongUsage
	}
	keys, err := readKeys(*key)
	if err != nil {
		return cannot(stderr, err)
	}
	var outside []byte
	if *checkpoint != "" {
		if outside, err = os.ReadFile(*checkpoint); err != nil {
			return cannot(stderr, err)
		}
	}
	f, err := os.Open(flags.Arg(0))
	if err != nil {
		return cannot(stderr, err)
	}
	defer f.Close()
	report, err := audit.VerifyBundle(f, keys, outside)
	return tell(stdout, report, err)
}

func cannot(stderr io.Writer, err error) int {
	fmt.Fprintln(stderr, "auditverify:", err)
	return undecided
}

// readKeys takes a key itself or the lines of a file.
func readKeys(s string) ([]string, error) {
	if _, err := audit.NewVerifier(s); err == nil {
		return []string{s}, nil
	}
	b, err := os.ReadFile(s)
	if err != nil {
		return nil, fmt.Errorf("-key is neither a verifier key (name+hash+base64) nor a file with some: %w", err)
	}
	var keys []string
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			keys = append(keys, line)
		}
	}
	return keys, nil
}

func tell(w io.Writer, r *audit.BundleReport, err error) int {
	outside := "none"
	if r.Outside > 0 {
		outside = fmt.Sprintf("size %d", r.Outside)
	}
	defer fmt.Fprintln(w, "compared with outside checkpoint:", outside)
	switch {
	case err == nil:
	case errors.Is(err, audit.ErrTampered):
		fmt.Fprintln(w, "NOT INTACT")
		fmt.Fprintln(w, err)
		return notIntact
	default:
		fmt.Fprintln(w, "UNDECIDED")
		fmt.Fprintln(w, err)
		return undecided
	}
	fmt.Fprintln(w, "INTACT")
	fmt.Fprintln(w, "kind:    ", r.Kind)
	fmt.Fprintln(w, "log:     ", r.Origin)
	fmt.Fprintf(w, "entries:  %d from index %d, %d of them redacted\n", r.Count, r.First, r.Redacted)
	if r.Kind == audit.KindLog && r.First > 0 {
		fmt.Fprintf(w, "pruned:   the first %d entries, as a log.pruned says\n", r.First)
	}
	if r.Unexplained > 0 {
		fmt.Fprintf(w, "outside:  %d of the redacted are not explained in this bundle, only in one of the whole log\n", r.Unexplained)
	}
	fmt.Fprintf(w, "signed:   size %d, root %x\n", r.Size, r.Root)
	if !r.Latest.IsZero() {
		fmt.Fprintf(w, "times:    %s to %s, as claimed\n", r.Earliest.Format(time.RFC3339), r.Latest.Format(time.RFC3339))
	}
	if r.Stated {
		fmt.Fprintln(w, "complete: stated and signed by the log; only the whole log could refute it")
	}
	return intact
}
