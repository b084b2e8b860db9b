package sqltest_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"iter"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/internal/dsartest"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// hostNotes is a source over a table of the host, which joins the desk's
// transaction. At the n-th call the process is killed.
type hostNotes struct {
	db   *sqlstore.DB
	pool *sql.DB
	left *int
}

var hostSection = &dsar.Section{Category: "note", Table: "host_notes", Columns: []dsar.Column{
	{Name: "k", Origin: dsar.Derived, Immutable: true}, {Name: "txt", Origin: dsar.Provided, Basis: "A6-1-b"},
}}

func (h *hostNotes) Name() string              { return "host" }
func (h *hostNotes) Sections() []*dsar.Section { return []*dsar.Section{hostSection} }

// point is a place at which the process may be killed.
func (h *hostNotes) point() {
	if *h.left--; *h.left == 0 {
		p, _ := os.FindProcess(os.Getpid())
		p.Kill()
		select {}
	}
}

func (h *hostNotes) q(ctx context.Context) sqlstore.TX {
	if tx := h.db.Tx(ctx); tx != nil {
		return tx
	}
	return h.pool
}

func (h *hostNotes) Collect(ctx context.Context, subject string, _ dsar.Scope) iter.Seq2[*dsar.Record, error] {
	return func(yield func(*dsar.Record, error) bool) {
		h.point()
		rows, err := h.q(ctx).QueryContext(ctx, "SELECT k, txt FROM host_notes WHERE subject = '"+subject+"' ORDER BY k")
		if err != nil {
			yield(nil, err)
			return
		}
		var recs [][2]string
		for rows.Next() {
			var r [2]string
			if err := rows.Scan(&r[0], &r[1]); err != nil {
				yield(nil, err)
				return
			}
			recs = append(recs, r)
		}
		rows.Close()
		for _, r := range recs {
			if !yield(&dsar.Record{Section: hostSection, Key: r[0], Values: []any{r[0], r[1]}}, nil) {
				return
			}
		}
	}
}

func (h *hostNotes) Erase(ctx context.Context, subject string, items []dsar.Item) ([]dsar.Result, error) {
	h.point()
	keys, out := make([]string, len(items)), make([]dsar.Result, len(items))
	for n, it := range items {
		keys[n], out[n].Outcome = "'"+it.Key+"'", dsar.Erased
	}
	res, err := h.q(ctx).ExecContext(ctx, "DELETE FROM host_notes WHERE subject = '"+subject+"' AND k IN ("+strings.Join(keys, ",")+")")
	if err != nil {
		return nil, err
	}
	if n, _ := res.RowsAffected(); int(n) != len(items) {
		return nil, fmt.Errorf("%d of %d rows were there: a batch was half done", n, len(items))
	}
	h.point()
	return out, nil
}

// Shred counts as a point as well: the keys go last.
func (h *hostNotes) Shred(context.Context, string, ...string) error { h.point(); return nil }

func killDesk(db *sqlstore.DB, pool *sql.DB, left *int) (*dsar.Desk, error) {
	h := &hostNotes{db, pool, left}
	return dsar.New(db.Tenant("acme"), dsartest.Controller(), &dsar.Options{Sources: []dsar.Source{h}, Shredder: h,
		Information: dsartest.Information(), SelfApproval: true, Now: func() time.Time { return dsartest.Start }})
}

var _ = sqltest.Child("dsar work", func(c *sqltest.ChildProcess) error {
	left, err := strconv.Atoi(c.Args[1])
	if err != nil {
		return err
	}
	d, err := killDesk(c.DB, c.Pool, &left)
	if err != nil {
		return err
	}
	r, err := d.Get(c, c.Args[0])
	if err != nil {
		return err
	}
	if r.State != dsar.StateWorked {
		if _, err := d.Work(c, c.Args[0], dsartest.By("emp1")); err != nil {
			return err
		}
	}
	if r.Kind == dsar.Access {
		sum := sha256.New()
		if _, err := d.Bundle(c, c.Args[0], sum, dsartest.By("emp1")); err != nil {
			return err
		}
		c.Say("bundle %s", hex.EncodeToString(sum.Sum(nil)))
	}
	return nil
})

