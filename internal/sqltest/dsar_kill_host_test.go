package sqltest_test

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/dsartest"
	"github.com/gdprkit/gdprkit/storage/journal"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// doom kills the process at a point. Every call of the desk to its store and to its
// host, and every return of the host, is one.
type doom struct {
	left   int // 0: never
	points int // passed so far
}

func (f *doom) point() {
	f.points++
	if f.left--; f.left == 0 {
		p, _ := os.FindProcess(os.Getpid())
		p.Kill()
		select {}
	}
}

// host is a CRM and everything else that a desk calls: its rows lie in tables of
// the host beside those of the desk.
type host struct {
	*doom
	db   *sqlstore.DB
	pool *sql.DB
	list []string // the subjects that it lists
}

var hostTables = []string{
	"CREATE TABLE host_rows (source VARCHAR(10), subject VARCHAR(40), k VARCHAR(40), txt VARCHAR(200), restricted INTEGER)",
	"CREATE TABLE host_did (subject VARCHAR(40), what VARCHAR(100))",
	"CREATE TABLE host_audit (request VARCHAR(40), entry VARCHAR(400))",
}

func (h *host) q(ctx context.Context) sqlstore.TX {
	if tx := h.db.Tx(ctx); tx != nil {
		return tx
	}
	return h.pool
}

func (h *host) exec(ctx context.Context, query string) error {
	h.point()
	_, err := h.q(ctx).ExecContext(ctx, query)
	h.point()
	return err
}

// do notes what a bridge was told to do.
func (h *host) do(ctx context.Context, subject, what string) error {
	return h.exec(ctx, "INSERT INTO host_did VALUES ('"+subject+"', '"+what+"')")
}

// Record implements dsar.Auditor.
func (h *host) Record(ctx context.Context, action, _ string, attrs ...slog.Attr) error {
	var request string
	var b strings.Builder
	b.WriteString(action)
	for _, a := range attrs {
		v := fmt.Sprint(a.Value.Any())
		if a.Key == "request" {
			request = v
			continue
		}
		fmt.Fprintf(&b, " %s:%s", a.Key, randomHex.ReplaceAllString(v, "HASH"))
	}
	return h.exec(ctx, "INSERT INTO host_audit VALUES ('"+request+"', '"+b.String()+"')")
}

var randomHex = regexp.MustCompile(`^[0-9a-f]{64}$`)

// RestrictSubject implements dsar.Restricter.
func (h *host) RestrictSubject(ctx context.Context, subject, scope, ground string) error {
	return h.do(ctx, subject, "restrict "+scope+" "+ground)
}

// LiftSubject implements dsar.Lifter.
func (h *host) LiftSubject(ctx context.Context, subject, scope, ground string) error {
	return h.do(ctx, subject, "lift "+scope+" "+ground)
}

// Shred implements dsar.Shredder.
func (h *host) Shred(ctx context.Context, subject string, _ ...string) error {
	return h.do(ctx, subject, "shred, perhaps again")
}

// Notify implements dsar.Notifier.
func (h *host) Notify(ctx context.Context, recipient string, _ []byte) error {
	return h.do(ctx, recipient, "told")
}

// hostJournal counts its appends as points.
type hostJournal struct {
	*journal.File
	*doom
}

// Append implements dsar.Journal.
func (j hostJournal) Append(ctx context.Context, b []byte) error {
	j.point()
	defer j.point()
	return j.File.Append(ctx, b)
}

// hostSource is a source over the rows of one name. What is remote joins no
// transaction.
type hostSource struct {
	*host
	name   string
	remote bool
}

var hostSection = &dsar.Section{Category: "note", Table: "rows", Columns: []dsar.Column{
	{Name: "k", Origin: dsar.Derived, Immutable: true}, {Name: "txt", Origin: dsar.Provided, Basis: "A6-1-b"},
}}

func (h *hostSource) Name() string              { return h.name }
func (h *hostSource) Sections() []*dsar.Section { return []*dsar.Section{hostSection} }
func (h *hostSource) Remote() bool              { return h.remote }

