package sqltest_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/internal/retentiontest"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

func TestRetention(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		if e.Name == "postgres-pq" && os.Getenv("GDPRKIT_LONG") == "" {
			t.Skip("what is stored is the same as with pgx; GDPRKIT_LONG=1 runs it")
		}
		retentiontest.Run(t, func(t *testing.T) storage.Directory {
			pool := e.SQL(t, e.Migrated(t))
			db := e.DB(t, pool, nil)
			e.CreateTables(t, pool, retentiontest.Invoice, retentiontest.Entry)
			return db
		})
	})
}

// Closures and SQL give the same rows, for random rules over random rows with
// unknown dates, instants and civil dates.
func TestRetentionSQLAgreesWithClosures(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		pool := e.SQL(t, e.Migrated(t))
		h := newCRM(t, e, e.DB(t, pool, nil), pool)
		rng := rand.New(rand.NewPCG(11, uint64(e.Dialect)))
		h.fill(t, rng, 600)
		now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
		found := map[retention.Find]int{}
		for round := range 60 {
			s := randomSchedule(t, rng)
			c, err := s.On(now.AddDate(0, 0, rng.IntN(2000)-1000)).Condition("c")
			require.NoError(t, err)
			for find := retention.FindDue; find <= retention.FindAll; find++ {
				q := &retention.Query{Condition: c, Find: find}
				var want, got []string
				for r, err := range h.rows(t.Context(), q, "SELECT "+crmColumns+" FROM crm ORDER BY id", nil) {
					require.NoError(t, err)
					if q.Match(r.Events) {
						want = append(want, r.Key)
					}
				}
				for r, err := range h.List(t.Context(), q) {
					require.NoError(t, err)
					got = append(got, r.Key)
				}
				where, args := q.SQL(e.Dialect.String(), crmColumn, 1)
				require.Equal(t, want, got, "round %d, find %d, %s %v, rules %+v", round, find, where, args, s.Rules("c"))
				found[find] += len(got)
			}
		}
		for find := retention.FindDue; find <= retention.FindReview; find++ {
			require.Positive(t, found[find], "find %d was never put to the test", find)
		}
	})
}

// fill inserts rows with dates of 1995 to 2030, some on the edge of a day.
func (h *crm) fill(t testing.TB, rng *rand.Rand, n int) {
	t.Helper()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	date := func() time.Time {
		d := time.Date(1995+rng.IntN(35), time.Month(1+rng.IntN(12)), 1+rng.IntN(31), 0, 0, 0, 0, berlin)
		if rng.IntN(2) == 0 {
			return d.Add(-time.Microsecond * time.Duration(rng.IntN(2)))
		}
		return d.Add(time.Duration(rng.Int64N(int64(24 * time.Hour))))
	}
	for i := range n {
		v := []any{nil, nil, nil}
		if rng.IntN(4) > 0 {
			v[0] = date().UnixMicro()
		}
		if rng.IntN(3) > 0 {
			v[1] = date().UnixMicro()
		}
		if rng.IntN(3) > 0 {
			v[2] = date().Format(time.DateOnly)
		}
		_, err := h.pool.ExecContext(t.Context(), fmt.Sprintf("INSERT INTO crm (id, subject, a, b, c) VALUES (%d, 's%d', %s, %s, %s)", i+1, i, h.mark(1), h.mark(2), h.mark(3)), v...)
		require.NoError(t, err)
	}
}

