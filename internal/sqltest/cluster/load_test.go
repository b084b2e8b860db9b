package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

var (
	addRow   = &storage.Write{Verb: storage.InsertNew, Table: schema.Lease, Set: []string{"name", "owner"}}
	addTurn  = &storage.Write{Verb: storage.Update, Table: schema.Lease, Add: []string{"turn"}, Where: storage.By("name"), Must: true}
	setOwner = &storage.Write{Verb: storage.Update, Table: schema.Lease, Set: []string{"owner"}, Where: storage.By("name"), Must: true}
	ownerNow = &storage.Select{From: schema.Lease, Columns: []string{"owner"}, Where: storage.By("name"), Mode: storage.Current}
	turnOf   = &storage.Select{From: schema.Lease, Columns: []string{"turn"}, Where: storage.By("name"), Mode: storage.Current}
	rowsOf   = &storage.Select{From: schema.Lease, Columns: []string{"name", "owner"}, Order: []string{"name"}}
	claimRow = &storage.Claim{Into: schema.Lease, Columns: []string{"name"}, Read: []string{"turn"}}
)

// place is where a worker's statements go: a node, or what a DSN of several hosts
// makes of them.
type place struct {
	db    *sqlstore.DB
	store storage.Store
	log   *audit.Log
}

func newPlace(t testing.TB, driver, dsn string, d sqlstore.Dialect) *place {
	t.Helper()
	pool, err := openPool(driver, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { pool.Close() })
	pool.SetConnMaxIdleTime(5 * time.Second)
	db, err := sqlstore.New(pool, d, &sqlstore.Options{Retries: 8})
	require.NoError(t, err)
	s := db.Tenant("acme")
	log, err := audit.New(s, nil)
	require.NoError(t, err)
	return &place{db, s, log}
}

// load is a host under load. Each act claims a counter, adds a row of its own key,
// counts it, and records it, in one transaction.
type load struct {
	places []*place
	stop   chan struct{}
	wg     sync.WaitGroup

	mu           sync.Mutex
	acknowledged map[string]string // act -> counter
	tries        map[string]int    // of each error
	longest      atomic.Int64
}

func startLoad(places []*place, workers, counters int) *load {
	l := &load{places: places, stop: make(chan struct{}), acknowledged: map[string]string{}, tries: map[string]int{}}
	for i := range workers {
		l.wg.Add(1)
		go func() {
			defer l.wg.Done()
			for n := 0; ; n++ {
				act, counter := fmt.Sprintf("act-%d-%d", i, n), fmt.Sprintf("counter-%d", (i+n)%counters)
				if !l.untilDone(i, act, counter) {
					return
				}
			}
		}()
	}
	return l
}

// untilDone repeats an act with its key until it is acknowledged, on the next
// place after each error, as a host behind a balancer does.
func (l *load) untilDone(i int, act, counter string) bool {
	begun := time.Now()
	for try := 0; ; try++ {
		select {
		case <-l.stop:
			return false // never acknowledged
		default:
		}
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		err := l.places[(i+try)%len(l.places)].act(ctx, act, counter)
		cancel()
		l.mu.Lock()
		if err == nil {
			l.acknowledged[act] = counter
			l.mu.Unlock()
			if d := int64(time.Since(begun)); d > l.longest.Load() {
				l.longest.Store(d)
			}
			return true
		}
		l.tries[err.Error()]++
		l.mu.Unlock()
		time.Sleep(20 * time.Millisecond)
	}
}

func (p *place) act(ctx context.Context, act, counter string) error {
	return p.store.InTx(ctx, func(ctx context.Context) error {
		var turn int
		if err := p.store.Claim(ctx, claimRow, []any{counter}, &turn); err != nil {
			return err
		}
		n, err := p.store.Apply(ctx, addRow.With(act, counter))
		if err != nil || n[0] == 0 { // 0: it was committed after all
			return err
		}
		if _, err := p.store.Apply(ctx, addTurn.With(1, counter)); err != nil {
			return err
		}
		_, err = p.log.Append(ctx, audit.Event{Action: "act.done", Key: act, Attrs: []slog.Attr{slog.Int("turn", turn)}})
		return err
	})
}

func (l *load) end(t *testing.T) {
	t.Helper()
	close(l.stop)
	l.wg.Wait()
	t.Logf("%d acknowledged, longest wait %v, errors %v", len(l.acknowledged), time.Duration(l.longest.Load()).Round(time.Millisecond), l.tries)
}

// check compares what was acknowledged with what is there.
func (l *load) check(t *testing.T, p *place) {
	t.Helper()
	ctx := t.Context()
	there, per := map[string]string{}, map[string]int{}
	require.NoError(t, p.db.InTx(ctx, func(context.Context) error { return nil })) // on Galera: wait for the cluster
	for row, err := range p.store.Scan(ctx, rowsOf, nil) {
		require.NoError(t, err)
		var name, counter string
		require.NoError(t, row.Scan(&name, &counter))
		if counter != "" {
			there[name] = counter
			per[counter]++
		}
	}
	for act, counter := range l.acknowledged {
		require.Equal(t, counter, there[act], "lost: %s", act)
	}
	for counter, n := range per {
		var turn int
		require.NoError(t, p.store.Get(ctx, turnOf, []any{counter}, &turn))
		require.Equal(t, n, turn, "doubled or lost: %s", counter)
	}
	require.Eventually(t, func() bool {
		_, err := p.log.Sealed(ctx)
		return err == nil
	}, 30*time.Second, 100*time.Millisecond)
	report, err := p.log.Verify(ctx)
	require.NoError(t, err)
	entries := 0
	for e, err := range p.log.Entries(ctx, audit.Filter{}) {
		require.NoError(t, err)
		if e.Action == "act.done" {
			entries++
		}
	}
	require.Equal(t, len(there), entries, "entries of acts; pending %d", report.Pending)
	st := p.db.Stats()
	t.Logf("%d acts there, log of %d entries verified; stats %+v", len(there), report.Size, st)
}

// stale withdraws in one place and decides in another, n times.
func stale(t *testing.T, places []*place, n int) {
	t.Helper()
	ctx := t.Context()
	_, err := places[0].store.Apply(ctx, addRow.With("consent", ""))
	require.NoError(t, err)
	old := 0
	for i := range n {
		from, to := places[i%len(places)], places[(i+1)%len(places)]
		want := fmt.Sprintf("state-%d", i)
		for {
			_, err := from.store.Apply(ctx, setOwner.With(want, "consent"))
			if err == nil {
				break
			}
			require.True(t, errors.Is(err, storage.ErrConflict), "%v", err)
		}
		var got string
		read := func(ctx context.Context) error { return to.store.Get(ctx, ownerNow, []any{"consent"}, &got) }
		if i%4 == 0 {
			err = to.store.InTx(ctx, read)
		} else {
			err = read(ctx)
		}
		require.NoError(t, err)
		if got != want {
			old++
		}
	}
	_, err = places[0].store.Apply(ctx, setOwner.With("", "consent"))
	require.NoError(t, err)
	require.Zero(t, old, "stale decisions of %d", n)
}
