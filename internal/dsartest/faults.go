package dsartest

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/stretchr/testify/require"
)

// End is what a finished request leaves behind, without what is random.
type End struct {
	State    dsar.State
	Rows     string
	Sources  string
	Items    string
	Did      string
	Shredded bool
	Bundle   string
}

func endOf(t *testing.T, w *World, id string) End {
	ctx := context.Background()
	r, err := w.Desk.Get(ctx, id)
	require.NoError(t, err)
	e := End{State: r.State, Shredded: w.Sealer.Shredded("c1")}
	for _, table := range []string{"contacts", "notes", "invoices"} {
		for _, row := range w.CRM.Rows(table) {
			e.Rows += fmt.Sprint(table, row.Key, row.Values, "\n")
		}
	}
	receipts, err := w.Desk.Receipts(ctx, id)
	require.NoError(t, err)
	for _, c := range receipts {
		e.Sources += fmt.Sprint(c.Source, c.State, c.Records, c.Withheld, c.Redacted, c.Done, c.Fault, c.Hash, "\n")
	}
	for i, err := range w.Desk.Items(ctx, id) {
		require.NoError(t, err)
		e.Items += fmt.Sprint(i.Source, i.Table, i.Key, i.Action, i.Outcome, i.Ground, i.Evidence, "\n")
	}
	seen := map[string]bool{}
	for _, s := range w.Did() {
		if !seen[s] {
			seen[s] = true
			e.Did += s + "\n"
		}
	}
	if r.Kind == dsar.Access || r.Kind == dsar.Portability {
		var b bytes.Buffer
		_, err := w.Desk.Bundle(ctx, id, &b, By("emp1"))
		require.NoError(t, err)
		files := Unzip(t, b.Bytes())
		e.Bundle = files["data.json"][len(`{"format":"gdprkit.dev/dsar-data/v1","request":"00000000-0000-0000-0000-000000000000"`):]
	}
	return e
}

// faults lets the n-th call of anything outside the desk fail, for n = 1, 2, …
// until nothing fails any more; after each fault the desk is made anew, as after a
// restart, and goes on. The end must be that of the run without faults.
func faults(t *testing.T, dir storage.Directory, kinds []dsar.Kind) {
	for _, k := range kinds {
		t.Run(string(k), func(t *testing.T) {
			w := NewWorld(t, dir)
			id := w.Prepare(k).ID
			_, err := w.Finish(id)
			require.NoError(t, err)
			want := endOf(t, w, id)
			for n := 1; ; n++ {
				w := NewWorld(t, dir)
				id := w.Prepare(k).ID
				hit := inject(w, n)
				failures := 0
				for {
					_, err := w.Finish(id)
					if err == nil {
						break
					}
					failures++
					require.Less(t, failures, 5, "%v", err)
					w.Restart()
				}
				more := hit()
				require.Equal(t, want, endOf(t, w, id), "fault %d", n)
				if !more {
					require.Greater(t, n, 1, "no fault was possible")
					return
				}
			}
		})
	}
}

// inject makes the n-th call fail, once, and tells, when asked after the run, whether it came to that.
func inject(w *World, n int) (hit func() bool) {
	var mu sync.Mutex
	calls, done := 0, false
	fault := func(string) error {
		mu.Lock()
		defer mu.Unlock()
		if calls++; calls == n {
			done = true
			return ErrFault
		}
		return nil
	}
	w.CRM.Fault, w.Other.Fault = fault, fault
	w.Options.Parallel = 1
	w.Options.Auditor = faultyAudit{w.Audit, fault}
	w.Options.Journal = faultyJournal{w.Journal, fault}
	w.Options.Shredder = faultyShredder{w.Sealer, fault}
	w.Options.Restricter = faultyRestricter{fault, w}
	object, withdraw, suppress := w.Options.Object, w.Options.Withdraw, w.Options.Suppress
	wrap := func(f func(context.Context, string, string) error) func(context.Context, string, string) error {
		return func(ctx context.Context, a, b string) error {
			if err := fault("bridge"); err != nil {
				return err
			}
			return f(ctx, a, b)
		}
	}
	w.Options.Object, w.Options.Withdraw, w.Options.Suppress = wrap(object), wrap(withdraw), wrap(suppress)
	w.Restart()
	return func() bool {
		mu.Lock()
		defer mu.Unlock()
		calls = 1 << 30 // no fault from here on
		return done
	}
}
