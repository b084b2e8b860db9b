package dsartest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/stretchr/testify/require"
)

// RefusalOf is a complete refusal, signed by emp3.
func RefusalOf() dsar.Refusal {
	return dsar.Refusal{Ground: "excessive", Reasons: "Elke dag hetzelfde verzoek", Evidence: "31 verzoeken in maart", Assessment: "geen nieuw belang", SignedBy: "emp3", Court: "Rechtbank Amsterdam"}
}

// kindFor is the kind of request on which an event is tried.
func kindFor(ev dsar.Event) dsar.Kind {
	switch ev {
	case dsar.EventDecide:
		return dsar.Rectification
	case dsar.EventReview:
		return dsar.AutomatedDecision
	case dsar.EventAnnounceLift, dsar.EventLift:
		return dsar.Restriction
	case dsar.EventRecipient:
		return dsar.Erasure
	}
	return dsar.Access
}

// try calls the method of an event.
func try(w *World, id string, ev dsar.Event) error {
	ctx := context.Background()
	var err error
	d := w.Desk
	switch ev {
	case dsar.EventIdentify:
		_, err = d.Identify(ctx, id, By("emp1"), "c2")
	case dsar.EventChallenge:
		err = d.Challenge(ctx, id, "anna@example.org", By("emp1"))
	case dsar.EventVerify:
		_, err = d.Verify(ctx, id, dsar.Proof{Act: By("emp1"), Method: "login"})
	case dsar.EventWaive:
		_, err = d.Waive(ctx, id, "known", By("emp1"))
	case dsar.EventGroup:
		_, err = d.Group(ctx, id, w.Receive(dsar.Access).ID, By("emp1"))
	case dsar.EventAssign:
		_, err = d.Assign(ctx, id, "emp2", By("emp1"))
	case dsar.EventExtend:
		_, err = d.Extend(ctx, id, dsar.Extension{Reason: "number"}, By("emp1"))
	case dsar.EventPause:
		_, err = d.Pause(ctx, id, dsar.Pausing{Reason: dsar.PauseClarification, LargeQuantity: true}, By("emp1"))
	case dsar.EventResume:
		_, err = d.Resume(ctx, id, time.Time{}, By("emp1"))
	case dsar.EventProposeFee:
		_, err = d.ProposeFee(ctx, id, dsar.Fee{Amount: "10.00", Currency: "EUR", Reason: "repetitive"}, By("emp1"))
	case dsar.EventAcceptFee:
		_, err = d.AcceptFee(ctx, id, By("emp1"))
	case dsar.EventDecide:
		_, err = d.Correct(ctx, id, Intake(dsar.Rectification).Changes, By("emp1"))
	case dsar.EventReview:
		_, err = d.Review(ctx, id, dsar.Review{By: "emp3", Decision: "credit", Outcome: "upheld", Reasons: "checked", Heard: true}, By("emp1"))
	case dsar.EventPlan:
		_, err = d.Plan(ctx, id, By("emp1"))
	case dsar.EventApprove:
		r, gerr := d.Get(ctx, id)
		require.NoError(w.T, gerr)
		_, err = d.Approve(ctx, id, r.PlanHash, By("emp2"))
	case dsar.EventBreakGlass:
		r, gerr := d.Get(ctx, id)
		require.NoError(w.T, gerr)
		_, err = d.BreakGlass(ctx, id, r.PlanHash, "outage", By("emp1"))
	case dsar.EventAfterReview:
		_, err = d.AfterReview(ctx, id, "sound", By("emp3"))
	case dsar.EventWork:
		_, err = d.Work(ctx, id, By("emp1"))
	case dsar.EventBundle:
		_, err = d.Bundle(ctx, id, new(Discard), By("emp1"))
	case dsar.EventRecipient:
		err = d.Acknowledge(ctx, id, "Mailer Ltd", By("emp1"))
	default:
		err = tryEnd(w, id, ev)
	}
	return err
}

