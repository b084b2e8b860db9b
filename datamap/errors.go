package datamap

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gdprkit/gdprkit/gdpr"
)

var (
	// ErrMap is wrapped by every fault of a map: in its text, in itself, or
	// against the live schema. It wraps gdpr.ErrInvalid; the faults are found with
	// errors.As as [Faults].
	ErrMap = fmt.Errorf("datamap: map does not hold: %w", gdpr.ErrInvalid)

	// ErrPurpose is returned by [Live.Permit] for a field that the map does not give
	// the purpose, and for a purpose or table that it does not declare.
	ErrPurpose = errors.New("datamap: field has no such purpose")

	// ErrSubject is returned for a subject key of no kind of the map.
	ErrSubject = fmt.Errorf("datamap: subject of no kind: %w", gdpr.ErrInvalid)

	// ErrItem is returned for an item that names no table of the map or asks for
	// anything but erasing and masking, for more than dsar.MaxBatch of them, and for a
	// listing after a key that is none of the table.
	ErrItem = fmt.Errorf("datamap: item is not of the map: %w", gdpr.ErrInvalid)

	// ErrChanged is returned when the live schema is no longer the one that was
	// checked.
	ErrChanged = errors.New("datamap: live schema has changed since Open")
)

// Fault is one thing wrong with a map.
type Fault struct {
	Line   int    // in the file, from 1; 0 for a map of Go values
	Pos    int    // column in the line, from 1
	Table  string // may be empty
	Column string // may be empty
	Rule   string // what was wrong and what is asked
}

// Error returns the place and the rule in one line.
func (f Fault) Error() string {
	var b strings.Builder
	if f.Line > 0 {
		fmt.Fprintf(&b, "line %d:%d: ", f.Line, f.Pos)
	}
	if f.Table != "" {
		b.WriteString(f.Table)
		if f.Column != "" {
			b.WriteString("." + f.Column)
		}
		b.WriteString(": ")
	}
	return b.String() + f.Rule
}

// Faults are all faults found at once.
type Faults []Fault

// Error returns the faults, one a line.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return "datamap: " + strings.Join(lines, "\n\t")
}

// Unwrap returns [ErrMap].
func (fs Faults) Unwrap() error { return ErrMap }

// faults collects what is wrong with a map and where.
type faults struct {
	of   *Map
	list Faults
}

// add notes a fault at the pointer, a path of keys and indexes into the map.
func (f *faults) add(at []any, table, column, rule string, args ...any) {
	line, pos := f.of.where.find(at)
	f.list = append(f.list, Fault{line, pos, table, column, fmt.Sprintf(rule, args...)})
}

func (f *faults) err() error {
	if len(f.list) == 0 {
		return nil
	}
	return f.list
}

// databaseError hides the text of a driver's error, which may quote values. The
// error itself is found with errors.As and errors.Is.
func databaseError(err error) error {
	if err == nil || errors.Is(err, gdpr.ErrInvalid) {
		return err
	}
	return &hostError{err}
}

type hostError struct{ err error }

func (e *hostError) Error() string { return "datamap: statement over the CRM's tables failed" }
func (e *hostError) Unwrap() error { return e.err }
