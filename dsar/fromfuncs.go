package dsar

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"time"
)

// wholeSource is the record key of an item that stands for all of a source.
const wholeSource = "*"

// forgetter is a source that decides by itself what of it may go.
type forgetter interface {
	Source
	category() string
	forgetFunc() func(ctx context.Context, subject, ground string, until time.Time) (erased, kept int, err error)
}

// FromFuncs makes a [Source] of the two functions that every part of this library
// has: Export and Forget of consent.Ledger, retention.Engine, audit.Log and Desk.
// Its records are JSON objects, in one section with one column. Forget may be nil:
// the source is then only read, and an erasure leaves it as it is.
//
// Forget is given the ground of the erasure and decides what it keeps; a second
// call must do no harm.
func FromFuncs(name, category string,
	export func(ctx context.Context, subject string) iter.Seq2[json.RawMessage, error],
	forget func(ctx context.Context, subject, ground string, until time.Time) (erased, kept int, err error),
) Source {
	return &funcs{name, export, forget, &Section{
		Category: category, Table: category,
		Columns: []Column{{Name: "record", Origin: Derived, Immutable: true}},
	}}
}

type funcs struct {
	name    string
	export  func(ctx context.Context, subject string) iter.Seq2[json.RawMessage, error]
	forget  func(ctx context.Context, subject, ground string, until time.Time) (erased, kept int, err error)
	section *Section
}

func (f *funcs) Name() string         { return f.name }
func (f *funcs) Sections() []*Section { return []*Section{f.section} }
func (f *funcs) category() string     { return f.section.Category }

func (f *funcs) forgetFunc() func(ctx context.Context, subject, ground string, until time.Time) (int, int, error) {
	return f.forget
}

// Collect numbers the records in the order of the export.
func (f *funcs) Collect(ctx context.Context, subject string, scope Scope) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		if len(scope.Categories) > 0 && !slices.Contains(scope.Categories, f.section.Category) {
			return
		}
		rec := &Record{Section: f.section, Values: make([]any, 1)}
		n := 0
		for raw, err := range f.export(ctx, subject) {
			if err != nil {
				yield(nil, err)
				return
			}
			n++
			rec.Key, rec.Values[0] = fmt.Sprintf("%08d", n), raw
			if !yield(rec, nil) {
				return
			}
		}
	}
}