func tryEnd(w *World, id string, ev dsar.Event) error {
	ctx := context.Background()
	var err error
	d := w.Desk
	switch ev {
	case dsar.EventFulfil:
		_, err = d.Fulfil(ctx, id, By("emp1"))
	case dsar.EventRefuse:
		_, err = d.Refuse(ctx, id, RefusalOf(), By("emp1"))
	case dsar.EventNotIdentifiable:
		_, err = d.NotIdentifiable(ctx, id, "only a nickname is held", By("emp1"))
	case dsar.EventNoDataHeld:
		_, err = d.NoDataHeld(ctx, id, By("emp1"))
	case dsar.EventForward:
		_, err = d.Forward(ctx, id, dsar.Instruction{Controller: "customer-9", Reference: "dpa-4.2"}, By("emp1"))
	case dsar.EventCancel:
		_, err = d.Cancel(ctx, id, By(dsar.BySubject))
	case dsar.EventReopen:
		_, err = d.Reopen(ctx, id, "authority", By("emp1"))
	case dsar.EventAnnounceLift:
		_, err = d.AnnounceLift(ctx, id, w.Now().Add(48*time.Hour), "the data were checked", By("emp1"))
	case dsar.EventLift:
		_, err = d.Lift(ctx, id, By("emp1"))
	default:
		w.T.Fatal("no method for", ev)
	}
	return err
}

// path brings a new request into a state.
func path(w *World, k dsar.Kind, s dsar.State) string {
	if k == dsar.Erasure {
		require.NoError(w.T, w.Desk.Disclose(context.Background(), dsar.Disclosed{Subject: "c1", Recipient: "Mailer Ltd", Categories: []string{"contact"}, Basis: "A6-1-f"}))
	}
	id := w.Receive(k).ID
	steps := []dsar.Event{dsar.EventVerify}
	switch s {
	case dsar.StateNotIdentifiable:
		steps = []dsar.Event{dsar.EventNotIdentifiable}
	case dsar.StatePaused:
		steps = append(steps, dsar.EventPause)
	case dsar.StateFeeProposed:
		steps = append(steps, dsar.EventProposeFee)
	case dsar.StatePlanned:
		steps = append(steps, dsar.EventPlan)
	case dsar.StateApproved:
		steps = append(steps, dsar.EventPlan, dsar.EventApprove)
	case dsar.StateWorking, dsar.StateWorked, dsar.StateFulfilled:
		steps = append(steps, dsar.EventPlan, dsar.EventApprove, dsar.EventWork)
	case dsar.StateRefused:
		steps = append(steps, dsar.EventRefuse)
	case dsar.StateCancelled:
		steps = append(steps, dsar.EventCancel)
	}
	if s == dsar.StateWorking {
		w.CRM.Fault = func(string) error { return ErrFault }
		if k == dsar.Objection || k == dsar.AutomatedDecision {
			w.T.Fatal("kind does not call a source")
		}
		w.CRM.Fault = nil
	}
	for _, ev := range steps {
		if s == dsar.StateWorking && ev == dsar.EventWork {
			w.CRM.Fault, w.Other.Fault = fails, fails
			w.Options.Journal = nil
			w.Restart()
			err := try(w, id, ev)
			w.CRM.Fault, w.Other.Fault = nil, nil
			if k != dsar.AutomatedDecision {
				require.Error(w.T, err)
			}
			continue
		}
		require.NoError(w.T, try(w, id, ev), "%s on the way to %s", ev, s)
	}
	if s == dsar.StateFulfilled {
		switch k {
		case dsar.Access:
			require.NoError(w.T, try(w, id, dsar.EventBundle))
		case dsar.AutomatedDecision:
			require.NoError(w.T, try(w, id, dsar.EventReview))
		case dsar.Erasure:
			require.NoError(w.T, try(w, id, dsar.EventRecipient))
		}
		require.NoError(w.T, try(w, id, dsar.EventFulfil))
	}
	return id
}

func fails(string) error { return ErrFault }

// internal events have no method of their own, or one that is not about a single
// request.
var internal = map[dsar.Event]bool{dsar.EventReceive: true, dsar.EventWorked: true, dsar.EventRest: true, dsar.EventForget: true}

// states that need another request than path makes, tested elsewhere.
var elsewhere = map[dsar.State]bool{dsar.StateForwarded: true, dsar.StateNoDataHeld: true}

