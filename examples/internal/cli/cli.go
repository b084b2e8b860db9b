// Package cli turns what a user got wrong into one line that says what to do.
package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// Parse reads flags. On -help it prints the usage to w and returns flag.ErrHelp; any
// other error is one line, with the usage left out.
func Parse(f *flag.FlagSet, args []string, w io.Writer) error {
	usage := f.Usage
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	err := f.Parse(args)
	f.SetOutput(w)
	if f.Usage = usage; errors.Is(err, flag.ErrHelp) {
		if usage == nil {
			usage = f.PrintDefaults
		}
		usage()
		return err
	}
	if err != nil {
		return fmt.Errorf("%w; see -help", err)
	}
	return nil
}

// most is the number of lines of an error that Line repeats.
const most = 3

// Line returns the text of an error as one line.
func Line(err error) string {
	var lines []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, strings.TrimSuffix(line, ";"))
		}
	}
	if n := len(lines); n > most+1 {
		lines = append(lines[:most:most], fmt.Sprintf("and %d more", n-most))
	}
	return strings.Join(lines, "; ")
}
