// Package retentiontest holds the scenarios of package retention that every store
// must pass. A small CRM, one table of invoices kept in the same store, takes the
// place of the host.
package retentiontest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage"
)

func column(name string, kind storage.Kind, size int) storage.Column {
	return storage.Column{Name: name, Kind: kind, Size: size, Category: "test", Erase: "test", Lifetime: "test"}
}

// Invoice is the table of the host. A SQL test creates it beside those of gdprkit.
var Invoice = &storage.Table{
	Name: "gdpr_test_invoice",
	Columns: []storage.Column{
		column("id", storage.Text, 64), column("subject", storage.Text, 64), column("owner", storage.Text, 64),
		column("issued", storage.Int, 0), column("last_contact", storage.Int, 0), column("verified", storage.Int, 0),
		column("name", storage.Text, 200), column("number", storage.Text, 64), column("amount", storage.Int, 0),
	},
	Key:   []string{"id"},
	Index: [][]string{{"subject", "id"}},
}

// Entry is the table of the auditor of the tests.
var Entry = &storage.Table{
	Name: "gdpr_test_entry",
	Columns: []storage.Column{
		column("id", storage.Text, 36), column("action", storage.Text, 64), column("subject", storage.Text, 64),
		column("record", storage.Text, 64), column("rule", storage.Text, 64), column("ground", storage.Text, 400), column("outcome", storage.Text, 32),
	},
	Key: []string{"id"},
}

// Row is an invoice of the host.
type Row struct {
	ID, Subject, Owner             string
	Issued, LastContact, Verified  time.Time
	Name, Number                   string
	Amount                         int
	issued, lastContact, verifiedU int64
}

var (
	columns      = []string{"id", "subject", "owner", "issued", "last_contact", "verified", "name", "number", "amount"}
	insertRow    = &storage.Write{Verb: storage.Insert, Table: Invoice, Set: columns}
	deleteRow    = &storage.Write{Verb: storage.Delete, Table: Invoice, Where: storage.By("id")}
	maskRow      = &storage.Write{Verb: storage.Update, Table: Invoice, Set: []string{"name", "number"}, Where: storage.By("id")}
	clearName    = &storage.Write{Verb: storage.Update, Table: Invoice, Set: []string{"name"}, Where: storage.By("id")}
	touchRow     = &storage.Write{Verb: storage.Update, Table: Invoice, Set: []string{"last_contact"}, Where: storage.By("id")}
	rowsAfter    = &storage.Select{From: Invoice, Columns: columns, Where: []storage.Term{{Column: "id", Cmp: storage.Gt}}, Order: []string{"id"}}
	rowByID      = &storage.Select{From: Invoice, Columns: columns, Where: storage.By("id"), Mode: storage.Current}
	rowsOf       = &storage.Select{From: Invoice, Columns: columns, Where: storage.By("subject"), Order: []string{"id"}}
	insertEntry  = &storage.Write{Verb: storage.Insert, Table: Entry, Set: []string{"id", "action", "subject", "record", "rule", "ground", "outcome"}}
	entriesBy    = &storage.Select{From: Entry, Columns: []string{"id", "subject", "record", "rule", "ground", "outcome"}, Where: storage.By("action"), Order: []string{"id"}}
	errSabotaged = errors.New("sabotaged")
)

// Host is a CRM with one table, as a source of retention.
type Host struct {
	Store storage.Store
	Label string // name of the source; default "invoices"

	Cursed   map[string]bool   // a batch with such a row fails
	Refused  map[string]string // such a row is refused with a reason
	Disorder bool              // List goes down
	Keyless  bool              // List forgets a key
	OnCarry  func()            // called before each order
}

// Name returns the name of the source.
func (h *Host) Name() string { return cmp.Or(h.Label, "invoices") }

// Category returns the category of its rows.
func (h *Host) Category() string { return "invoice" }

// Insert adds rows.
func (h *Host) Insert(ctx context.Context, rows ...Row) error {
	var ops []storage.Op
	for _, r := range rows {
		ops = append(ops, insertRow.With(r.ID, r.Subject, r.Owner, storage.Micros(r.Issued), storage.Micros(r.LastContact), storage.Micros(r.Verified), r.Name, r.Number, r.Amount))
	}
	_, err := h.Store.Apply(ctx, ops...)
	return err
}

// Touch records a contact.
func (h *Host) Touch(ctx context.Context, id string, at time.Time) error {
	_, err := h.Store.Apply(ctx, touchRow.With(storage.Micros(at), id))
	return err
}

// Rows returns all rows by id.
func (h *Host) Rows(ctx context.Context) (map[string]Row, error) {
	rows := map[string]Row{}
	for r, err := range h.scan(ctx, rowsAfter, "") {
		if err != nil {
			return nil, err
		}
		rows[r.ID] = *r
	}
	return rows, nil
}

