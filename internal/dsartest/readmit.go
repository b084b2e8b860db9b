package dsartest

import (
	"context"
	"testing"
	"time"

	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/stretchr/testify/require"
)

// local is a CRM in the database of the desk, as far as a restore is concerned.
type local struct{ *CRM }

// Remote reports false.
func (local) Remote() bool { return false }

// blocker notes what it is told.
type blocker struct{ w *World }

func (b blocker) Block(_ context.Context, subject, category, record, rule string, until time.Time) error {
	return b.w.did("block " + subject + " " + category + " " + record + " " + rule + " " + until.UTC().Format(time.DateOnly))
}

// Readmission: what was entered after a readmission is never erased again, and what a
// backup brings back never stays.
func Readmission(t *testing.T, open func(t *testing.T) storage.Directory) {
	ctx := context.Background()
	prepare := func(t *testing.T) (w *World, backup *CRM) {
		w = NewWorld(t, open(t))
		w.Options.Blocker = blocker{w}
		w.sources(local{w.CRM})
		backup = w.CRM.Snapshot()
		_, err := w.Finish(w.Prepare(dsar.Erasure).ID)
		require.NoError(t, err)
		require.ErrorIs(t, w.Store.InTx(ctx, func(ctx context.Context) error {
			return w.Desk.Readmit(ctx, "c1", "new-contract", By("emp1"))
		}), storage.ErrInTx)
		require.NoError(t, w.Desk.Readmit(ctx, "c1", "new-contract", By("emp1")))
		w.CRM.Add("notes", newNote)
		return w, backup
	}
	replay := func(w *World) *dsar.Replayed {
		out, err := w.Desk.Replay(ctx, By("emp1"))
		require.NoError(w.T, err)
		return out
	}
	contact := Row{Subject: "c1", Key: "c1-9", Values: []any{int64(9), "Anna de Vries", "anna@example.org", nil, nil}}

	t.Run("NothingRestored", func(t *testing.T) {
		w, _ := prepare(t)
		w.CRM.Add("contacts", contact)
		for range 2 {
			require.Equal(t, &dsar.Replayed{Records: 2, Readmitted: 1}, replay(w))
		}
		require.True(t, w.holds("notes", newNote.Key))
		require.Contains(t, w.Audit.Text(), "request.readmitted")
	})
	t.Run("EverythingRestored", func(t *testing.T) {
		w, backup := prepare(t)
		w.Store = open(t).Tenant(w.Store.Scope()) // older than the erasure and the readmission
		w.CRM, w.Done = backup, nil
		w.sources(local{backup})
		out := replay(w)
		require.Equal(t, 1, out.Subjects)
		require.Equal(t, 3, out.Items)
		require.Len(t, backup.Rows("contacts"), 1, "the old does not come back")
		require.False(t, w.holds("notes", "c1-n1"))
		invoice := backup.Rows("invoices")[0]
		require.Equal(t, "c1-i1", invoice.Key)
		require.Nil(t, invoice.Values[3], "what no duty names does not come back either")
		require.NotNil(t, invoice.Values[2], "what the duty names stays")
		require.Contains(t, w.Did(), "block c1 invoice c1-i1 NL-AWR-52 2033-01-01", "nor does the use of the record")
		backup.Add("contacts", contact) // entered anew
		backup.Add("notes", newNote)
		out = replay(w)
		require.Zero(t, out.Items)
		require.Equal(t, 1, out.Readmitted)
		require.True(t, w.holds("notes", newNote.Key), "what is newly entered stays")
	})
	t.Run("ErasedTwice", func(t *testing.T) {
		w, _ := prepare(t)
		w.CRM.Add("contacts", contact)
		_, err := w.Finish(w.Prepare(dsar.Erasure).ID)
		require.NoError(t, err)
		w.CRM.Add("contacts", contact) // brought back by a table of an old backup
		out := replay(w)
		require.Equal(t, 1, out.Items)
		require.False(t, w.holds("contacts", contact.Key))
	})
	t.Run("RemoteIsLeft", func(t *testing.T) {
		w, _ := prepare(t)
		w.sources(w.CRM) // now a system of its own, which was not restored
		w.CRM.Add("contacts", contact)
		w.Store = open(t).Tenant(w.Store.Scope())
		w.sources(w.CRM)
		require.Equal(t, 1, replay(w).Readmitted)
		require.True(t, w.holds("notes", newNote.Key))
	})
}

var newNote = Row{Subject: "c1", Key: "c1-n9", Values: []any{int64(9), "called again", nil}}

func (w *World) sources(s ...dsar.Source) {
	w.Options.Sources = s
	w.Restart()
}

func (w *World) holds(table, key string) bool {
	for _, r := range w.CRM.Rows(table) {
		if r.Key == key {
			return true
		}
	}
	return false
}