// refusedByRule are the pairs that the table allows and another rule refuses on
// the request at hand.
var refusedByRule = map[string]bool{
	"forward/received":          true, // the role is controller
	"no_data_held/received":     true, // the request names a subject
	"no_data_held/planned":      true, // and data are held
	"no_data_held/worked":       true,
	"lift/fulfilled":            true, // not announced
	"lift/refused":              true,
	"lift/cancelled":            true,
	"lift/not_identifiable":     true,
	"fulfil/worked":             true, // no bundle yet
	"not_identifiable/received": true, // identity is established
	"after_review/approved":     true, // two persons approved, or nobody yet
	"after_review/working":      true, // two persons approved, or nobody yet
	"after_review/worked":       true, // two persons approved, or nobody yet
	"after_review/fulfilled":    true, // two persons approved, or nobody yet
	"after_review/refused":      true, // two persons approved, or nobody yet
	"after_review/cancelled":    true, // two persons approved, or nobody yet
	"not_identifiable/paused":   true,
}

// everyPair tries every event in every state: what the table allows leads where it
// says, anything else is a TransitionError and changes nothing.
func everyPair(t *testing.T, dir storage.Directory) {
	tried := 0
	for _, tr := range dsar.Transitions() {
		if internal[tr.Event] {
			continue
		}
		for _, s := range dsar.States() {
			if elsewhere[s] {
				continue
			}
			w := NewWorld(t, dir)
			k := kindFor(tr.Event)
			if s == dsar.StateWorking && k == dsar.AutomatedDecision {
				continue // it works on nothing, so it is never found working
			}
			id := path(w, k, s)
			before, steps := state(t, w, id)
			require.Equal(t, s, before)
			err := try(w, id, tr.Event)
			after, now := state(t, w, id)
			tried++
			name := fmt.Sprintf("%s/%s", tr.Event, s)
			if !allows(tr, s) {
				require.ErrorIs(t, err, dsar.ErrTransition, name)
				require.Equal(t, before, after, name)
				require.Equal(t, steps, now, name)
				continue
			}
			require.False(t, errors.Is(err, dsar.ErrTransition), "%s: %v", name, err)
			if refusedByRule[name] {
				require.Error(t, err, name)
				require.Equal(t, before, after, name)
				continue
			}
			require.NoError(t, err, name)
			require.Equal(t, leads(tr, s), after, name)
		}
	}
	require.Greater(t, tried, 250)
}

func allows(tr dsar.Transition, s dsar.State) bool {
	for _, f := range tr.From {
		if f == s {
			return true
		}
	}
	return false
}

func leads(tr dsar.Transition, s dsar.State) dsar.State {
	switch {
	case tr.Event == dsar.EventWork:
		return dsar.StateWorked // the last source was done in the same call
	case tr.To == "":
		return s
	}
	return tr.To
}

func state(t *testing.T, w *World, id string) (dsar.State, int) {
	r, err := w.Desk.Get(context.Background(), id)
	require.NoError(t, err)
	n := 0
	for _, err := range w.Desk.History(context.Background(), id) {
		require.NoError(t, err)
		n++
	}
	return r.State, n
}

// forwarding is the pair that needs the role of a processor.
func forwarding(t *testing.T, w *World) {
	ctx := context.Background()
	c := Controller()
	c.Role = gdpr.RoleProcessor
	d, err := dsar.New(w.Store, c, &w.Options)
	require.NoError(t, err)
	r, err := d.Receive(ctx, Intake(dsar.Access))
	require.NoError(t, err)
	_, err = d.Waive(ctx, r.ID, "known", By("emp1"))
	require.NoError(t, err)
	_, err = d.Plan(ctx, r.ID, By("emp1"))
	require.ErrorIs(t, err, gdpr.ErrInvalid, "a processor never answers")
	got, err := d.Forward(ctx, r.ID, dsar.Instruction{Controller: "customer-9", Reference: "dpa-4.2"}, By("emp1"))
	require.NoError(t, err)
	require.Equal(t, dsar.StateForwarded, got.State)
	require.Nil(t, got.Letter, "the person gets no answer from a processor")
}
