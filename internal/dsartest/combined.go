package dsartest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/stretchr/testify/require"
)

// combined are scenarios in which two things happen at once, or one in the middle of
// another.
var combined = []struct {
	name string
	run  func(*testing.T, *World)
}{
	{"CancelledDuringTheWork", cancelledDuringTheWork},
	{"TwoPlanners", twoPlanners},
	{"RectifiedUnderTheOtherKey", rectifiedUnderTheOtherKey},
	{"TwoRestrictions", twoRestrictions},
	{"RestrictionOutlastsItsFile", restrictionOutlastsItsFile},
	{"ClosedWhilePaused", closedWhilePaused},
	{"PortabilityNamesNoRecipients", portabilityNamesNoRecipients},
	{"PausesThatOverlap", pausesThatOverlap},
	{"SourceGone", sourceGone},
	{"NothingLeftIsNotNothingHeld", nothingLeft},
	{"SourceGoneMeanwhile", sourceGoneMeanwhile},
}

// cancelledDuringTheWork has another desk plan anew and record that the person took
// the request back, while the first looks for residues: no key may go after that.
func cancelledDuringTheWork(t *testing.T, w *World) {
	ctx := context.Background()
	r := w.Prepare(dsar.Erasure)
	calls := 0
	w.CRM.Fault = func(method string) error {
		if method != "collect" {
			return nil
		}
		if calls++; calls > 1 {
			return nil
		}
		_, err := w.Desk.Plan(ctx, r.ID, By("emp3"))
		require.NoError(t, err)
		_, err = w.Desk.Cancel(ctx, r.ID, By(dsar.BySubject))
		require.NoError(t, err)
		return nil
	}
	_, err := w.Desk.Work(ctx, r.ID, By("emp1"))
	require.ErrorIs(t, err, dsar.ErrTransition)
	require.False(t, w.Sealer.Shredded("c1"))
	now, err := w.Desk.Get(ctx, r.ID)
	require.NoError(t, err)
	require.Equal(t, dsar.StateCancelled, now.State)
}

// intrudingSealer runs a function when it is next asked to open something.
type intrudingSealer struct {
	*Sealer
	intrude func()
}

func (s *intrudingSealer) Open(ctx context.Context, subject, place string, sealed []byte) ([]byte, error) {
	if f := s.intrude; f != nil {
		s.intrude = nil
		f()
	}
	return s.Sealer.Open(ctx, subject, place, sealed)
}

// twoPlanners has a second desk plan while the first begins to: the plan that is
// approved is the one that was made, and not a mixture of both.
func twoPlanners(t *testing.T, w *World) {
	ctx := context.Background()
	s := &intrudingSealer{Sealer: w.Sealer}
	w.Options.Sealer = s
	w.Restart()
	r := w.Receive(dsar.Erasure)
	_, err := w.Desk.Waive(ctx, r.ID, "known", By("emp1"))
	require.NoError(t, err)
	var p *dsar.Plan
	s.intrude = func() {
		p, err = w.Desk.Plan(ctx, r.ID, By("emp1"))
		require.NoError(t, err)
		w.CRM.Add("notes", Row{Subject: "c1", Key: "c1-late", Values: []any{int64(9), "came later", nil}})
	}
	_, lost := w.Desk.Plan(ctx, r.ID, By("emp3"))
	require.ErrorIs(t, lost, dsar.ErrPlan)
	_, err = w.Desk.Approve(ctx, r.ID, p.Hash, By("emp2"))
	require.NoError(t, err)
	n := 0
	for i, err := range w.Desk.Items(ctx, r.ID) {
		require.NoError(t, err)
		require.NotEqual(t, "c1-late", i.Key, "nobody approved it")
		n++
	}
	require.Equal(t, p.Records(), n)
	_, err = w.Finish(r.ID)
	require.NoError(t, err)
	require.True(t, w.holds("notes", "c1-late"))
}

// sourceGone carries out a plan on a desk that lacks one of its sources, as after a
// faulty deployment: nothing may be shredded, and nothing said to be done.
func sourceGone(t *testing.T, w *World) {
	ctx := context.Background()
	for _, k := range []dsar.Kind{dsar.Rectification, dsar.Erasure} {
		r := w.Prepare(k)
		all := w.Options.Sources
		w.Options.Sources = []dsar.Source{w.Other}
		w.Restart()
		_, err := w.Desk.Work(ctx, r.ID, By("emp1"))
		require.ErrorIs(t, err, gdpr.ErrInvalid)
		require.ErrorContains(t, err, "crm")
		require.False(t, w.Sealer.Shredded("c1"))
		w.Options.Sources = all
		w.Restart()
		_, err = w.Desk.Work(ctx, r.ID, By("emp1"))
		require.NoError(t, err)
		for i, err := range w.Desk.Items(ctx, r.ID) {
			require.NoError(t, err)
			require.True(t, i.Done, i.Key)
		}
	}
}