// The process is killed at each point of an erasure and of an access request in
// turn; another one goes on. What is left is that of the run without a kill.
func TestDSARKill(t *testing.T) {
	for _, e := range sqltest.Engines() {
		if e.Name != "sqlite" && e.Name != "postgres-pgx" {
			continue
		}
		t.Run(e.Name, func(t *testing.T) {
			dsn := e.DSN(t)
			pool := e.SQL(t, dsn)
			db := e.DB(t, pool, nil)
			_, err := pool.ExecContext(t.Context(), "CREATE TABLE host_notes (subject VARCHAR(40), k VARCHAR(40), txt VARCHAR(200))")
			require.NoError(t, err)
			far := 1 << 30
			d, err := killDesk(db, pool, &far)
			require.NoError(t, err)
			t.Run("erasure", func(t *testing.T) { killEach(t, e, dsn, pool, d, dsar.Erasure) })
			t.Run("access", func(t *testing.T) { killEach(t, e, dsn, pool, d, dsar.Access) })
		})
	}
}

const killRows = 700

func killEach(t *testing.T, e *sqltest.Engine, dsn string, pool *sql.DB, d *dsar.Desk, k dsar.Kind) {
	points, step := 0, 1
	if e.Dialect != sqlstore.SQLite && os.Getenv("GDPRKIT_LONG") == "" {
		step = 3 // a process of its own takes long there
	}
	for n := 1; ; n += step {
		subject := fmt.Sprintf("%s-%d", k, n)
		id := killRequest(t, pool, d, subject, k)
		p := e.Spawn(t, "dsar work", dsn, id, strconv.Itoa(n))
		killed := p.Wait() != nil
		if killed {
			points++
			p = e.Spawn(t, "dsar work", dsn, id, "1000000")
			require.NoError(t, p.Wait())
		}
		checkKilled(t, pool, d, id, subject, p)
		if !killed {
			break
		}
	}
	require.GreaterOrEqual(t, points*step, map[dsar.Kind]int{dsar.Erasure: 6, dsar.Access: 3}[k], "points at which it was killed")
}

func killRequest(t *testing.T, pool *sql.DB, d *dsar.Desk, subject string, k dsar.Kind) string {
	var values []string
	for i := range killRows {
		values = append(values, fmt.Sprintf("('%s', '%04d', 'note %d')", subject, i, i))
	}
	_, err := pool.ExecContext(t.Context(), "INSERT INTO host_notes VALUES "+strings.Join(values, ","))
	require.NoError(t, err)
	in := dsar.Intake{Kind: k, Subjects: []string{subject}, By: "emp1"}
	if k == dsar.Erasure {
		in.Ground = "A17-1-b"
	}
	r, err := d.Receive(t.Context(), in)
	require.NoError(t, err)
	_, err = d.Waive(t.Context(), r.ID, "known", dsartest.By("emp1"))
	require.NoError(t, err)
	p, err := d.Plan(t.Context(), r.ID, dsartest.By("emp1"))
	require.NoError(t, err)
	_, err = d.Approve(t.Context(), r.ID, p.Hash, dsartest.By("emp1"))
	require.NoError(t, err)
	return r.ID
}

func checkKilled(t *testing.T, pool *sql.DB, d *dsar.Desk, id, subject string, p *sqltest.Process) {
	r, err := d.Get(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, dsar.StateWorked, r.State)
	receipts, err := d.Receipts(t.Context(), id)
	require.NoError(t, err)
	host := receipts[slices.IndexFunc(receipts, func(r dsar.Receipt) bool { return r.Source == "host" })]
	var left int
	require.NoError(t, pool.QueryRow("SELECT count(*) FROM host_notes WHERE subject = '"+subject+"'").Scan(&left))
	if r.Kind == dsar.Access {
		require.Equal(t, killRows, host.Records)
		require.Equal(t, killRows, left)
		sum := sha256.New()
		_, err := d.Bundle(t.Context(), id, sum, dsartest.By("emp1"))
		require.NoError(t, err)
		var last string
		for line := range p.Lines {
			last = line
		}
		require.Equal(t, "bundle "+hex.EncodeToString(sum.Sum(nil)), last, "the same bundle, byte for byte")
		return
	}
	require.Zero(t, left)
	require.Equal(t, killRows, host.Done)
	n := 0
	for i, err := range d.Items(t.Context(), id) {
		require.NoError(t, err)
		require.Equal(t, dsar.Erased, i.Outcome)
		n++
	}
	require.Equal(t, killRows, n)
}
