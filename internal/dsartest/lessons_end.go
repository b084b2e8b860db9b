package dsartest

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/gdprkit/gdprkit/dsar"
	"github.com/stretchr/testify/require"
)

// readOnly hides what a source can do beside reading.
type readOnly struct{ dsar.Source }

func lessonNoEraser(t *testing.T, w *World) {
	ctx := context.Background()
	w.Options.Sources = []dsar.Source{readOnly{w.CRM}}
	w.Restart()
	r := w.Receive(dsar.Erasure)
	_, err := w.Desk.Waive(ctx, r.ID, "known", By("emp1"))
	require.NoError(t, err)
	_, err = w.Desk.Plan(ctx, r.ID, By("emp1"))
	require.ErrorIs(t, err, dsar.ErrCapability)
	require.ErrorContains(t, err, "crm")
}

func lessonReplay(t *testing.T, w *World) {
	ctx := context.Background()
	backup := w.CRM.Snapshot()
	r := w.Prepare(dsar.Erasure)
	_, err := w.Finish(r.ID)
	require.NoError(t, err)
	w.CRM = backup
	w.Options.Sources = []dsar.Source{backup}
	w.Restart()
	require.Len(t, backup.Rows("contacts"), 2, "the backup brought her back")
	out, err := w.Desk.Replay(ctx, By(dsar.BySystem))
	require.NoError(t, err)
	require.Equal(t, &dsar.Replayed{Records: 1, Subjects: 1, Items: 3, Kept: 2}, out)
	require.Len(t, backup.Rows("contacts"), 1)
	again, err := w.Desk.Replay(ctx, By(dsar.BySystem))
	require.NoError(t, err)
	require.Zero(t, again.Items)
}

type notifier struct{ told []string }

// Notify implements dsar.Notifier.
func (n *notifier) Notify(_ context.Context, recipient string, message []byte) error {
	var m dsar.RecipientNotice
	if err := json.Unmarshal(message, &m); err != nil {
		return err
	}
	n.told = append(n.told, recipient+" "+m.Article)
	return nil
}

func lessonRecipients(t *testing.T, w *World) {
	ctx := context.Background()
	n := new(notifier)
	w.Options.Notifier = n
	w.Restart()
	for _, name := range []string{"Mailer Ltd", "Old Firm"} {
		require.NoError(t, w.Desk.Disclose(ctx, dsar.Disclosed{Subject: "c1", Recipient: name, Categories: []string{"contact"}, Basis: "A6-1-f"}))
	}
	r := w.Prepare(dsar.Erasure)
	_, err := w.Desk.Work(ctx, r.ID, By("emp1"))
	require.NoError(t, err)
	_, err = w.Desk.Fulfil(ctx, r.ID, By("emp1"))
	require.ErrorIs(t, err, dsar.ErrRecipients)
	require.NoError(t, w.Desk.Impossible(ctx, r.ID, "Old Firm", "dissolved", By("emp1")))
	sent, err := w.Desk.Notify(ctx, r.ID, By("emp1"))
	require.NoError(t, err)
	require.Equal(t, 1, sent)
	require.Equal(t, []string{"Mailer Ltd A17"}, n.told)
	done, err := w.Desk.Fulfil(ctx, r.ID, By("emp1"))
	require.NoError(t, err)
	require.Contains(t, done.Letter.Text, "Old Firm: niet mogelijk (dissolved)")
	require.NoError(t, w.Desk.Acknowledge(ctx, r.ID, "Mailer Ltd", By("emp1")), "tracked until acknowledged")
	for range w.Desk.Disclosures(ctx, "c1") {
		t.Fatal("the log of disclosures goes with the person")
	}
}

func lessonLogged(t *testing.T, w *World) {
	r := w.Receive(dsar.Erasure)
	_, err := w.Desk.Waive(context.Background(), r.ID, "known", By("emp1"))
	require.NoError(t, err)
	_, err = w.Desk.Cancel(context.Background(), r.ID, By(dsar.BySubject))
	require.NoError(t, err)
	text := w.Audit.Text()
	for _, want := range []string{"request.receive", "request.waive", "request.cancel"} {
		require.Contains(t, text, want)
	}
	require.NotContains(t, text, "anna")
}
