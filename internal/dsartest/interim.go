package dsartest

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gdprkit/gdprkit/dsar"
	"github.com/stretchr/testify/require"
)

const (
	interimOn  = "restrict c1 profiling A18-1-d"
	interimOff = "lift c1 profiling A18-1-d"
)

// objectTo receives an objection under art. 21(1) by somebody who is known.
func objectTo(w *World, purpose string) *dsar.Request {
	in := Intake(dsar.Objection)
	in.Purposes = []string{purpose}
	r, err := w.Desk.Receive(context.Background(), in)
	require.NoError(w.T, err)
	_, err = w.Desk.Verify(context.Background(), r.ID, dsar.Proof{Act: By("emp1"), Method: "login"})
	require.NoError(w.T, err)
	return r
}

func liftDue(w *World) int {
	n, err := w.Desk.LiftDue(context.Background(), By(dsar.BySystem))
	require.NoError(w.T, err)
	return n
}

// interimRestriction: however an objection ends, the restriction that held meanwhile
// is lifted, and the person is told before.
func interimRestriction(t *testing.T, w *World) {
	ctx := context.Background()
	for name, end := range map[string]func(id string) (*dsar.Request, error){
		"refused":   func(id string) (*dsar.Request, error) { return w.Desk.Refuse(ctx, id, RefusalOf(), By("emp1")) },
		"cancelled": func(id string) (*dsar.Request, error) { return w.Desk.Cancel(ctx, id, By(dsar.BySubject)) },
		"upheld":    func(id string) (*dsar.Request, error) { w.Approve(id); return w.Finish(id) },
	} {
		w.Done = nil
		r := objectTo(w, "profiling")
		require.Equal(t, []string{interimOn}, w.Did(), name)
		done, err := end(r.ID)
		require.NoError(t, err, name)
		require.Equal(t, w.Now().Add(7*24*time.Hour), done.Lift, name)
		require.NotNil(t, done.Letter, name)
		require.Contains(t, done.Letter.Text, done.Lift.Format(time.DateOnly), "%s: told before", name)
		require.Contains(t, done.Letter.Text, "opgeheven", name)
		require.Zero(t, liftDue(w), name)
		var inc *dsar.IncompleteError
		_, err = w.Desk.Lift(ctx, r.ID, By("emp1"))
		require.ErrorAs(t, err, &inc, name)
		require.NotContains(t, w.Did(), interimOff, name)
		w.Wait(7 * 24 * time.Hour)
		require.Equal(t, 1, liftDue(w), name)
		require.Equal(t, interimOff, w.Did()[len(w.Did())-1], name)
		require.Zero(t, liftDue(w), name)
		now, err := w.Desk.Get(ctx, r.ID)
		require.NoError(t, err)
		require.True(t, now.Lift.IsZero(), name)
		h := historyOf(t, w, r.ID)
		require.Equal(t, dsar.EventLift, h[len(h)-1].Event, name)
	}
}