// sourceGoneMeanwhile does so after the work began.
func sourceGoneMeanwhile(t *testing.T, w *World) {
	ctx := context.Background()
	r := w.Prepare(dsar.Access)
	w.CRM.Fault = func(string) error { return ErrFault }
	_, err := w.Desk.Work(ctx, r.ID, By("emp1"))
	require.True(t, IsFault(err))
	w.Options.Sources = []dsar.Source{w.Other}
	w.Restart()
	_, err = w.Desk.Work(ctx, r.ID, By("emp1"))
	require.ErrorIs(t, err, gdpr.ErrInvalid)
	require.ErrorContains(t, err, "crm")
}

// nothingLeft closes an erasure, which left nothing, with the confirmation that nothing
// was held: that would be untrue, and the recipients would never be told.
func nothingLeft(t *testing.T, w *World) {
	ctx := context.Background()
	w.CRM.Add("contacts", Row{Subject: "c3", Key: "c3-1", Values: []any{int64(3), "Cor", "cor@example.org", 0.1, nil}})
	require.NoError(t, w.Desk.Disclose(ctx, dsar.Disclosed{Subject: "c3", Recipient: "Mailer Ltd", Categories: []string{"contact"}}))
	in := Intake(dsar.Erasure)
	in.Subjects = []string{"c3"}
	r := w.PrepareOf(in)
	_, err := w.Desk.Work(ctx, r.ID, By("emp1"))
	require.NoError(t, err)
	_, err = w.Desk.NoDataHeld(ctx, r.ID, By("emp1"))
	require.ErrorIs(t, err, gdpr.ErrInvalid)
	_, err = w.Finish(r.ID)
	require.ErrorIs(t, err, dsar.ErrRecipients)
}

// rectifiedUnderTheOtherKey corrects records of a person whom the CRM holds twice.
func rectifiedUnderTheOtherKey(t *testing.T, w *World) {
	ctx := context.Background()
	in := Intake(dsar.Rectification)
	in.Subjects = []string{"c1", "c2"}
	other, gone := in.Changes[0], in.Changes[0]
	other.Key, gone.Key = "c2-1", "c9-1"
	in.Changes = append(in.Changes, other, gone)
	r := w.PrepareOf(in)
	_, err := w.Finish(r.ID)
	require.NoError(t, err)
	got := map[string]dsar.Outcome{}
	for i, err := range w.Desk.Items(ctx, r.ID) {
		require.NoError(t, err)
		got[i.Key] = i.Outcome
	}
	require.Equal(t, map[string]dsar.Outcome{"c1-1": dsar.Rectified, "c2-1": dsar.Rectified, "c9-1": dsar.NotHeld}, got)
	require.Equal(t, "Anna Jansen", w.CRM.Rows("contacts")[1].Values[1])
}

// twoRestrictions lifts one restriction of a person while another stands.
func twoRestrictions(t *testing.T, w *World) {
	ctx := context.Background()
	lift := func(id string) {
		_, err := w.Desk.AnnounceLift(ctx, id, w.Now(), "", By("emp1"))
		require.NoError(t, err)
		_, err = w.Desk.Lift(ctx, id, By("emp1"))
		require.NoError(t, err)
	}
	one, two := w.Prepare(dsar.Restriction), w.Prepare(dsar.Restriction)
	for _, r := range []*dsar.Request{one, two} {
		_, err := w.Finish(r.ID)
		require.NoError(t, err)
	}
	lift(one.ID)
	require.NotContains(t, w.Did(), "lift c1  A18-1-a", "the other still asks for it")
	require.True(t, w.CRM.Restricted("c1"))
	lift(two.ID)
	require.Contains(t, w.Did(), "lift c1  A18-1-a")
	require.False(t, w.CRM.Restricted("c1"))
}

