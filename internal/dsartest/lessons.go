package dsartest

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"testing"
	"time"

	"github.com/gdprkit/gdprkit/dsar"
	"github.com/stretchr/testify/require"
)

// A lesson is named for the public report from which it was learned.
type lesson struct {
	name string
	run  func(*testing.T, *World)
}

var lessons = []lesson{
	{"fides2284_fides6883_duplicates_have_a_canonical_request", lessonDuplicates},
	{"fides7971_fides7972_duplicate_keeps_its_own_verification", lessonDuplicateIdentity},
	{"fides2366_find_who_did_not_finish_verification", lessonReminder},
	{"soleur929_extension_once_with_reason_in_first_month", lessonExtension},
	{"correspondencetool2831_pause_and_extension_are_counted_together", lessonPauses},
	{"soleur4319_third_parties_redacted_counted_explained", lessonThirdParties},
	{"margince5505_requests_belong_in_the_answer", lessonOwnRequests},
	{"customeros11_mask_and_tell_other_software", lessonMaskAndTell},
	{"magento94_result_says_what_was_kept_why_until_when", lessonKept},
	{"magento39_written_back_copy_is_found", lessonResidue},
	{"magento2_sessions_are_part_of_erasure", lessonSessions},
	{"veda11_when_by_whom_why", lessonByWhom},
	{"gdprassist5_export_only_source", lessonExportOnly},
	{"psgdpr244_preview_changes_nothing", lessonPreview},
	{"margince2093_unknown_is_kept_and_reported", lessonUnknown},
	{"opentranscribe442_deferred_rest_is_erased_later", lessonRest},
	{"opentranscribe442_released_hold_resumes_the_erasure", lessonReleased},
	{"platos66_hold_after_the_plan_is_honoured", lessonHold},
	{"openregister3759_only_the_approved_preview_runs", lessonApproved},
	{"fides2389_policy_is_frozen_in_the_plan", lessonPolicy},
	{"flarum64_cancelled_never_runs", lessonCancelled},
	{"spree14560_earlier_exports_go", lessonExports},
	{"dentalpin374_category_without_eraser_is_an_error", lessonNoEraser},
	{"chatto219_restore_is_replayed", lessonReplay},
	{"llmgateway3485_recipients_are_told", lessonRecipients},
	{"flarumframework4732_requested_and_cancelled_are_logged", lessonLogged},
}

func lessonDuplicates(t *testing.T, w *World) {
	a, b := w.Receive(dsar.Access), w.Receive(dsar.Access)
	g, err := w.Desk.Group(context.Background(), b.ID, a.ID, By("emp1"))
	require.NoError(t, err)
	require.Equal(t, a.ID, g.Canonical)
	require.Equal(t, dsar.StateReceived, g.State)
	c := w.Receive(dsar.Access)
	_, err = w.Desk.Group(context.Background(), c.ID, b.ID, By("emp1"))
	require.Error(t, err, "no chains")
}

func lessonDuplicateIdentity(t *testing.T, w *World) {
	ctx := context.Background()
	a, b := w.Receive(dsar.Access), w.Receive(dsar.Access)
	_, err := w.Desk.Verify(ctx, a.ID, dsar.Proof{Act: By("emp1"), Method: "login"})
	require.NoError(t, err)
	g, err := w.Desk.Group(ctx, b.ID, a.ID, By("emp1"))
	require.NoError(t, err)
	require.Equal(t, dsar.Unverified, g.Identity, "the other's verification is not inherited")
	_, err = w.Desk.Plan(ctx, b.ID, By("emp1"))
	require.ErrorIs(t, err, dsar.ErrIdentity)
	_, err = w.Desk.Verify(ctx, b.ID, dsar.Proof{Act: By("emp1"), Method: "login"})
	require.NoError(t, err, "and nothing blocks its own")
}

func lessonReminder(t *testing.T, w *World) {
	a, b := w.Receive(dsar.Access), w.Receive(dsar.Erasure)
	_, err := w.Desk.Waive(context.Background(), a.ID, "known", By("emp1"))
	require.NoError(t, err)
	var found []string
	for r, err := range w.Desk.List(context.Background(), dsar.Filter{Open: true, Identity: dsar.Unverified}) {
		require.NoError(t, err)
		found = append(found, r.ID)
	}
	require.Equal(t, []string{b.ID}, found)
}

