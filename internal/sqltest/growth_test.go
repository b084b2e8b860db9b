//go:build unix

package sqltest_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// TestGrowth measures what an operation costs in a small database and in a large
// one: processor time of this process and of the server's thread for the
// connection, in databases of all sizes that are open at once and take turns.
// GDPRKIT_LONG=1 goes to a million persons, 10M to ten million; the plain run only
// shows that what the generator makes is what the library reads.
func TestGrowth(t *testing.T) {
	sizes, ops := []int{2000}, 20
	switch os.Getenv("GDPRKIT_LONG") {
	case "":
	case "10M":
		sizes, ops = []int{10_000, 100_000, 1_000_000, 10_000_000}, 3000
	default:
		sizes, ops = []int{10_000, 100_000, 1_000_000}, 1000
	}
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		if e.Name == "postgres-pq" {
			t.Skip("the server of postgres-pgx")
		}
		var dbs []*grown
		for _, n := range sizes {
			dbs = append(dbs, grow(t, e, n))
		}
		compare(t, dbs, "check", ops*5, (*grown).check)
		compare(t, dbs, "append", ops, (*grown).append)
		compare(t, dbs, "give", ops, (*grown).give)
		compare(t, dbs, "sweep", min(ops, 500), (*grown).sweep)
	})
}

// grown is a database of n persons.
type grown struct {
	t      testing.TB
	n      int
	warm   []int // persons that are asked for
	at     int
	pool   *sql.DB
	thread string // of the server's connection, for /proc
	ledger *consent.Ledger
	log    *audit.Log
	engine *retention.Engine
}

const growthSchedule = `{"version":"1","country":"DE","timeZone":"Europe/Berlin","rules":[
 {"id":"use","category":"c","kind":"maximum","period":"P20Y","start":{"events":["a"]},"ground":"GDPR art. 6(1)(b)"}]}`

func grow(t *testing.T, e *sqltest.Engine, n int) *grown {
	dsn := e.DSN(t)
	load := fillPool(t, e, dsn)
	newCRM(t, e, e.DB(t, load, nil), load)
	g := openGrown(t, e, load, n)
	require.NoError(t, g.log.Open(t.Context()))
	f := &filler{t: t, d: e.Dialect, pool: load, text: strings.Repeat("25", 32)}
	var origin string
	require.NoError(t, load.QueryRow("SELECT origin FROM gdpr_audit_head").Scan(&origin))
	_, f.log, _ = strings.Cut(origin, "/")
	took := timed(func() { f.fill(n) })
	f.honest(sampled(n))
	if e.Dialect == sqlstore.SQLite {
		run(t, load, "PRAGMA journal_mode = WAL")
	}
	f.settle()
	t.Logf("%9d persons filled in %v", n, took.Round(time.Millisecond))
	f.rowBytes(n)
	load.Close()
	pool := e.SQL(t, dsn)
	pool.SetMaxOpenConns(1)
	g = openGrown(t, e, pool, n)
	g.thread = thread(t, e, pool)
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	for range min(n, 5000) {
		g.warm = append(g.warm, 1+rng.IntN(n))
	}
	g.sample()
	return g
}

func openGrown(t *testing.T, e *sqltest.Engine, pool *sql.DB, n int) *grown {
	db := e.New(t, pool, nil)
	s := db.Tenant("acme")
	g := &grown{t: t, n: n, pool: pool}
	var err error
	g.log, err = audit.New(s, nil)
	require.NoError(t, err)
	catalogue, err := consent.NewCatalogue(consent.Purpose{ID: "news", Version: 1, Basis: consent.Consent, Marketing: true, Channels: []string{"email"},
		Texts: []consent.Text{{Language: "en", Statement: "Send me news.", Notice: consent.Notice{
			Controller: "Acme", Purpose: "news", Data: "address", Withdrawal: "any time", Transfers: "none", Automated: "none"}}}})
	require.NoError(t, err)
	g.ledger, err = consent.New(s, catalogue, nil)
	require.NoError(t, err)
	schedule, err := retention.ParseSchedule([]byte(growthSchedule))
	require.NoError(t, err)
	g.engine, err = retention.New(s, schedule, &retention.Options{
		Sources: []retention.Source{&crm{db, pool, e.Dialect}}, Auditor: g.log, SelfApproval: true})
	require.NoError(t, err)
	return g
}

func sampled(n int) int { return n/2 + 1 }