func (h *hostSource) of(subject string) string {
	return " WHERE source = '" + h.name + "' AND subject = '" + subject + "'"
}

func (h *hostSource) Collect(ctx context.Context, subject string, _ dsar.Scope) iter.Seq2[*dsar.Record, error] {
	return func(yield func(*dsar.Record, error) bool) {
		h.point()
		recs, err := h.read(ctx, subject)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, r := range recs {
			if !yield(&dsar.Record{Section: hostSection, Key: r[0], Values: []any{r[0], r[1]}}, nil) {
				return
			}
		}
	}
}

func (h *hostSource) read(ctx context.Context, subject string) (out [][2]string, err error) {
	rows, err := h.q(ctx).QueryContext(ctx, "SELECT k, txt FROM host_rows"+h.of(subject)+" ORDER BY k")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r [2]string
		if err := rows.Scan(&r[0], &r[1]); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// Erase implements dsar.Eraser. Where it joins, a row that is gone already would mean
// that a batch was half done.
func (h *hostSource) Erase(ctx context.Context, subject string, items []dsar.Item) ([]dsar.Result, error) {
	held, err := h.read(ctx, subject)
	if err != nil {
		return nil, err
	}
	keys, out := make([]string, len(items)), make([]dsar.Result, len(items))
	for n, it := range items {
		keys[n], out[n].Outcome = "'"+it.Key+"'", dsar.Erased
		if !slices.ContainsFunc(held, func(r [2]string) bool { return r[0] == it.Key }) {
			out[n].Outcome = dsar.NotHeld
			if !h.remote {
				return nil, fmt.Errorf("row %s was gone: a batch was half done", it.Key)
			}
		}
	}
	return out, h.exec(ctx, "DELETE FROM host_rows"+h.of(subject)+" AND k IN ("+strings.Join(keys, ",")+")")
}

// Rectify implements dsar.Rectifier.
func (h *hostSource) Rectify(ctx context.Context, subject string, changes []dsar.Change) ([]dsar.Result, error) {
	out := make([]dsar.Result, len(changes))
	for n, c := range changes {
		out[n].Outcome = dsar.Rectified
		if err := h.exec(ctx, "UPDATE host_rows SET txt = '"+c.Value+"'"+h.of(subject)+" AND k = '"+c.Key+"'"); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// RestrictSource implements dsar.SourceRestricter.
func (h *hostSource) RestrictSource(ctx context.Context, subject string, _ dsar.Scope, on bool) (int, error) {
	held, err := h.read(ctx, subject)
	if err != nil {
		return 0, err
	}
	return len(held), h.exec(ctx, "UPDATE host_rows SET restricted = "+map[bool]string{true: "1", false: "0"}[on]+h.of(subject))
}

// Subjects implements dsar.Lister.
func (h *hostSource) Subjects(context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, s := range h.list {
			if !yield(s, nil) {
				return
			}
		}
	}
}

// desk makes a desk with everything around it. Nothing of it but the journal's file
// is outside the database.
func (h *host) desk(journalPath string) (*dsar.Desk, func() error, error) {
	j, err := journal.Open(journalPath)
	if err != nil {
		return nil, nil, err
	}
	did := func(what string) func(context.Context, string, string) error {
		return func(ctx context.Context, subject, s string) error { return h.do(ctx, subject, what+" "+s) }
	}
	d, err := dsar.New(&dsartest.Tap{Store: h.db.Tenant("acme"), Hook: func(string) { h.point() }}, dsartest.Controller(), &dsar.Options{
		Sources: []dsar.Source{&hostSource{h, "near", false}, &hostSource{h, "far", true}},
		Auditor: h, Sealer: new(dsartest.Sealer), Shredder: h, Restricter: h, Notifier: h, Journal: hostJournal{j, h.doom},
		Object: did("object"), Withdraw: did("withdraw"), Suppress: did("suppress, perhaps again"),
		Secret: gdpr.NewSecret(make([]byte, 32)), Information: dsartest.Information(), Policy: "v1", Parallel: 1,
		Now: func() time.Time { return dsartest.Start },
	})
	return d, j.Close, err
}