func lessonExtension(t *testing.T, w *World) {
	ctx := context.Background()
	r := w.Receive(dsar.Access) // 2 March -> 2 April 2026; three months: 2 June
	require.Equal(t, "2026-04-02", r.DueDate)
	_, err := w.Desk.Extend(ctx, r.ID, dsar.Extension{}, By("emp1"))
	require.ErrorIs(t, err, dsar.ErrExtension, "no reason")
	e, err := w.Desk.Extend(ctx, r.ID, dsar.Extension{Reason: "complexity", Why: "elf systemen"}, By("emp1"))
	require.NoError(t, err)
	require.Equal(t, "2026-06-02", e.DueDate)
	require.Contains(t, e.Letter.Text, "2026-06-02")
	require.Contains(t, e.Letter.Text, "elf systemen")
	_, err = w.Desk.Extend(ctx, r.ID, dsar.Extension{Reason: "number"}, By("emp1"))
	require.ErrorIs(t, err, dsar.ErrExtension, "twice")
	late := w.Receive(dsar.Access)
	w.Wait(32 * 24 * time.Hour)
	_, err = w.Desk.Extend(ctx, late.ID, dsar.Extension{Reason: "number"}, By("emp1"))
	require.ErrorIs(t, err, dsar.ErrExtension, "late")
}

func lessonPauses(t *testing.T, w *World) {
	ctx := context.Background()
	w.Options.Deadlines.Pauses = true
	w.Restart()
	r := w.Receive(dsar.Access)
	w.Wait(48 * time.Hour)
	_, err := w.Desk.Pause(ctx, r.ID, dsar.Pausing{Reason: dsar.PauseClarification}, By("emp1"))
	require.Error(t, err, "without a large quantity a clarification stops no clock")
	_, err = w.Desk.Pause(ctx, r.ID, dsar.Pausing{Reason: dsar.PauseClarification, LargeQuantity: true, Question: "Welke jaren?"}, By("emp1"))
	require.NoError(t, err)
	w.Wait(7 * 24 * time.Hour)
	p, err := w.Desk.Resume(ctx, r.ID, time.Time{}, By("emp1"))
	require.NoError(t, err)
	require.Equal(t, 7, p.PausedDays)
	require.Equal(t, "2026-04-09", p.DueDate)
	require.Equal(t, "2026-04-02", p.UnpausedDate, "always shown")
	e, err := w.Desk.Extend(ctx, r.ID, dsar.Extension{Reason: "number"}, By("emp1"))
	require.NoError(t, err)
	require.Equal(t, "2026-06-09", e.DueDate, "three months at once, then the pause, then the weekend")
	require.Equal(t, "2026-06-02", e.UnpausedDate)
}

func lessonThirdParties(t *testing.T, w *World) {
	r := w.Prepare(dsar.Access)
	p := 0
	for _, h := range historyOf(t, w, r.ID) {
		if h.Event == dsar.EventApprove {
			p++
		}
	}
	require.Equal(t, 1, p, "a human signed off")
	_, err := w.Desk.Work(context.Background(), r.ID, By("emp1"))
	require.NoError(t, err)
	var b bytes.Buffer
	m, err := w.Desk.Bundle(context.Background(), r.ID, &b, By("emp1"))
	require.NoError(t, err)
	require.Equal(t, 2, m.Redacted)
	files := Unzip(t, b.Bytes())
	for name, text := range files {
		require.NotContains(t, text, "Bert Other", name)
		require.NotContains(t, text, "met with another", name)
	}
	require.Contains(t, files["data.json"], "redacted: art. 15(4) GDPR")
	require.Contains(t, files["manifest.json"], `"redacted": 2`)
}

func historyOf(t *testing.T, w *World, id string) []dsar.HistoryEvent {
	var out []dsar.HistoryEvent
	for e, err := range w.Desk.History(context.Background(), id) {
		require.NoError(t, err)
		out = append(out, e)
	}
	return out
}

