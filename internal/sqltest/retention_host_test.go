package sqltest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// crm is a host's own table as a source of retention, with its own SQL.
type crm struct {
	db   *sqlstore.DB
	pool *sql.DB
	d    sqlstore.Dialect
}

const crmColumns = "id, subject, a, b, c"

func newCRM(t testing.TB, e *sqltest.Engine, db *sqlstore.DB, pool *sql.DB) *crm {
	t.Helper()
	h := &crm{db, pool, e.Dialect}
	for _, text := range []string{
		"CREATE TABLE crm (id BIGINT PRIMARY KEY, subject VARCHAR(64) NOT NULL, a BIGINT, b BIGINT, c VARCHAR(10))",
		"CREATE INDEX crm_a ON crm (a)",
		"CREATE TABLE crm_log (id " + map[sqlstore.Dialect]string{sqlstore.SQLite: "INTEGER PRIMARY KEY", sqlstore.Postgres: "BIGSERIAL PRIMARY KEY", sqlstore.MySQL: "BIGINT AUTO_INCREMENT PRIMARY KEY"}[e.Dialect] +
			", record VARCHAR(64) NOT NULL, rule VARCHAR(64) NOT NULL, ground VARCHAR(64) NOT NULL)",
	} {
		_, err := pool.ExecContext(t.Context(), text)
		require.NoError(t, err)
	}
	return h
}

// queryer is what a *sql.DB and a transaction have in common.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func (h *crm) on(ctx context.Context) queryer {
	if tx := h.db.Tx(ctx); tx != nil {
		return tx
	}
	return h.pool
}

func (h *crm) mark(n int) string {
	if h.d == sqlstore.Postgres {
		return "$" + strconv.Itoa(n)
	}
	return "?"
}

func (h *crm) Name() string     { return "crm" }
func (h *crm) Category() string { return "c" }

func crmColumn(event string) retention.Column {
	switch event {
	case "a", "b":
		return retention.Column{Expr: event, Encode: func(t time.Time) any { return t.UnixMicro() }}
	case "c":
		return retention.Column{Expr: event, Civil: true}
	}
	return retention.Column{}
}

func (h *crm) List(ctx context.Context, q *retention.Query) iter.Seq2[*retention.Record, error] {
	where, args := q.SQL(h.d.String(), crmColumn, 1)
	after, _ := strconv.Atoi(q.After)
	text := "SELECT " + crmColumns + " FROM crm WHERE " + where
	if q.After != "" {
		args = append(args, after)
		text += " AND id > " + h.mark(len(args))
	}
	text += " ORDER BY id"
	if h.d != sqlstore.MySQL { // else they walk over the whole table in this order, in place of the index on the date
		text = strings.TrimSuffix(text, "id") + "+id"
	}
	if q.Limit > 0 {
		text += " LIMIT " + strconv.Itoa(q.Limit)
	}
	return h.rows(ctx, q, text, args)
}

func (h *crm) Load(ctx context.Context, q *retention.Query, keys []string) iter.Seq2[*retention.Record, error] {
	text := "SELECT " + crmColumns + " FROM crm WHERE id IN (" + strings.Join(keys, ",") + ")"
	if h.d != sqlstore.SQLite && h.db.Tx(ctx) != nil {
		text += " FOR UPDATE"
	}
	return h.rows(ctx, q, text, nil)
}

func (h *crm) rows(ctx context.Context, q *retention.Query, text string, args []any) iter.Seq2[*retention.Record, error] {
	return func(yield func(*retention.Record, error) bool) {
		rows, err := h.on(ctx).QueryContext(ctx, text, args...)
		if err != nil {
			yield(nil, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			var r retention.Record
			var a, b sql.NullInt64
			var c sql.NullString
			if err := rows.Scan(&r.Key, &r.Subject, &a, &b, &c); err != nil {
				yield(nil, err)
				return
			}
			for _, e := range q.Events() {
				us := int64(0)
				switch {
				case e == "a":
					us = a.Int64
				case e == "b":
					us = b.Int64
				case e == "c" && c.Valid:
					d, err := retention.ParseDate(c.String)
					if err != nil {
						yield(nil, err)
						return
					}
					us = q.Condition.Instant(d).UnixMicro()
				}
				r.Events = append(r.Events, us)
			}
			if !yield(&r, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(nil, err)
		}
	}
}

func (h *crm) Carry(ctx context.Context, o *retention.Order, keys []string) (map[string]string, error) {
	tx := h.db.Tx(ctx)
	if tx == nil {
		return nil, errors.New("no transaction")
	}
	if o.Action != retention.Erase {
		return nil, fmt.Errorf("action %s", o.Action)
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM crm WHERE id IN ("+strings.Join(keys, ",")+")")
	return nil, err
}

// Record and RecordBatch write the entries beside the rows.
func (h *crm) Record(context.Context, string, string, ...slog.Attr) error { return nil }

func (h *crm) RecordBatch(ctx context.Context, _ string, _ []string, attrs [][]slog.Attr) error {
	for part := range slices.Chunk(attrs, 200) {
		var args []any
		var marks []string
		for _, list := range part {
			var v [3]string
			for _, a := range list {
				if c, ok := a.Value.Any().(gdpr.ClearValue); ok {
					switch a.Key {
					case "record":
						v[0] = string(c)
					case "rule":
						v[1] = string(c)
					case "ground":
						v[2] = string(c)
					}
				}
			}
			n := len(args)
			args = append(args, v[0], v[1], v[2])
			marks = append(marks, "("+h.mark(n+1)+","+h.mark(n+2)+","+h.mark(n+3)+")")
		}
		if _, err := h.db.Tx(ctx).ExecContext(ctx, "INSERT INTO crm_log (record, rule, ground) VALUES "+strings.Join(marks, ","), args...); err != nil {
			return err
		}
	}
	return nil
}

func (h *crm) count(t testing.TB, text string) (n int) {
	t.Helper()
	require.NoError(t, h.pool.QueryRowContext(t.Context(), text).Scan(&n))
	return n
}