// interimOfTwo: the restriction stays while another objection to the same purpose is
// open, and comes back when a refused one is taken up again.
func interimOfTwo(t *testing.T, w *World) {
	ctx := context.Background()
	lifted := func() bool { return slices.Contains(w.Did(), interimOff) }
	a, b := objectTo(w, "profiling"), objectTo(w, "profiling")
	_, err := w.Desk.Refuse(ctx, a.ID, RefusalOf(), By("emp1"))
	require.NoError(t, err)
	w.Wait(8 * 24 * time.Hour)
	require.Equal(t, 1, liftDue(w))
	require.False(t, lifted(), "the other is not decided")
	_, err = w.Desk.Refuse(ctx, b.ID, RefusalOf(), By("emp1"))
	require.NoError(t, err)
	w.Wait(8 * 24 * time.Hour)
	require.Equal(t, 1, liftDue(w))
	require.True(t, lifted())
	w.Done = nil
	_, err = w.Desk.Reopen(ctx, b.ID, "authority", By("emp1"))
	require.NoError(t, err)
	require.Equal(t, []string{interimOn}, w.Did())
	_, err = w.Desk.Refuse(ctx, b.ID, RefusalOf(), By("emp1"))
	require.NoError(t, err)
	_, err = w.Desk.Reopen(ctx, b.ID, "authority", By("emp1"))
	require.NoError(t, err)
	w.Wait(8 * 24 * time.Hour)
	require.Zero(t, liftDue(w), "taken up again before it was lifted")
	require.Equal(t, []string{interimOn}, w.Did(), "it still stood")

	// A key that is linked later is restricted from then on.
	c := objectTo(w, "profiling")
	_, err = w.Desk.Identify(ctx, c.ID, By("emp1"), "c2")
	require.NoError(t, err)
	require.Contains(t, w.Did(), strings.Replace(interimOn, "c1", "c2", 1))
	// Marketing is not weighed, so nothing is restricted meanwhile.
	w.Done = nil
	m := objectTo(w, dsar.MarketingPurpose)
	_, err = w.Desk.Cancel(ctx, m.ID, By(dsar.BySubject))
	require.NoError(t, err)
	require.Empty(t, w.Did())
}

// cancelledHalfway: a request that is cancelled after a part of it was carried out
// keeps nothing that waits: neither what was not done yet nor what a duty deferred.
func cancelledHalfway(t *testing.T, w *World) {
	ctx := context.Background()
	w.Keeper.Claims["c1-n1"] = true // deferred at the first attempt
	w.Other.Add("notes", Row{Subject: "c1", Key: "c1-x1", Values: []any{int64(1), "text", nil}})
	w.Other.Fault = func(method string) error {
		if method == "erase" {
			return ErrFault
		}
		return nil
	}
	r := w.Prepare(dsar.Erasure)
	_, err := w.Desk.Work(ctx, r.ID, By("emp1"))
	require.True(t, IsFault(err))
	w.CRM.Add("notes", Row{Subject: "c1", Key: "c1-n3", Values: []any{int64(3), "came later", nil}})
	w.Approve(r.ID) // anew, so that it can be cancelled
	_, err = w.Desk.Cancel(ctx, r.ID, By(dsar.BySubject))
	require.NoError(t, err)
	states := map[string]bool{}
	for i, err := range w.Desk.Items(ctx, r.ID) {
		require.NoError(t, err)
		require.False(t, i.Deferred, i.Key)
		states[i.Key] = states[i.Key] || i.Cancelled
	}
	require.True(t, states["c1-n3"], "planned and never done")
	require.True(t, states["c1-n1"], "waited for the end of a claim")
	require.True(t, states["c1-x1"], "its source failed")
	delete(w.Keeper.Claims, "c1-n1")
	w.Other.Fault = nil
	w.Wait(20 * 365 * 24 * time.Hour)
	left, err := w.Desk.Backlog(ctx)
	require.NoError(t, err)
	require.Zero(t, left)
	n, err := w.Desk.Rest(ctx, By(dsar.BySystem))
	require.NoError(t, err)
	require.Zero(t, n)
	for _, ev := range []dsar.Event{dsar.EventPlan, dsar.EventApprove, dsar.EventWork, dsar.EventReopen} {
		require.ErrorIs(t, try(w, r.ID, ev), dsar.ErrTransition)
	}
	require.True(t, w.holds("notes", "c1-n1") && w.holds("notes", "c1-n3"))
	require.Len(t, w.Other.Rows("notes"), 1)
	receipts, err := w.Desk.Receipts(ctx, r.ID)
	require.NoError(t, err)
	for _, c := range receipts {
		require.NotContains(t, []dsar.SourceState{dsar.SourcePending, dsar.SourceFailed}, c.State, c.Source)
	}
	expired, err := w.Desk.Expire(ctx, By(dsar.BySystem))
	require.NoError(t, err)
	require.Equal(t, 1, expired, "nothing keeps its file")
}