func lessonOwnRequests(t *testing.T, w *World) {
	ctx := context.Background()
	first := w.Receive(dsar.Access)
	_, err := w.Desk.Refuse(ctx, first.ID, RefusalOf(), By("emp1"))
	require.NoError(t, err)
	w.Wait(time.Hour)
	r := w.Prepare(dsar.Access)
	_, err = w.Desk.Work(ctx, r.ID, By("emp1"))
	require.NoError(t, err)
	var b bytes.Buffer
	_, err = w.Desk.Bundle(ctx, r.ID, &b, By("emp1"))
	require.NoError(t, err)
	data := Unzip(t, b.Bytes())["data.json"]
	require.Contains(t, data, first.ID)
	require.Contains(t, data, "Elke dag hetzelfde verzoek", "the refusal with its letter")
	require.NotContains(t, data, "emp1", "no staff")
	e := w.Prepare(dsar.Erasure)
	_, err = w.Finish(e.ID)
	require.NoError(t, err)
	d, err := w.Desk.Dossier(ctx, first.ID, By("emp1"))
	require.NoError(t, err, "the accountable half stays after the erasure")
	require.Equal(t, "excessive", d.Request.Outcome)
}

func lessonMaskAndTell(t *testing.T, w *World) {
	in := Intake(dsar.Erasure)
	in.Scope = dsar.Scope{Categories: []string{"contact"}, Fields: []string{"email"}}
	r := w.PrepareOf(in)
	_, err := w.Finish(r.ID)
	require.NoError(t, err)
	row := w.CRM.Rows("contacts")[0]
	require.Nil(t, row.Values[2], "the field asked for")
	require.Equal(t, "Anna de Vries", row.Values[1], "and no other")
	require.Len(t, w.CRM.Rows("notes"), 4)
	require.False(t, w.Sealer.Shredded("c1"), "the person is still one of the CRM's")
}

func lessonKept(t *testing.T, w *World) {
	ctx := context.Background()
	w.Keeper.Claims["c1-n1"] = true
	w.Keeper.Basis["contact"] = true
	r := w.Prepare(dsar.Erasure)
	done, err := w.Finish(r.ID)
	require.NoError(t, err)
	got := map[string]dsar.Outcome{}
	for i, err := range w.Desk.Items(ctx, r.ID) {
		require.NoError(t, err)
		got[i.Key] = i.Outcome
	}
	require.Equal(t, map[string]dsar.Outcome{"c1-1": dsar.KeptBasis, "c1-n1": dsar.KeptClaim, "c1-n2": dsar.Erased, "c1-i1": dsar.Blocked}, got)
	for _, want := range []string{"rechtsvordering (artikel 17 lid 3 onder e AVG)", "NL-AWR-52, tot 2033-01-01", "overeenkomst (artikel 6 lid 1 onder b AVG)", "tekst daarin kan u nog noemen"} {
		require.Contains(t, done.Letter.Text, want)
	}
	require.False(t, w.Sealer.Shredded("c1"), "a basis stands")
}

func lessonResidue(t *testing.T, w *World) {
	r := w.Prepare(dsar.Erasure)
	w.CRM.Lying = true
	_, err := w.Desk.Work(context.Background(), r.ID, By("emp1"))
	var se *dsar.SourceError
	require.ErrorAs(t, err, &se)
	require.Equal(t, dsar.FaultResidue, se.Fault)
	require.False(t, w.Sealer.Shredded("c1"), "keys go last")
	s, _ := state(t, w, r.ID)
	require.Equal(t, dsar.StateWorking, s, "an erasure that is incomplete is not completed")
}

func lessonSessions(t *testing.T, w *World) {
	sessions := map[string]int{"c1": 2}
	w.Options.Sources = append(w.Options.Sources, dsar.FromFuncs("sessions", "credential",
		func(_ context.Context, s string) iter.Seq2[json.RawMessage, error] {
			return func(yield func(json.RawMessage, error) bool) {
				for range sessions[s] {
					if !yield(json.RawMessage(`{"device":"phone"}`), nil) {
						return
					}
				}
			}
		},
		func(_ context.Context, s, _ string, _ time.Time) (int, int, error) {
			n := sessions[s]
			delete(sessions, s)
			return n, 0, nil
		}))
	w.Restart()
	r := w.Prepare(dsar.Erasure)
	_, err := w.Finish(r.ID)
	require.NoError(t, err)
	require.Empty(t, sessions)
}