// sample shows by the library that a generated person is one.
func (g *grown) sample() {
	ctx := g.t.Context()
	who := fillSubject(sampled(g.n))
	d, err := g.ledger.Check(ctx, consent.Query{Subject: who, Purpose: "news", Channel: "email"})
	require.NoError(g.t, err)
	require.True(g.t, d.Allowed, "%s", d.Reason)
	d, err = g.ledger.Check(ctx, consent.Query{Subject: who, Purpose: "news", Channel: "email", At: time.Now()})
	require.NoError(g.t, err)
	require.True(g.t, d.Allowed, "from the records: %s", d.Reason)
	_, err = g.log.Append(ctx, audit.Event{Action: "contact.read", Subject: who})
	require.NoError(g.t, err)
	n := 0
	for e, err := range g.log.Entries(ctx, audit.Filter{Subject: who}) {
		require.NoError(g.t, err)
		require.Equal(g.t, "contact.read", e.Action)
		n++
	}
	require.Equal(g.t, 2, n, "the generated entry and the new one")
}

func (g *grown) next() string {
	g.at = (g.at + 1) % len(g.warm)
	return fillSubject(g.warm[g.at])
}

func (g *grown) check(ctx context.Context, n int) error {
	for range n {
		d, err := g.ledger.Check(ctx, consent.Query{Subject: g.next(), Purpose: "news", Channel: "email"})
		if err != nil || d.Allowed != true {
			return fmt.Errorf("denied: %s: %w", d.Reason, err)
		}
	}
	return nil
}

func (g *grown) append(ctx context.Context, n int) error {
	for range n {
		if _, err := g.log.Append(ctx, audit.Event{Action: "contact.read", Subject: g.next(), Attrs: []slog.Attr{slog.Int("n", 7)}}); err != nil {
			return err
		}
	}
	return nil
}

func (g *grown) give(ctx context.Context, n int) error {
	for range n {
		if _, err := g.ledger.Give(ctx, consent.Act{Subject: g.next(), Purpose: "news", Channel: "email", At: time.Now(), Language: "en",
			Evidence: &consent.Evidence{Method: consent.Checkbox}}); err != nil {
			return err
		}
	}
	return nil
}

// sweep has n rows become due and erases them. The rows come from the warm set, and
// new ones take their place.
func (g *grown) sweep(ctx context.Context, n int) error {
	ids := map[int]bool{}
	for len(ids) < min(n, g.n/4) {
		g.next()
		ids[g.warm[g.at]] = true
	}
	var list, rows []string
	for id := range ids {
		list = append(list, strconv.Itoa(id))
		rows = append(rows, fmt.Sprintf("(%d, '%s', %d)", id, fillSubject(id), int64(fillBase)*1000))
	}
	old := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	if _, err := g.pool.ExecContext(ctx, fmt.Sprintf("UPDATE crm SET a = %d WHERE id IN (%s)", old, strings.Join(list, ","))); err != nil {
		return err
	}
	p, err := g.engine.Plan(ctx, retention.PlanOptions{By: "job"})
	if err != nil {
		return err
	}
	if err := g.engine.Approve(ctx, p.ID, p.Hash, "job"); err != nil {
		return err
	}
	r, err := g.engine.Execute(ctx, p.ID, nil)
	if err != nil || r.Handled != len(ids) {
		return fmt.Errorf("%d of %d rows erased: %w", r.Handled, len(ids), err)
	}
	_, err = g.pool.ExecContext(ctx, "INSERT INTO crm (id, subject, a) VALUES "+strings.Join(rows, ","))
	return err
}

// compare measures an operation in each database and logs cost and growth: the
// median over the rounds of the quotient with the database of 100 000.
func compare(t *testing.T, dbs []*grown, name string, ops int, f func(*grown, context.Context, int) error) {
	rounds := 9
	if os.Getenv("GDPRKIT_LONG") == "" {
		rounds = 1
	}
	cost := make([][]float64, len(dbs))
	for round := -1; round < rounds; round++ {
		for i := range dbs {
			g := dbs[(i+max(round, 0))%len(dbs)]
			n := ops
			if round < 0 && rounds > 1 && name != "sweep" {
				n = max(ops, len(g.warm)) // everything that is asked for is warm
			}
			runtime.GC()
			before := cpu(t, g.thread)
			require.NoError(t, f(g, t.Context(), n))
			spent := cpu(t, g.thread) - before
			if round >= 0 {
				j := slices.Index(dbs, g)
				cost[j] = append(cost[j], spent.Seconds()*1e6/float64(n))
			}
		}
	}
	base := max(0, slices.IndexFunc(dbs, func(g *grown) bool { return g.n == 100_000 }))
	for i, g := range dbs {
		var ratios []float64
		for r := range cost[i] {
			ratios = append(ratios, cost[i][r]/cost[base][r])
		}
		t.Logf("%-6s %9d persons: %8.1f us, %.2f of %d", name, g.n, median(cost[i]), median(ratios), dbs[base].n)
	}
}

func median(v []float64) float64 {
	v = slices.Clone(v)
	slices.Sort(v)
	return v[len(v)/2]
}
