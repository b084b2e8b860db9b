package dsar

import (
	"context"
	"iter"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// Filter narrows a list. Its zero value is every request.
type Filter struct {
	Open     bool // only those that still wait for an answer
	Kind     Kind
	State    State
	Identity Identity // Unverified finds persons to remind
	Subject  string
	Assignee string
	// AwaitsReview selects requests whose plan was approved by one person alone.
	AwaitsReview bool
	From         time.Time // received at or after
	To           time.Time // received before
}

var (
	byReceipt = &storage.Select{From: schema.Request, Columns: rowColumns, Where: []storage.Term{{Column: "received", Cmp: storage.Ge}, {Column: "received", Cmp: storage.Lt}}, Order: []string{"received", "id"}}
	byDue     = &storage.Select{From: schema.Request, Columns: rowColumns, Where: []storage.Term{{Column: "state"}, {Column: "due", Cmp: storage.Le}}, Order: []string{"due", "id"}}
)

const endOfTime = int64(1) << 62

// List yields the requests that match, in the order of their receipt.
func (d *Desk) List(ctx context.Context, f Filter) iter.Seq2[*Request, error] {
	return func(yield func(*Request, error) bool) {
		for r, err := range d.rows(ctx, f) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(d.view(r), nil) {
				return
			}
		}
	}
}

func (d *Desk) rows(ctx context.Context, f Filter) iter.Seq2[*row, error] {
	if f.Subject != "" {
		return d.rowsOf(ctx, f)
	}
	to := endOfTime
	if !f.To.IsZero() {
		to = storage.Micros(f.To)
	}
	return d.scanRows(ctx, f, byReceipt, []any{storage.Micros(f.From), to})
}

func (d *Desk) scanRows(ctx context.Context, f Filter, s *storage.Select, args []any) iter.Seq2[*row, error] {
	return func(yield func(*row, error) bool) {
		for rec, err := range d.store.Scan(ctx, s, args) {
			r := new(row)
			if err == nil {
				err = rec.Scan(r.pointers()...)
			}
			if err == nil && !f.match(r) {
				continue
			}
			if err == nil {
				err = d.loadSubjects(ctx, r)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// rowsOf yields the requests of one subject, in the order of their ids, which is
// that of their recording.
func (d *Desk) rowsOf(ctx context.Context, f Filter) iter.Seq2[*row, error] {
	return func(yield func(*row, error) bool) {
		for rec, err := range d.store.Scan(ctx, requestsOf, []any{f.Subject}) {
			var id string
			var r *row
			if err == nil {
				err = rec.Scan(&id)
			}
			if err == nil {
				r, err = d.load(ctx, id)
			}
			if err == nil && !f.match(r) {
				continue
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

func (f *Filter) match(r *row) bool {
	switch {
	case f.Open && !r.state.Open(), f.Kind != "" && f.Kind != r.kind, f.State != "" && f.State != r.state:
		return false
	case f.Identity != "" && f.Identity != r.identity, f.Assignee != "" && f.Assignee != r.assignee:
		return false
	case f.AwaitsReview && !strings.HasPrefix(r.approver, alone):
		return false
	case !f.From.IsZero() && r.received < storage.Micros(f.From), !f.To.IsZero() && r.received >= storage.Micros(f.To):
		return false
	}
	return true
}

// Overdue yields the open requests whose period has ended, state by state, within
// a state the longest overdue first.
func (d *Desk) Overdue(ctx context.Context) iter.Seq2[*Request, error] {
	return d.DueBefore(ctx, d.now())
}

// DueBefore yields the open requests whose period ends at or before t, as Overdue.
func (d *Desk) DueBefore(ctx context.Context, t time.Time) iter.Seq2[*Request, error] {
	return func(yield func(*Request, error) bool) {
		for _, s := range open {
			for r, err := range d.scanRows(ctx, Filter{}, byDue, []any{string(s), storage.Micros(t)}) {
				if err != nil {
					yield(nil, err)
					return
				}
				if !yield(d.view(r), nil) {
					return
				}
			}
		}
	}
}
