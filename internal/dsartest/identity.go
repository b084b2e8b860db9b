package dsartest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// nothingBeforeIdentity walks at random through the events: as long as identity is
// neither verified nor waived, no record leaves and none changes.
func nothingBeforeIdentity(t *testing.T, dir storage.Directory) {
	var events []dsar.Event
	for _, tr := range dsar.Transitions() {
		if !internal[tr.Event] && tr.Event != dsar.EventVerify && tr.Event != dsar.EventWaive {
			events = append(events, tr.Event)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		w := NewWorld(t, dir)
		k := Kinds[rapid.IntRange(0, len(Kinds)-1).Draw(rt, "kind")]
		id := w.Receive(k).ID
		before := w.CRM.Rows("contacts")
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			ev := events[rapid.IntRange(0, len(events)-1).Draw(rt, "event")]
			out := new(Discard)
			if ev == dsar.EventBundle {
				_, err := w.Desk.Bundle(context.Background(), id, out, By("emp1"))
				require.Error(t, err)
				require.Zero(t, out.N)
				continue
			}
			_ = try(w, id, ev)
		}
		require.Equal(t, before, w.CRM.Rows("contacts"))
		require.Zero(t, w.CRM.Erased())
		require.False(t, w.CRM.Restricted("c1"))
		require.Empty(t, w.Did())
		r, err := w.Desk.Get(context.Background(), id)
		require.NoError(t, err)
		require.Equal(t, dsar.Unverified, r.Identity)
	})
}

// send challenges and returns the codes that went out.
func send(t *testing.T, w *World) []string {
	var codes []string
	_, err := w.Desk.Deliver(context.Background(), func(_ context.Context, m dsar.Delivery) error {
		require.Equal(t, "anna@example.org", m.Address)
		codes = append(codes, string(m.Code.Reveal()))
		return nil
	})
	require.NoError(t, err)
	return codes
}

func verify(w *World, id, code string) error {
	_, err := w.Desk.Verify(context.Background(), id, dsar.Proof{Act: By(dsar.BySubject), Code: code})
	return err
}

func codes(t *testing.T, w *World) {
	ctx := context.Background()
	w.Held["anna@example.org"] = Start.Add(-90 * 24 * time.Hour)
	w.Held["new@example.org"] = Start.Add(time.Hour) // changed after the request
	r := w.Receive(dsar.Access)
	require.NoError(t, w.Desk.Challenge(ctx, r.ID, "nobody@example.org", By("emp1")))
	require.Empty(t, send(t, w), "an address that is not held gets no code, and the answer is the same")
	w.Wait(time.Minute)
	require.NoError(t, w.Desk.Challenge(ctx, r.ID, "new@example.org", By("emp1")))
	require.Empty(t, send(t, w), "an address that came after the request gets no code")
	w.Wait(time.Minute)
	require.NoError(t, w.Desk.Challenge(ctx, r.ID, "anna@example.org", By("emp1")))
	got := send(t, w)
	require.Len(t, got, 1)
	require.Len(t, got[0], dsar.CodeLength)
	require.Empty(t, send(t, w), "a code is sent once")
	w.Wait(time.Minute)
	require.ErrorIs(t, w.Desk.Challenge(ctx, r.ID, "anna@example.org", By("emp1")), dsar.ErrChallenges)
	require.ErrorIs(t, verify(w, r.ID, "00000000"), dsar.ErrCode)
	require.NoError(t, verify(w, r.ID, strings.ToLower(got[0][:4])+"-"+got[0][4:]))
	now, err := w.Desk.Get(ctx, r.ID)
	require.NoError(t, err)
	require.Equal(t, dsar.Verified, now.Identity)
}

func codesRunOut(t *testing.T, w *World) {
	ctx := context.Background()
	w.Held["anna@example.org"] = Start.Add(-90 * 24 * time.Hour)
	r := w.Receive(dsar.Access)
	require.NoError(t, w.Desk.Challenge(ctx, r.ID, "anna@example.org", By("emp1")))
	code := send(t, w)[0]
	for range dsar.CodeAttempts {
		require.ErrorIs(t, verify(w, r.ID, "ZZZZZZZZ"), dsar.ErrCode)
	}
	require.ErrorIs(t, verify(w, r.ID, code), dsar.ErrCode, "the sixth try fails with the right code too")
	w.Wait(time.Minute)
	require.NoError(t, w.Desk.Challenge(ctx, r.ID, "anna@example.org", By("emp1")))
	second := send(t, w)[0]
	require.ErrorIs(t, verify(w, r.ID, code), dsar.ErrCode, "a new code voids the old")
	w.Wait(dsar.CodeFor + time.Second)
	require.ErrorIs(t, verify(w, r.ID, second), dsar.ErrCode, "expired")
	require.ErrorIs(t, verify(w, "00000000-0000-7000-8000-000000000000", second), dsar.ErrCode, "unknown request: the same answer")
}

// attemptsSurviveRollback: inside a transaction of the host the counter could roll
// back, so no code is compared there.
func attemptsSurviveRollback(t *testing.T, w *World) {
	ctx := context.Background()
	w.Held["anna@example.org"] = Start.Add(-90 * 24 * time.Hour)
	r := w.Receive(dsar.Access)
	require.NoError(t, w.Desk.Challenge(ctx, r.ID, "anna@example.org", By("emp1")))
	code := send(t, w)[0]
	host := errors.New("host rolls back")
	err := w.Store.InTx(ctx, func(ctx context.Context) error {
		_, err := w.Desk.Verify(ctx, r.ID, dsar.Proof{Act: By(dsar.BySubject), Code: code})
		require.ErrorIs(t, err, storage.ErrInTx)
		return host
	})
	require.ErrorIs(t, err, host)
	for n := range dsar.CodeAttempts {
		require.ErrorIs(t, verify(w, r.ID, "ZZZZZZZZ"), dsar.ErrCode, n)
	}
	require.ErrorIs(t, verify(w, r.ID, code), dsar.ErrCode)
}
