package bridgetest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/internal/consenttest"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// racing is a store that lets other writers in between the reading of a person and
// the writing of what follows from it.
type racing struct {
	storage.Store
	meet func()
}

func (r *racing) Apply(ctx context.Context, ops ...storage.Op) ([]int64, error) {
	if meet := r.meet; meet != nil {
		r.meet = nil
		meet()
	}
	return r.Store.Apply(ctx, ops...)
}

// Where a step is one statement, an act is written without a lock. Whoever is
// overtaken decides anew; each act has one record and one entry, in this order.
func TestActsAtOnceAreOneRecordAndOneEntry(t *testing.T) {
	ctx := t.Context()
	db := memstore.New(&memstore.Options{Traits: &storage.Traits{Whole: true}})
	store := &racing{Store: db.Tenant("acme")}
	log, err := audit.New(db.Tenant("acme"), nil)
	require.NoError(t, err)
	c, err := consent.NewCatalogue(consenttest.Purposes()...)
	require.NoError(t, err)
	l, err := consent.New(store, c, &consent.Options{Auditor: log})
	require.NoError(t, err)
	withdraw := consent.Act{Subject: "c-1", Purpose: "news", Channel: "email", At: consenttest.Day(3)}
	store.meet = func() {
		_, err := l.Withdraw(ctx, withdraw)
		require.NoError(t, err)
	}
	rec, err := l.Give(ctx, consenttest.Give("c-1", "news", "email", 2))
	require.NoError(t, err)
	require.Equal(t, int64(2), rec.Seq, "the withdrawal came first")
	require.False(t, consenttest.Check(t, l, "c-1", "news", "email").Allowed, "and is the later word")

	keyed := consenttest.Give("c-2", "news", "email", 1)
	keyed.Key = "form-7"
	var wg sync.WaitGroup
	for w := range 6 {
		wg.Go(func() {
			for i := range 10 {
				_, err := l.Give(ctx, consenttest.Give("c-1", "news", []string{"email", "sms"}[w%2], 4+i))
				if err == nil {
					_, err = l.Give(ctx, keyed)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	_, err = log.Sealed(ctx)
	require.NoError(t, err)

	want := map[string]bool{}
	for subject, n := range map[string]int{"c-1": 62, "c-2": 1} {
		require.NoError(t, l.Verify(ctx, subject))
		seq := int64(0)
		for r, err := range l.History(ctx, subject) {
			require.NoError(t, err)
			seq++
			require.Equal(t, seq, r.Seq)
			want[fmt.Sprint(r.ID)] = true
		}
		require.Equal(t, int64(n), seq)
	}
	for e, err := range log.Entries(ctx, audit.Filter{}) {
		require.NoError(t, err)
		for _, a := range e.Attrs {
			if a.Key == "record" {
				id := a.Value.Resolve().String()
				require.True(t, want[id], "a record that is not there, or twice")
				delete(want, id)
			}
		}
	}
	require.Empty(t, want)
	_, err = log.Verify(ctx)
	require.NoError(t, err)
}
