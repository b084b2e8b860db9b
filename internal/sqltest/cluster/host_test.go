package cluster

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// hostTables are the host's own: acts that it did, values that it keeps sealed, rows
// that grow old, and contacts.
var hostTables = []string{
	"CREATE TABLE host_act (id VARCHAR(64) PRIMARY KEY)",
	"CREATE TABLE host_sealed (subject VARCHAR(64) PRIMARY KEY, value VARCHAR(1000) NOT NULL)",
	"CREATE TABLE host_row (id BIGINT PRIMARY KEY, subject VARCHAR(64) NOT NULL, contact BIGINT NOT NULL)",
	"CREATE INDEX host_row_contact ON host_row (contact)",
	"CREATE TABLE host_contact (subject VARCHAR(64) PRIMARY KEY, name VARCHAR(64) NOT NULL)",
}

// insertNew begins an INSERT that does nothing if the row is there, as a host writes
// it that may repeat an act.
func (p *place) insertNew(into, values string) string {
	if p.db.Dialect() == sqlstore.MySQL {
		return "INSERT IGNORE INTO " + into + " VALUES " + values
	}
	return "INSERT INTO " + into + " VALUES " + values + " ON CONFLICT DO NOTHING"
}

// bind writes the markers of the engine for "?".
func (p *place) bind(query string) string {
	if p.db.Dialect() == sqlstore.MySQL {
		return query
	}
	var b strings.Builder
	n := 0
	for _, r := range query {
		if r == '?' {
			n++
			b.WriteString("$" + strconv.Itoa(n))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// crm is the CRM in a place: a source of sweeps over host_row, and of requests over
// host_contact.
type crm struct{ p *place }

func (h *crm) Name() string     { return "host_row" }
func (h *crm) Category() string { return "row" }

func (h *crm) List(ctx context.Context, q *retention.Query) iter.Seq2[*retention.Record, error] {
	where, args := q.SQL(h.p.db.Dialect().String(), func(string) retention.Column {
		return retention.Column{Expr: "contact", Encode: func(t time.Time) any { return t.UnixMicro() }}
	}, 1)
	if q.After != "" {
		where += " AND id > " + q.After
	}
	return h.read(ctx, h.p.pool, where+" ORDER BY id LIMIT "+strconv.Itoa(max(q.Limit, 1)), args)
}

func (h *crm) Load(ctx context.Context, _ *retention.Query, keys []string) iter.Seq2[*retention.Record, error] {
	return h.read(ctx, h.p.db.Tx(ctx), "id IN ("+strings.Join(keys, ",")+") FOR UPDATE", nil)
}

func (h *crm) read(ctx context.Context, on interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}, where string, args []any) iter.Seq2[*retention.Record, error] {
	return func(yield func(*retention.Record, error) bool) {
		rows, err := on.QueryContext(ctx, "SELECT id, subject, contact FROM host_row WHERE "+where, args...)
		if err != nil {
			yield(nil, err)
			return
		}
		defer rows.Close()
		r := retention.Record{Events: make([]int64, 1)}
		for rows.Next() {
			if err := rows.Scan(&r.Key, &r.Subject, &r.Events[0]); !yield(&r, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(nil, err)
		}
	}
}

func (h *crm) Carry(ctx context.Context, o *retention.Order, keys []string) (map[string]string, error) {
	if o.Action != retention.Erase {
		return nil, errors.New("an order that nobody asked for")
	}
	_, err := h.p.db.Tx(ctx).ExecContext(ctx, "DELETE FROM host_row WHERE id IN ("+strings.Join(keys, ",")+")")
	return nil, err
}

// on is the transaction of ctx, or the pool.
func (h *crm) on(ctx context.Context) interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
	ExecContext(context.Context, string, ...any) (sql.Result, error)
} {
	if tx := h.p.db.Tx(ctx); tx != nil {
		return tx
	}
	return h.p.pool
}

func (h *crm) export(ctx context.Context, subject string) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		var name string
		err := h.on(ctx).QueryRowContext(ctx, h.p.bind("SELECT name FROM host_contact WHERE subject = ?"), subject).Scan(&name)
		if errors.Is(err, sql.ErrNoRows) {
			return
		}
		yield(json.RawMessage(strconv.Quote(name)), err)
	}
}

func (h *crm) forget(ctx context.Context, subject, _ string, _ time.Time) (erased, kept int, err error) {
	r, err := h.on(ctx).ExecContext(ctx, h.p.bind("DELETE FROM host_contact WHERE subject = ?"), subject)
	if err != nil {
		return 0, 0, err
	}
	n, err := r.RowsAffected()
	return int(n), 0, err
}