func (h *Host) scan(ctx context.Context, s *storage.Select, arg any) iter.Seq2[*Row, error] {
	return func(yield func(*Row, error) bool) {
		for row, err := range h.Store.Scan(ctx, s, []any{arg}) {
			r := new(Row)
			if err == nil {
				err = r.read(row.Scan)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

func (r *Row) read(scan func(...any) error) error {
	err := scan(&r.ID, &r.Subject, &r.Owner, &r.issued, &r.lastContact, &r.verifiedU, &r.Name, &r.Number, &r.Amount)
	r.Issued, r.LastContact, r.Verified = storage.Time(r.issued), storage.Time(r.lastContact), storage.Time(r.verifiedU)
	return err
}

func (r *Row) record(q *retention.Query) *retention.Record {
	events := make([]int64, len(q.Events()))
	for i, e := range q.Events() {
		events[i] = map[string]int64{"issued": r.issued, "last_contact": r.lastContact, "verified": r.verifiedU}[e]
	}
	return &retention.Record{Key: r.ID, Subject: r.Subject, Owner: r.Owner, Events: events}
}

// List yields matching rows after a key.
func (h *Host) List(ctx context.Context, q *retention.Query) iter.Seq2[*retention.Record, error] {
	return func(yield func(*retention.Record, error) bool) {
		var out []*retention.Record
		for r, err := range h.scan(ctx, rowsAfter, q.After) {
			if err != nil {
				yield(nil, err)
				return
			}
			if rec := r.record(q); q.Match(rec.Events) {
				out = append(out, rec)
			}
			if q.Limit > 0 && len(out) == q.Limit {
				break
			}
		}
		if h.Disorder {
			slices.Reverse(out)
		}
		for i, rec := range out {
			if h.Keyless && i == len(out)/2 {
				rec.Key = ""
			}
			if !yield(rec, nil) {
				return
			}
		}
	}
}

// Load yields the rows that still exist.
func (h *Host) Load(ctx context.Context, q *retention.Query, keys []string) iter.Seq2[*retention.Record, error] {
	return func(yield func(*retention.Record, error) bool) {
		for _, k := range keys {
			var r Row
			err := r.read(func(dest ...any) error { return h.Store.Get(ctx, rowByID, []any{k}, dest...) })
			if errors.Is(err, storage.ErrNotFound) {
				continue
			}
			if !yield(r.record(q), err) || err != nil {
				return
			}
		}
	}
}

// ListSubject yields the rows of a person.
func (h *Host) ListSubject(ctx context.Context, q *retention.Query, subject string) iter.Seq2[*retention.Record, error] {
	return func(yield func(*retention.Record, error) bool) {
		for r, err := range h.scan(ctx, rowsOf, subject) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(r.record(q), nil) {
				return
			}
		}
	}
}

// Carry carries out an order.
func (h *Host) Carry(ctx context.Context, o *retention.Order, keys []string) (map[string]string, error) {
	if h.OnCarry != nil {
		h.OnCarry()
	}
	failed := map[string]string{}
	var ops []storage.Op
	for _, k := range keys {
		if why := h.Refused[k]; why != "" {
			failed[k] = why
			continue
		}
		switch {
		case o.Action == retention.Erase && len(o.Fields) == 0:
			ops = append(ops, deleteRow.With(k))
		case o.Action == retention.Erase && slices.Equal(o.Fields, []string{"name"}):
			ops = append(ops, clearName.With("", k))
		case o.Action == retention.Mask, o.Action == retention.Anonymise:
			ops = append(ops, maskRow.With("masked", ids.New().String()[:8], k))
		case o.Action == retention.Block:
			if !o.KeepAll && !slices.Contains(o.Keep, "name") {
				ops = append(ops, clearName.With("", k))
			}
		default:
			return nil, fmt.Errorf("order %+v is not known", o)
		}
	}
	if _, err := h.Store.Apply(ctx, ops...); err != nil {
		return nil, err
	}
	for _, k := range keys {
		if h.Cursed[k] {
			return nil, errSabotaged // after the writes, so that they must be undone
		}
	}
	return failed, nil
}

// Auditor writes entries into the store, in the transaction of ctx.
type Auditor struct {
	Store storage.Store
	Fail  bool
}

// Record adds an entry.
func (a *Auditor) Record(ctx context.Context, action, subject string, attrs ...slog.Attr) error {
	if a.Fail {
		return errSabotaged
	}
	text := map[string]string{}
	for _, at := range attrs {
		if v, ok := at.Value.Any().(gdpr.ClearValue); ok {
			text[at.Key] = string(v)
		}
	}
	_, err := a.Store.Apply(ctx, insertEntry.With(ids.New().String(), action, subject, text["record"], text["rule"], text["ground"], text["outcome"]))
	return err
}

// Seen is an entry.
type Seen struct{ Subject, Record, Rule, Ground, Outcome string }

// Entries returns the entries of an action.
func (a *Auditor) Entries(ctx context.Context, action string) ([]Seen, error) {
	var out []Seen
	for row, err := range a.Store.Scan(ctx, entriesBy, []any{action}) {
		var s Seen
		var id string
		if err == nil {
			err = row.Scan(&id, &s.Subject, &s.Record, &s.Rule, &s.Ground, &s.Outcome)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}