func randomSchedule(t testing.TB, rng *rand.Rand) *retention.Schedule {
	t.Helper()
	pick := func(s ...string) string { return s[rng.IntN(len(s))] }
	date := func() *retention.Date {
		d, err := retention.ParseDate(fmt.Sprintf("%d-0%d-1%d", 2000+rng.IntN(25), 1+rng.IntN(9), rng.IntN(10)))
		require.NoError(t, err)
		return &d
	}
	def := retention.Definition{Version: "r", Country: "DE", TimeZone: "Europe/Berlin", YearEnd: pick("12-31", "03-31", "02-29")}
	for i := range 1 + rng.IntN(5) {
		r := retention.Rule{ID: fmt.Sprint("r", i), Category: "c", Ground: "g", Reason: "r", Kind: retention.Maximum}
		if i > 0 {
			r.Kind = retention.Kind(pick("minimum", "maximum", "limitation"))
			r.Level = retention.Level(pick("purpose", "default", "purpose", "statutory"))
			if r.Kind == retention.Limitation {
				r.Level = retention.Purpose
			}
		}
		if i > 0 && r.Kind == retention.Maximum {
			r.Then = retention.Action(pick("erase", "mask", "block", "review"))
		}
		r.Start.Anchor = retention.Anchor(pick("event", "end_of_calendar_year", "start_of_next_calendar_year", "end_of_business_year"))
		r.Start.Events = slices.Compact(slices.Sorted(slices.Values([]string{pick("a", "b", "c"), pick("a", "b", "c")})))
		r.Period = retention.Period{Years: rng.IntN(12), Months: rng.IntN(5), Days: rng.IntN(40)}
		if rng.IntN(3) == 0 {
			d := date()
			before := d.AddDays(-1)
			r.Versions = []retention.Version{{Period: r.Period, StartTo: &before}, {Period: retention.Period{Years: rng.IntN(12)}, StartFrom: d}}
			if rng.IntN(3) == 0 {
				r.Versions = r.Versions[1:]
			}
			r.Period = retention.Period{}
		}
		def.Rules = append(def.Rules, r)
	}
	s, err := retention.NewSchedule(def)
	require.NoError(t, err)
	return s
}

const sweepSchedule = `{"version":"1","country":"DE","timeZone":"Europe/Berlin","rules":[
 {"id":"use","category":"c","kind":"maximum","period":"P2Y","start":{"events":["a"]},"ground":"GDPR art. 5(1)(e)"}]}`

// A hold that is placed during a sweep is either too late for a row, or the row stays.
func TestRetentionHoldDuringSweep(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		pool := e.SQL(t, e.Migrated(t))
		db := e.DB(t, pool, nil)
		h := newCRM(t, e, db, pool)
		old := time.Now().AddDate(-3, 0, 0).UnixMicro()
		for i := range 400 {
			_, err := pool.ExecContext(t.Context(), fmt.Sprintf("INSERT INTO crm (id, subject, a) VALUES (%d, 's%d', %d)", i+1, i%4, old))
			require.NoError(t, err)
		}
		s, err := retention.ParseSchedule([]byte(sweepSchedule))
		require.NoError(t, err)
		engine, err := retention.New(db.Tenant("acme"), s, &retention.Options{Sources: []retention.Source{h}, Auditor: h, BatchRows: 10})
		require.NoError(t, err)
		p, err := engine.Plan(t.Context(), retention.PlanOptions{By: "job"})
		require.NoError(t, err)
		require.NoError(t, engine.Approve(t.Context(), p.ID, p.Hash, "officer"))
		done := make(chan error, 1)
		go func() {
			_, err := engine.Execute(t.Context(), p.ID, nil)
			done <- err
		}()
		time.Sleep(10 * time.Millisecond)
		_, err = engine.Hold(context.WithoutCancel(t.Context()), retention.Hold{Subject: "s1", Ground: "g", Reason: "r", Actor: "a"})
		require.NoError(t, err)
		left := h.count(t, "SELECT count(*) FROM crm WHERE subject = 's1'")
		require.NoError(t, <-done)
		require.Equal(t, left, h.count(t, "SELECT count(*) FROM crm WHERE subject = 's1'"), "no row went after the hold")
		require.Equal(t, left, h.count(t, "SELECT count(*) FROM crm"))
	})
}

// crowd is a source of any number of rows that takes no memory.
type crowd struct {
	retention.Source
	rows int
	peak uint64
}

func (c *crowd) Name() string     { return "crowd" }
func (c *crowd) Category() string { return "c" }

func (c *crowd) List(_ context.Context, q *retention.Query) iter.Seq2[*retention.Record, error] {
	return func(yield func(*retention.Record, error) bool) {
		after, _ := strconv.Atoi(q.After)
		if after%50_000 == 0 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			c.peak = max(c.peak, m.HeapAlloc)
		}
		r := retention.Record{Events: []int64{1}}
		for i := after + 1; i <= c.rows; i++ {
			r.Key, r.Subject = strconv.Itoa(i), "s"
			if !yield(&r, nil) {
				return
			}
		}
	}
}