// restrictionOutlastsItsFile has the file of a restriction reach its end while the
// restriction stands: without the file nobody could lift it.
func restrictionOutlastsItsFile(t *testing.T, w *World) {
	ctx := context.Background()
	r := w.Prepare(dsar.Restriction)
	_, err := w.Finish(r.ID)
	require.NoError(t, err)
	w.Wait(9 * 365 * 24 * time.Hour)
	n, err := w.Desk.Expire(ctx, By(dsar.BySystem))
	require.NoError(t, err)
	require.Zero(t, n)
	_, err = w.Desk.AnnounceLift(ctx, r.ID, w.Now(), "", By("emp1"))
	require.NoError(t, err)
	_, err = w.Desk.Lift(ctx, r.ID, By("emp1"))
	require.NoError(t, err)
	require.False(t, w.CRM.Restricted("c1"))
	n, err = w.Desk.Expire(ctx, By(dsar.BySystem))
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

// closedWhilePaused closes a request while its clock stands still, and takes it up
// again.
func closedWhilePaused(t *testing.T, w *World) {
	ctx := context.Background()
	w.Options.Deadlines.Pauses = true
	w.Restart()
	r := w.Receive(dsar.Access)
	w.Wait(24 * time.Hour)
	_, err := w.Desk.Pause(ctx, r.ID, dsar.Pausing{Reason: dsar.PauseIdentity}, By("emp1"))
	require.NoError(t, err)
	w.Wait(40 * 24 * time.Hour)
	now, err := w.Desk.NotIdentifiable(ctx, r.ID, "the person gave no more", By("emp1"))
	require.NoError(t, err)
	require.Zero(t, now.PausedAt, "no clock stands still any more")
	require.Equal(t, 40, now.PausedDays)
	require.Equal(t, "A11-2", now.Outcome)
	for l, err := range w.Desk.Register(ctx, time.Time{}, time.Time{}) {
		require.NoError(t, err)
		require.False(t, l.Late)
	}
	w.Wait(10 * 24 * time.Hour)
	now, err = w.Desk.Reopen(ctx, r.ID, "new_information", By("emp1"))
	require.NoError(t, err)
	require.Zero(t, now.PausedAt)
	require.Equal(t, "2026-05-12", now.DueDate)
	require.Equal(t, "2026-04-02", now.UnpausedDate)
}

// portabilityNamesNoRecipients makes a copy under art. 20 of somebody whose data went to
// others: the log of that is nothing that the person provided.
func portabilityNamesNoRecipients(t *testing.T, w *World) {
	ctx := context.Background()
	require.NoError(t, w.Desk.Disclose(ctx, dsar.Disclosed{Subject: "c1", Recipient: "Credit Bureau", Categories: []string{"contact"}}))
	for k, told := range map[dsar.Kind]bool{dsar.Access: true, dsar.Portability: false} {
		r := w.Prepare(k)
		_, err := w.Desk.Work(ctx, r.ID, By("emp1"))
		require.NoError(t, err)
		var b bytes.Buffer
		m, err := w.Desk.Bundle(ctx, r.ID, &b, By("emp1"))
		require.NoError(t, err)
		files := Unzip(t, b.Bytes())
		require.Equal(t, told, m.Disclosures == 1, k)
		for _, name := range []string{"data.json", "index.html"} {
			require.Equal(t, told, strings.Contains(files[name], "Credit Bureau"), "%s %s", k, name)
		}
	}
}

// pausesThatOverlap asks a second time before the first answer came, as the letters say:
// no day counts twice.
func pausesThatOverlap(t *testing.T, w *World) {
	ctx := context.Background()
	w.Options.Deadlines.Pauses = true
	w.Restart()
	r := w.Receive(dsar.Access)
	ask := func(day int) error {
		p := dsar.Pausing{Reason: dsar.PauseClarification, LargeQuantity: true, Asked: Start.AddDate(0, 0, day), Question: "which years?"}
		_, err := w.Desk.Pause(ctx, r.ID, p, dsar.Act{By: "emp1", Key: fmt.Sprint("ask-", r.ID, day)})
		return err
	}
	answer := func(day int) int {
		now, err := w.Desk.Resume(ctx, r.ID, Start.AddDate(0, 0, day), By("emp1"))
		require.NoError(t, err)
		return now.PausedDays
	}
	w.Wait(25 * 24 * time.Hour)
	require.NoError(t, ask(2))
	require.Equal(t, 8, answer(10))
	require.ErrorIs(t, ask(5), gdpr.ErrInvalid)
	require.NoError(t, ask(2), "a repetition has no effect")
	require.NoError(t, ask(10))
	require.Equal(t, 13, answer(15))
}
