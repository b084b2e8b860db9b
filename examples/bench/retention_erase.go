package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/retention"
)

// benchHost is a table of the host as a source that writes its own entries.
type benchHost struct {
	e           *Env
	table       string
	first, last int // ids
}

func (h *benchHost) Name() string     { return h.table }
func (h *benchHost) Category() string { return "row" }

func (h *benchHost) List(ctx context.Context, q *retention.Query) iter.Seq2[*retention.Record, error] {
	where, args := q.SQL(h.e.Engine, benchColumn, 1)
	where += fmt.Sprintf(" AND id BETWEEN %d AND %d", h.first, h.last)
	if q.After != "" {
		where += " AND id > " + q.After
	}
	return h.read(ctx, h.e.SQL, where+" ORDER BY id LIMIT "+strconv.Itoa(q.Limit), args)
}

func (h *benchHost) Load(ctx context.Context, _ *retention.Query, keys []string) iter.Seq2[*retention.Record, error] {
	where, args := h.e.among(keys)
	return h.read(ctx, h.e.DB.Tx(ctx), where, args)
}

// among is the condition that the id is one of some, as each engine has it cheapest:
// a list of literals is parsed and planned anew each time, an array is not.
func (e *Env) among(ids []string) (where string, args []any) {
	list := strings.Join(ids, ",")
	switch e.Engine {
	case "postgres":
		return "id = ANY($1::bigint[])", []any{"{" + list + "}"}
	case "sqlite":
		return "id IN (SELECT value FROM json_each(?))", []any{"[" + list + "]"}
	}
	return "id IN (" + list + ")", nil
}

type queryer interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}

func (h *benchHost) read(ctx context.Context, on queryer, where string, args []any) iter.Seq2[*retention.Record, error] {
	return h.rows(ctx, on, "SELECT id, contact, issued FROM "+h.table+" WHERE "+where, args)
}