func lessonByWhom(t *testing.T, w *World) {
	r := w.Prepare(dsar.Erasure)
	_, err := w.Finish(r.ID)
	require.NoError(t, err)
	h := historyOf(t, w, r.ID)
	require.Equal(t, dsar.EventReceive, h[0].Event)
	require.Equal(t, "A17-1-b", h[0].Code, "why")
	by := map[dsar.Event]string{}
	for i, e := range h {
		require.Equal(t, i+1, e.N)
		require.False(t, e.At.IsZero())
		by[e.Event] = e.By
	}
	require.Equal(t, "emp1", by[dsar.EventPlan])
	require.Equal(t, "emp2", by[dsar.EventApprove])
}

func lessonExportOnly(t *testing.T, w *World) {
	w.Options.Sources = append(w.Options.Sources, dsar.FromFuncs("archive", "note",
		func(context.Context, string) iter.Seq2[json.RawMessage, error] {
			return func(yield func(json.RawMessage, error) bool) { yield(json.RawMessage(`{"a":[1,null,{"b":"c"}]}`), nil) }
		}, nil))
	w.Restart()
	r := w.Prepare(dsar.Access)
	_, err := w.Desk.Work(context.Background(), r.ID, By("emp1"))
	require.NoError(t, err)
	var b bytes.Buffer
	_, err = w.Desk.Bundle(context.Background(), r.ID, &b, By("emp1"))
	require.NoError(t, err)
	require.Contains(t, Unzip(t, b.Bytes())["data.json"], `{"record":{"a":[1,null,{"b":"c"}]}}`)
}

func lessonPreview(t *testing.T, w *World) {
	ctx := context.Background()
	r := w.Receive(dsar.Erasure)
	_, err := w.Desk.Waive(ctx, r.ID, "known", By("emp1"))
	require.NoError(t, err)
	p, err := w.Desk.Plan(ctx, r.ID, By("emp1"))
	require.NoError(t, err)
	require.Equal(t, map[dsar.Action]int{dsar.ActErase: 3, dsar.ActBlock: 1}, p.Sources[0].Actions)
	require.Zero(t, w.CRM.Erased())
	_, err = w.Desk.Work(ctx, r.ID, By("emp1"))
	require.ErrorIs(t, err, dsar.ErrTransition, "off until somebody approves")
	again, err := w.Desk.Plan(ctx, r.ID, By("emp1"))
	require.NoError(t, err)
	require.Equal(t, p.Hash, again.Hash, "the same data make the same plan")
}

func lessonUnknown(t *testing.T, w *World) {
	w.CRM.Add("invoices", Row{Subject: "c1", Key: "c1-i2", Values: []any{int64(8), int64(1), "Anna", nil, nil}})
	r := w.Prepare(dsar.Erasure)
	_, err := w.Finish(r.ID)
	require.NoError(t, err)
	for i, err := range w.Desk.Items(context.Background(), r.ID) {
		require.NoError(t, err)
		if i.Key == "c1-i2" {
			require.Equal(t, dsar.Blocked, i.Outcome)
			require.Equal(t, "unknown-start", i.Ground)
		}
	}
}

func lessonRest(t *testing.T, w *World) {
	ctx := context.Background()
	r := w.Prepare(dsar.Erasure)
	_, err := w.Finish(r.ID)
	require.NoError(t, err)
	n, err := w.Desk.Rest(ctx, By(dsar.BySystem))
	require.NoError(t, err)
	require.Zero(t, n, "the duty runs until 2033")
	w.Wait(8 * 365 * 24 * time.Hour)
	w.Options.Keeper = nil // the duty has ended
	w.Restart()
	left, err := w.Desk.Backlog(ctx)
	require.NoError(t, err)
	require.Equal(t, 1, left)
	n, err = w.Desk.Rest(ctx, By(dsar.BySystem))
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Len(t, w.CRM.Rows("invoices"), 1)
	h := historyOf(t, w, r.ID)
	require.Equal(t, dsar.EventRest, h[len(h)-1].Event)
	n, err = w.Desk.Rest(ctx, By(dsar.BySystem))
	require.NoError(t, err)
	require.Zero(t, n)
}