// A plan of any size is made in bounded memory.
func TestRetentionPlanMemory(t *testing.T) {
	c := &crowd{rows: 300_000}
	if os.Getenv("GDPRKIT_LONG") != "" {
		c.rows = 10_000_000
	}
	sqltest.For(t, sqlstore.SQLite, func(t *testing.T, e *sqltest.Engine) {
		s, err := retention.ParseSchedule([]byte(sweepSchedule))
		require.NoError(t, err)
		engine, err := retention.New(e.Open(t).Tenant("acme"), s, &retention.Options{Sources: []retention.Source{c}})
		require.NoError(t, err)
		runtime.GC()
		var before runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		p, err := engine.Plan(t.Context(), retention.PlanOptions{By: "job"})
		require.NoError(t, err)
		require.Equal(t, c.rows, p.Rows)
		grown := int64(c.peak) - int64(before.HeapAlloc)
		t.Logf("%d rows, heap grew by %d KiB, %s", p.Rows, grown>>10, time.Since(start).Round(time.Millisecond))
		require.Less(t, grown, int64(64<<20))
	})
}

var (
	_ retention.Auditor      = (*audit.Log)(nil)
	_ retention.BatchAuditor = (*audit.Log)(nil)
)

// The entries of a sweep stand in the real log, and a row that a view names as
// blocked can be left out by an anti-join.
func TestRetentionWithLogAndView(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		pool := e.SQL(t, e.Migrated(t))
		db := e.DB(t, pool, nil)
		h := newCRM(t, e, db, pool)
		old := time.Now().AddDate(-3, 0, 0).UnixMicro()
		for i := range 30 {
			_, err := pool.ExecContext(t.Context(), fmt.Sprintf("INSERT INTO crm (id, subject, a) VALUES (%d, 's%d', %d)", i+1, i%4, old))
			require.NoError(t, err)
		}
		log, err := audit.New(db.Tenant("acme"), nil)
		require.NoError(t, err)
		s, err := retention.ParseSchedule([]byte(sweepSchedule))
		require.NoError(t, err)
		engine, err := retention.New(db.Tenant("acme"), s, &retention.Options{Sources: []retention.Source{h}, Auditor: log, BatchRows: 7})
		require.NoError(t, err)
		require.NoError(t, engine.Block(t.Context(), "s1", "c", "2", "use", time.Now().AddDate(1, 0, 0)))
		require.Equal(t, 29, h.count(t, "SELECT count(*) FROM crm WHERE NOT EXISTS (SELECT 1 FROM gdpr_blocked_records g WHERE g.tenant = 'acme' AND g.category = 'c' AND g.record = "+
			map[sqlstore.Dialect]string{sqlstore.SQLite: "CAST(crm.id AS TEXT)", sqlstore.Postgres: "CAST(crm.id AS TEXT)", sqlstore.MySQL: "CAST(crm.id AS CHAR)"}[e.Dialect]+")"))
		_, err = engine.Hold(t.Context(), retention.Hold{Subject: "s0", Ground: "A18-1-d", Reason: "r", Actor: "u"})
		require.NoError(t, err)
		p, err := engine.Plan(t.Context(), retention.PlanOptions{By: "job"})
		require.NoError(t, err)
		require.NoError(t, engine.Approve(t.Context(), p.ID, p.Hash, "officer"))
		res, err := engine.Execute(t.Context(), p.ID, nil)
		require.NoError(t, err)
		require.Equal(t, 22, res.Handled)
		_, err = log.Sealed(t.Context())
		require.NoError(t, err)
		actions := map[string]int{}
		for x, err := range log.Entries(t.Context(), audit.Filter{First: 1}) {
			require.NoError(t, err)
			actions[x.Action]++
		}
		require.Equal(t, map[string]int{"retention.blocked": 1, "retention.held": 1, "retention.planned": 1, "retention.approved": 1, "retention.handled": 22, "retention.executed": 1}, actions)
		_, err = log.Verify(t.Context())
		require.NoError(t, err)
	})
}
