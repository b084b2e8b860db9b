package pseudonym_test

import (
	"context"
	"iter"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/pseudonymtest"
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// Two processes finish shreds of several subjects at once: each subject gets one entry
// about the outcome.
func TestOutcomeIsRecordedOnceEach(t *testing.T) {
	ctx := t.Context()
	plain := memstore.New(nil).Tenant("acme")
	kms, log := pseudonymtest.NewKMS(), &pseudonymtest.Log{}
	j := newJournal(t)
	slow := &slowJournal{Journal: j}
	v := pseudonymtest.NewVault(t, plain, kms, &pseudonym.Options{Journal: slow})
	w := pseudonymtest.NewVault(t, plain, kms, &pseudonym.Options{Journal: j})
	v.AuditTo(log)
	w.AuditTo(log)
	require.NoError(t, w.Ready(ctx))
	require.NoError(t, v.Ready(ctx))
	decide := pseudonymtest.NewVault(t, plain, kms, &pseudonym.Options{Journal: full{j}})
	for _, subject := range []string{"c-1", "c-2"} {
		_, err := w.Seal(ctx, subject, place, nil)
		require.NoError(t, err)
		require.ErrorIs(t, decide.Shred(ctx, subject), pseudonym.ErrUnfinished)
	}
	slow.reads = func() { require.NoError(t, w.Shred(ctx, "c-1")) }
	require.NoError(t, v.Work(ctx))
	require.Nil(t, slow.reads)
	entries := log.Entries()
	for _, e := range []string{"key.shredded c-1", "key.shredded c-2"} {
		require.Len(t, slices.DeleteFunc(slices.Clone(entries), func(x string) bool { return x != e }), 1, e)
	}
}

// full is a journal that takes nothing.
type full struct{ pseudonym.Journal }

func (full) Append(context.Context, []byte) error { return context.DeadlineExceeded }

// slowJournal runs a function while it is read the second time: first Work compares it,
// then it finishes the shreds that it has read.
type slowJournal struct {
	pseudonym.Journal
	n     int
	reads func()
}

func (j *slowJournal) Read(ctx context.Context, from uint64) iter.Seq2[[]byte, error] {
	if j.reads != nil {
		if j.n++; j.n == 2 {
			f := j.reads
			j.reads = nil
			f()
		}
	}
	return j.Journal.Read(ctx, from)
}
