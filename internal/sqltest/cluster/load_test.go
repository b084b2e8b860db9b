package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/gdpr"
)

// A kind of work goes on in one worker until the load ends, and afterwards compares
// what was acknowledged with what is there.
type kind interface {
	name() string
	// work does one act until it is acknowledged. It returns false when the load ends.
	work(w *worker, n int) bool
	// check is called for each place, with the log as it was read there.
	check(t *testing.T, p *place, log entries)
	// acknowledged tells how many acts were.
	acknowledged() int
}

// load is a host under load: consent, audit, keys, sweep and request at once.
type load struct {
	places []*place
	kinds  []kind
	cancel context.CancelFunc
	ctx    context.Context
	wg     sync.WaitGroup

	mu      sync.Mutex
	tries   map[string]int // of each error
	stuck   []string
	longest time.Duration
}

// patience is how long an act may take, through the death of any node.
const patience = 2 * time.Minute

func startLoad(places []*place, kinds ...kind) *load {
	l := &load{places: places, kinds: kinds, tries: map[string]int{}}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	for i, k := range kinds {
		l.wg.Go(func() {
			for n := 0; k.work(&worker{l, i}, n); n++ {
			}
		})
	}
	for _, p := range places { // what a host leaves running
		l.wg.Go(func() {
			for l.ctx.Err() == nil {
				p.kit.Run(l.ctx)
			}
		})
	}
	return l
}

// worker is one caller of the host.
type worker struct {
	l *load
	i int
}

// until repeats f until it returns nil, in the next place after each error, as a
// host behind a balancer does. It returns the place, or nil when the load ended
// before that: then nobody was told that f is done.
func (w *worker) until(what string, f func(ctx context.Context, p *place) error) *place {
	begun := time.Now()
	for try := 0; w.l.ctx.Err() == nil; try++ {
		p := w.l.places[(w.i+try)%len(w.l.places)]
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		err := f(ctx, p)
		cancel()
		took := time.Since(begun)
		w.l.mu.Lock()
		if err == nil {
			w.l.longest = max(w.l.longest, took)
			w.l.mu.Unlock()
			return p
		}
		w.l.tries[what+": "+err.Error()]++
		if took > patience {
			w.l.stuck = append(w.l.stuck, what+": "+err.Error())
			w.l.mu.Unlock()
			return nil
		}
		w.l.mu.Unlock()
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

// other returns a place that is not p, if there is one.
func (w *worker) other(p *place) *place {
	i := slices.Index(w.l.places, p)
	return w.l.places[(i+1)%len(w.l.places)]
}

// until waits until enough decisions were asked for.
func (l *load) until(t *testing.T, asked []*consents, n int) {
	t.Helper()
	require.Eventually(t, func() bool {
		sum := 0
		for _, c := range asked {
			sum += c.done()
		}
		return sum >= n
	}, 10*time.Minute, 100*time.Millisecond)
}

// end stops the load and tells what it did.
func (l *load) end(t *testing.T) {
	t.Helper()
	l.cancel()
	l.wg.Wait()
	for _, k := range l.kinds {
		t.Logf("%-8s %6d acknowledged", k.name(), k.acknowledged())
		require.NotZero(t, k.acknowledged(), k.name())
	}
	t.Logf("longest wait %v; errors on the way:", l.longest.Round(time.Millisecond))
	for _, text := range slices.Sorted(maps.Keys(l.tries)) {
		t.Logf("%6d %s", l.tries[text], text)
	}
	require.Empty(t, l.stuck)
}

// check compares what was acknowledged with what is there, in each place: first
// with the library as it ran, then opened afresh, without anything in memory.
func (l *load) check(t *testing.T) {
	t.Helper()
	var root string
	for i, p := range l.places {
		t.Logf("place %d", i)
		require.NoError(t, p.db.InTx(t.Context(), func(context.Context) error { return nil })) // on Galera: wait for the cluster
		require.NoError(t, p.kit.Vault.Work(t.Context()))
		require.Eventually(t, func() bool {
			_, err := p.kit.Log.Sealed(t.Context())
			return err == nil
		}, 30*time.Second, 100*time.Millisecond)
		report, err := p.kit.Log.Verify(t.Context())
		require.NoError(t, err)
		require.Zero(t, report.Pending)
		if i == 0 {
			root = fmt.Sprintf("%d %x", report.Size, report.Root)
		}
		require.Equal(t, root, fmt.Sprintf("%d %x", report.Size, report.Root), "all nodes have one log")
		log := readLog(t, p)
		for _, k := range l.kinds {
			k.check(t, p, log)
		}
		t.Logf("place %d: log of %d entries verified; %+v", i, report.Size, p.db.Stats())
	}
}

// entries counts the entries of a log by action, by action and subject's token, and
// by action and act, request or record.
type entries map[string]int

func readLog(t *testing.T, p *place) entries {
	t.Helper()
	n := entries{}
	next := uint64(0)
	for e, err := range p.kit.Log.Entries(t.Context(), audit.Filter{}) {
		require.NoError(t, err)
		require.Equal(t, next, e.Index)
		next++
		n[e.Action]++
		for _, s := range e.Subjects {
			n[e.Action+" "+s]++
		}
		for _, a := range e.Attrs {
			if v, ok := a.Value.Any().(gdpr.ClearValue); ok && (a.Key == "act" || a.Key == "request") {
				n[e.Action+" "+string(v)]++
			}
		}
	}
	return n
}

// token is the name of a subject in the log.
func (p *place) token(t *testing.T, subject string) string {
	t.Helper()
	s, err := p.kit.Vault.Token(t.Context(), "audit", subject)
	require.NoError(t, err)
	return s
}

// ints reads one number.
func (p *place) count(t *testing.T, query string, args ...any) (n int) {
	t.Helper()
	require.NoError(t, p.pool.QueryRowContext(t.Context(), p.bind(query), args...).Scan(&n))
	return n
}