func lessonReleased(t *testing.T, w *World) {
	ctx := context.Background()
	w.Keeper.Claims["c1-n1"] = true
	r := w.Prepare(dsar.Erasure)
	_, err := w.Finish(r.ID)
	require.NoError(t, err)
	w.Wait(31 * 24 * time.Hour)
	n, err := w.Desk.Rest(ctx, By(dsar.BySystem))
	require.NoError(t, err)
	require.Zero(t, n, "the hold stands")
	delete(w.Keeper.Claims, "c1-n1")
	w.Wait(31 * 24 * time.Hour)
	n, err = w.Desk.Rest(ctx, By(dsar.BySystem))
	require.NoError(t, err)
	require.Equal(t, 1, n, "released: the erasure resumes by itself")
	require.Len(t, w.CRM.Rows("notes"), 2)
}

func lessonHold(t *testing.T, w *World) {
	r := w.Prepare(dsar.Erasure)
	w.Keeper.Claims["c1-n1"] = true // after the approval
	_, err := w.Finish(r.ID)
	require.NoError(t, err)
	require.Len(t, w.CRM.Rows("notes"), 3)
	for i, err := range w.Desk.Items(context.Background(), r.ID) {
		require.NoError(t, err)
		if i.Key == "c1-n1" {
			require.Equal(t, dsar.KeptClaim, i.Outcome)
		}
	}
}

func lessonApproved(t *testing.T, w *World) {
	ctx := context.Background()
	r := w.Prepare(dsar.Erasure)
	w.CRM.Add("notes", Row{Subject: "c1", Key: "c1-n3", Values: []any{int64(3), "after the plan", nil}})
	_, err := w.Finish(r.ID)
	require.NoError(t, err)
	require.Len(t, w.CRM.Rows("notes"), 3, "what no plan named stays")
	b := w.Receive(dsar.Erasure)
	_, err = w.Desk.Waive(ctx, b.ID, "known", By("emp1"))
	require.NoError(t, err)
	p, err := w.Desk.Plan(ctx, b.ID, By("emp1"))
	require.NoError(t, err)
	_, err = w.Desk.Approve(ctx, b.ID, p.Hash, By("emp1"))
	require.ErrorIs(t, err, dsar.ErrFourEyes)
	_, err = w.Desk.Approve(ctx, b.ID, "00", By("emp2"))
	require.ErrorIs(t, err, dsar.ErrPlan)
	w.Wait(8 * 24 * time.Hour)
	_, err = w.Desk.Approve(ctx, b.ID, p.Hash, By("emp2"))
	require.ErrorIs(t, err, dsar.ErrPlan, "expired")
}

func lessonPolicy(t *testing.T, w *World) {
	r := w.Prepare(dsar.Erasure)
	w.Options.Policy = "v2"
	w.Restart()
	_, err := w.Desk.Work(context.Background(), r.ID, By("emp1"))
	require.ErrorIs(t, err, dsar.ErrPlan)
	require.Zero(t, w.CRM.Erased())
	w.Approve(r.ID)
	_, err = w.Finish(r.ID)
	require.NoError(t, err)
}

func lessonCancelled(t *testing.T, w *World) {
	ctx := context.Background()
	r := w.Prepare(dsar.Erasure)
	_, err := w.Desk.Cancel(ctx, r.ID, By(dsar.BySubject))
	require.NoError(t, err)
	for _, ev := range []dsar.Event{dsar.EventPlan, dsar.EventApprove, dsar.EventWork, dsar.EventReopen} {
		require.ErrorIs(t, try(w, r.ID, ev), dsar.ErrTransition)
	}
	require.Zero(t, w.CRM.Erased())
}

func lessonExports(t *testing.T, w *World) {
	ctx := context.Background()
	a := w.Prepare(dsar.Access)
	_, err := w.Desk.Work(ctx, a.ID, By("emp1"))
	require.NoError(t, err)
	_, err = w.Desk.StoreBundle(ctx, a.ID, By("emp1"))
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, w.Desk.Fetch(ctx, a.ID, &b))
	require.Contains(t, Unzip(t, b.Bytes()), "manifest.json")
	e := w.Prepare(dsar.Erasure)
	_, err = w.Finish(e.ID)
	require.NoError(t, err)
	require.ErrorIs(t, w.Desk.Fetch(ctx, a.ID, new(Discard)), dsar.ErrExpired)
}