func (h *benchHost) rows(ctx context.Context, on queryer, text string, args []any) iter.Seq2[*retention.Record, error] {
	return func(yield func(*retention.Record, error) bool) {
		rows, err := on.QueryContext(ctx, text, args...)
		if err != nil {
			yield(nil, err)
			return
		}
		defer rows.Close()
		r := retention.Record{Events: make([]int64, 2)}
		for rows.Next() {
			if err := rows.Scan(&r.Key, &r.Events[0], &r.Events[1]); !yield(&r, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// Take implements retention.Taker.
func (h *benchHost) Take(ctx context.Context, q *retention.Query, keys []string) iter.Seq2[*retention.Record, error] {
	where, args := h.e.among(keys)
	due, more := q.SQL(h.e.Engine, benchColumn, len(args)+1)
	return h.rows(ctx, h.e.DB.Tx(ctx), "DELETE FROM "+h.table+" WHERE "+where+" AND "+due+" RETURNING id, contact, issued", append(args, more...))
}

func (h *benchHost) Carry(ctx context.Context, _ *retention.Order, keys []string) (map[string]string, error) {
	where, args := h.e.among(keys)
	_, err := h.e.DB.Tx(ctx).ExecContext(ctx, "DELETE FROM "+h.table+" WHERE "+where, args...)
	return nil, err
}

// benchAuditor writes the entries of both sides.
type benchAuditor struct{ e *Env }

func (benchAuditor) Record(context.Context, string, string, ...slog.Attr) error { return nil }

func (a benchAuditor) RecordBatch(ctx context.Context, _ string, subjects []string, attrs [][]slog.Attr) error {
	records := make([]string, len(attrs))
	for i, list := range attrs {
		for _, a := range list {
			if a.Key == "record" {
				v, _ := a.Value.Any().(gdpr.ClearValue)
				records[i] = string(v)
			}
		}
	}
	return benchEntries(ctx, a.e.DB.Tx(ctx), subjects, records)
}

// benchEntryTable makes the table of the entries.
var benchEntryTable = []string{"DROP TABLE IF EXISTS bench_entry",
	"CREATE TABLE bench_entry (subject VARCHAR(64), record VARCHAR(64), rule VARCHAR(64), ground VARCHAR(64))"}

// benchEntries writes an entry per row, as both sides do.
func benchEntries(ctx context.Context, on interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}, subjects, records []string) error {
	var b strings.Builder
	for i, r := range records {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("('" + subjects[i] + "','" + r + "','use','GDPR art. 6(1)(b)')")
	}
	_, err := on.ExecContext(ctx, "INSERT INTO bench_entry (subject, record, rule, ground) VALUES "+b.String())
	return err
}

// erasePart is the number of rows of one round; a plan is made for each beforehand.
const erasePart = 10_000

func benchErase(e *Env) (func(int) error, func(int) error, error) {
	const parts = rounds + 2
	for _, name := range []string{"bench_ours", "bench_raw"} {
		if err := benchTable(e, name, parts*erasePart, 1, indexed); err != nil {
			return nil, nil, err
		}
	}
	for _, text := range benchEntryTable {
		if _, err := e.SQL.ExecContext(ctx, text); err != nil {
			return nil, nil, err
		}
	}
	s, _, err := benchCondition()
	if err != nil {
		return nil, nil, err
	}
	var runs []func() error
	for i := range parts {
		run, err := benchPart(e, s, &benchHost{e, "bench_ours", i*erasePart + 1, (i + 1) * erasePart}, benchAuditor{e})
		if err != nil {
			return nil, nil, err
		}
		runs = append(runs, run)
	}
	ours := func(n int) error {
		if n != erasePart || len(runs) == 0 {
			return errors.New("no plan is left")
		}
		run := runs[0]
		runs = runs[1:]
		return run()
	}
	return ours, func(n int) error { return benchRaw(e, "bench_raw", "''", []any{dutyCut, useCut}, n) }, nil
}

// benchPart plans the erasure of one part and returns its execution.
func benchPart(e *Env, s *retention.Schedule, source retention.Source, auditor retention.Auditor) (func() error, error) {
	engine, err := retention.New(e.Tenant(), s, &retention.Options{Sources: []retention.Source{source}, Auditor: auditor, SelfApproval: true,
		Now: func() time.Time { return benchNow }})
	if err != nil {
		return nil, err
	}
	p, err := engine.Plan(ctx, retention.PlanOptions{By: "bench"})
	if err != nil {
		return nil, err
	}
	return func() error {
		res, err := engine.Execute(ctx, p.ID, nil)
		if err == nil && res.Handled != erasePart {
			return fmt.Errorf("%d rows were erased instead of %d", res.Handled, erasePart)
		}
		return err
	}, engine.Approve(ctx, p.ID, p.Hash, "bench")
}

// benchRaw is what a careful programmer writes by hand: keyset chunks of 1000, each
// with its entries in one transaction.
func benchRaw(e *Env, table, subject string, cuts []any, n int) error {
	for done := 0; done < n; {
		tx, err := e.SQL.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		got, err := rawChunk(e, tx, table, subject, cuts)
		if err != nil {
			return errors.Join(err, tx.Rollback())
		}
		if err := tx.Commit(); err != nil {
			return err
		}
		if got == 0 {
			return nil
		}
		done += got
	}
	return nil
}

func rawChunk(e *Env, tx *sql.Tx, table, subject string, cuts []any) (int, error) {
	rows, err := tx.QueryContext(ctx, "SELECT id, "+subject+" FROM "+table+" WHERE issued < "+e.mark(1)+" AND contact < "+e.mark(2)+" ORDER BY id LIMIT 1000", cuts...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var ids, subjects []string
	for rows.Next() {
		var id, subject string
		if err := rows.Scan(&id, &subject); err != nil {
			return 0, err
		}
		ids, subjects = append(ids, id), append(subjects, subject)
	}
	if err := rows.Err(); err != nil || len(ids) == 0 {
		return 0, err
	}
	where, args := e.among(ids)
	if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE "+where, args...); err != nil {
		return 0, err
	}
	records := make([]string, len(ids))
	for i, id := range ids {
		sum := sha256.Sum256([]byte(id))
		records[i] = hex.EncodeToString(sum[:16])
	}
	return len(ids), benchEntries(ctx, tx, subjects, records)
}
