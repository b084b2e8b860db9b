package dsartest

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/stretchr/testify/require"
)

func overdue(t *testing.T, w *World) {
	ctx := context.Background()
	r, done := w.Receive(dsar.Access), w.Receive(dsar.Access)
	_, err := w.Desk.Cancel(ctx, done.ID, By(dsar.BySubject))
	require.NoError(t, err)
	list := func() (ids []string) {
		for r, err := range w.Desk.Overdue(ctx) {
			require.NoError(t, err)
			ids = append(ids, r.ID)
		}
		return ids
	}
	require.Empty(t, list(), "now")
	w.Wait(r.Due.Sub(w.Now()) - time.Second)
	require.Empty(t, list(), "the last second of the last day")
	w.Wait(time.Second)
	require.Equal(t, []string{r.ID}, list(), "past due")
}

func register(t *testing.T, w *World) {
	ctx := context.Background()
	a := w.Receive(dsar.Access)
	_, err := w.Desk.Extend(ctx, a.ID, dsar.Extension{Reason: "complexity"}, By("emp1"))
	require.NoError(t, err)
	b := w.Receive(dsar.Erasure)
	_, err = w.Desk.Refuse(ctx, b.ID, RefusalOf(), By("emp1"))
	require.NoError(t, err)
	var csv, js bytes.Buffer
	require.NoError(t, w.Desk.WriteRegisterCSV(ctx, &csv, time.Time{}, time.Time{}))
	require.NoError(t, w.Desk.WriteRegisterJSON(ctx, &js, time.Time{}, time.Time{}))
	lines := strings.Split(strings.TrimSpace(csv.String()), "\r\n")
	require.Len(t, lines, 3)
	require.Contains(t, lines[1], "2026-03-02,2026-03-02,2026-06-02,2026-06-02,0,2026-03-02,complexity,received,,,false")
	require.Contains(t, lines[2], "refused,excessive,2026-03-02,false")
	require.NotContains(t, csv.String()+js.String(), "anna")
	require.NotContains(t, csv.String(), ",c1,")
	require.Equal(t, 2, strings.Count(js.String(), "\n"))
}

func keys(t *testing.T, w *World) {
	ctx := context.Background()
	in := Intake(dsar.Access)
	in.Key = "form-17"
	a, err := w.Desk.Receive(ctx, in)
	require.NoError(t, err)
	w.Wait(time.Minute)
	b, err := w.Desk.Receive(ctx, in)
	require.NoError(t, err)
	require.Equal(t, a.ID, b.ID)
	require.Equal(t, a.Letter.Text, b.Letter.Text)
	in.Text = "something else"
	_, err = w.Desk.Receive(ctx, in)
	require.ErrorIs(t, err, storage.ErrKeyReuse)
	act := dsar.Act{By: "emp1", Key: "k1"}
	_, err = w.Desk.Assign(ctx, a.ID, "emp2", act)
	require.NoError(t, err)
	_, err = w.Desk.Assign(ctx, a.ID, "emp2", act)
	require.NoError(t, err)
	_, n := state(t, w, a.ID)
	require.Equal(t, 2, n, "one effect")
	_, err = w.Desk.Assign(ctx, a.ID, "emp3", act)
	require.ErrorIs(t, err, storage.ErrKeyReuse)
	for range 2 {
		e, err := w.Desk.Extend(ctx, a.ID, dsar.Extension{Reason: "number", Why: "veel"}, dsar.Act{By: "emp1", Key: "k2"})
		require.NoError(t, err)
		require.Equal(t, dsar.LetterExtension, e.Letter.Name)
		w.Wait(time.Minute)
	}
	for range 2 {
		e, err := w.Desk.Refuse(ctx, a.ID, RefusalOf(), dsar.Act{By: "emp1", Key: "k3"})
		require.NoError(t, err)
		require.Equal(t, dsar.LetterRefusal, e.Letter.Name)
		w.Wait(time.Minute)
	}
}

func rollback(t *testing.T, w *World) {
	ctx := context.Background()
	r := w.Receive(dsar.Access)
	host := errors.New("host")
	err := w.Store.InTx(ctx, func(ctx context.Context) error {
		_, err := w.Desk.Cancel(ctx, r.ID, By(dsar.BySubject))
		require.NoError(t, err)
		_, err = w.Desk.Receive(ctx, Intake(dsar.Access))
		require.NoError(t, err)
		return host
	})
	require.ErrorIs(t, err, host)
	s, n := state(t, w, r.ID)
	require.Equal(t, dsar.StateReceived, s)
	require.Equal(t, 1, n)
	for _, err := range w.Desk.List(ctx, dsar.Filter{}) {
		require.NoError(t, err)
		n--
	}
	require.Zero(t, n, "one request")
}

func restriction(t *testing.T, w *World) {
	ctx := context.Background()
	r := w.Prepare(dsar.Restriction)
	_, err := w.Finish(r.ID)
	require.NoError(t, err)
	require.True(t, w.CRM.Restricted("c1"))
	require.Equal(t, []string{"restrict c1  A18-1-a"}, w.Did())
	var inc *dsar.IncompleteError
	_, err = w.Desk.Lift(ctx, r.ID, By("emp1"))
	require.ErrorAs(t, err, &inc)
	a, err := w.Desk.AnnounceLift(ctx, r.ID, Start.Add(72*time.Hour), "gegevens zijn juist", By("emp1"))
	require.NoError(t, err)
	require.Contains(t, a.Letter.Text, "2026-03-05")
	_, err = w.Desk.Lift(ctx, r.ID, By("emp1"))
	require.ErrorAs(t, err, &inc, "told before, not on the day it suits")
	w.Wait(72 * time.Hour)
	_, err = w.Desk.Lift(ctx, r.ID, By("emp1"))
	require.NoError(t, err)
	require.False(t, w.CRM.Restricted("c1"))
	require.Contains(t, w.Did(), "lift c1  A18-1-a")
}

func objection(t *testing.T, w *World) {
	ctx := context.Background()
	in := Intake(dsar.Objection)
	in.Purposes = []string{"profiling"}
	r, err := w.Desk.Receive(ctx, in)
	require.NoError(t, err)
	require.Equal(t, "A21-1", r.Ground)
	_, err = w.Desk.Verify(ctx, r.ID, dsar.Proof{Act: By("emp1"), Method: "login"})
	require.NoError(t, err)
	require.Equal(t, []string{"restrict c1 profiling A18-1-d"}, w.Did(), "at once, until it is decided")
	w.Approve(r.ID)
	_, err = w.Finish(r.ID)
	require.NoError(t, err)
	require.Contains(t, w.Did(), "object c1 profiling")
}

func withdrawal(t *testing.T, w *World) {
	ctx := context.Background()
	r := w.Prepare(dsar.Withdrawal)
	_, err := w.Finish(r.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"withdraw c1 newsletter"}, w.Did())
	for i, err := range w.Desk.Items(ctx, r.ID) {
		require.NoError(t, err)
		require.Equal(t, "stood/given", i.Evidence)
	}
	in := Intake(dsar.Withdrawal)
	in.Purposes = []string{"unknown"}
	u, err := w.Desk.Receive(ctx, in)
	require.NoError(t, err)
	_, err = w.Desk.Waive(ctx, u.ID, "known", By("emp1"))
	require.NoError(t, err)
	_, err = w.Desk.Plan(ctx, u.ID, By("emp1"))
	require.ErrorIs(t, err, gdpr.ErrInvalid)
}

func rectification(t *testing.T, w *World) {
	r := w.Prepare(dsar.Rectification)
	_, err := w.Finish(r.ID)
	require.NoError(t, err)
	require.Equal(t, "Anna Jansen", w.CRM.Rows("contacts")[0].Values[1])
	require.NotContains(t, w.Audit.Text(), "Anna", "neither the old value nor the new one is in the log")
	require.Contains(t, w.Audit.Text(), "rectified=1")

	w.CRM.Refuses = "Anna Jansen"
	defer func() { w.CRM.Refuses = "" }()
	_, err = w.Finish(w.Prepare(dsar.Rectification).ID)
	require.ErrorIs(t, err, dsar.ErrSource)
	require.EqualError(t, err, "dsar: source crm: error: contacts.name: does-not-fit")
}

func portability(t *testing.T, w *World) {
	ctx := context.Background()
	r := w.Prepare(dsar.Portability)
	_, err := w.Desk.Work(ctx, r.ID, By("emp1"))
	require.NoError(t, err)
	var b bytes.Buffer
	_, err = w.Desk.Bundle(ctx, r.ID, &b, By("emp1"))
	require.NoError(t, err)
	data := Unzip(t, b.Bytes())["data.json"]
	require.Contains(t, data, `{"name":"Anna de Vries","email":"anna@example.org","born":"1980-02-29"}`)
	require.Contains(t, data, `{"phone":"+31 6 000"}`, "not what a duty or an interest is the ground of")
	require.NotContains(t, data, "score", "nothing derived")
	require.NotContains(t, data, `"table":"notes"`)
	require.Len(t, w.CRM.Rows("contacts"), 2, "the source is unchanged")
}

func twoContacts(t *testing.T, w *World) {
	ctx := context.Background()
	r := w.Receive(dsar.Access)
	_, err := w.Desk.Identify(ctx, r.ID, By("emp1"), "c2")
	require.NoError(t, err)
	_, err = w.Desk.Waive(ctx, r.ID, "known", By("emp1"))
	require.NoError(t, err)
	w.Approve(r.ID)
	_, err = w.Desk.Work(ctx, r.ID, By("emp1"))
	require.NoError(t, err)
	var b bytes.Buffer
	m, err := w.Desk.Bundle(ctx, r.ID, &b, By("emp1"))
	require.NoError(t, err)
	files := Unzip(t, b.Bytes())
	require.Contains(t, files["data.json"], "anna@example.org")
	require.Contains(t, files["data.json"], "bert@example.org")
	require.Len(t, m.Sections, 8)
	require.Contains(t, files, "csv/006-invoices.csv")
}

func expiry(t *testing.T, w *World) {
	ctx := context.Background()
	r := w.Receive(dsar.Access)
	_, err := w.Desk.Refuse(ctx, r.ID, RefusalOf(), By("emp1"))
	require.NoError(t, err)
	open := w.Receive(dsar.Access)
	n, err := w.Desk.Expire(ctx, By(dsar.BySystem))
	require.NoError(t, err)
	require.Zero(t, n)
	w.Wait(4 * 365 * 24 * time.Hour)
	n, err = w.Desk.Expire(ctx, By(dsar.BySystem))
	require.NoError(t, err)
	require.Equal(t, 1, n)
	_, err = w.Desk.Dossier(ctx, r.ID, By("emp1"))
	require.ErrorIs(t, err, dsar.ErrExpired)
	got, err := w.Desk.Get(ctx, r.ID)
	require.NoError(t, err)
	require.True(t, got.Forgotten)
	require.Empty(t, got.Subjects)
	require.True(t, w.Sealer.Shredded("dsar:"+r.ID))
	_, err = w.Desk.Dossier(ctx, open.ID, By("emp1"))
	require.NoError(t, err)
	var csv bytes.Buffer
	require.NoError(t, w.Desk.WriteRegisterCSV(ctx, &csv, time.Time{}, time.Time{}))
	require.Contains(t, csv.String(), r.ID, "a request cannot be deleted")
}

func dossier(t *testing.T, w *World) {
	ctx := context.Background()
	r := w.Receive(dsar.Access)
	_, err := w.Desk.Pause(ctx, r.ID, dsar.Pausing{Reason: dsar.PauseIdentity, Question: "Welk adres?"}, dsar.Act{By: "emp1", Note: "belde terug"})
	require.NoError(t, err)
	d, err := w.Desk.Dossier(ctx, r.ID, By("officer"))
	require.NoError(t, err)
	require.Equal(t, "Graag, Anna", d.Text)
	require.Equal(t, "belde terug", d.History[1].Note)
	require.Contains(t, string(d.History[1].Detail), "Welk adres?")
	require.Len(t, d.Letters, 2)
	require.Contains(t, d.Letters[1].Text, "Welk adres?")
	text, err := w.Desk.LetterTemplate(ctx, d.Letters[1].Template)
	require.NoError(t, err)
	require.Contains(t, text, "wij hebben iets van u nodig")
	require.Contains(t, w.Audit.Text(), "request.dossier")
	w.Options.Guard = denies{}
	w.Restart()
	_, err = w.Desk.Dossier(ctx, r.ID, By("emp9"))
	require.ErrorIs(t, err, gdpr.ErrDenied)
}

func review(t *testing.T, w *World) {
	ctx := context.Background()
	r := w.Prepare(dsar.AutomatedDecision)
	_, err := w.Desk.Work(ctx, r.ID, By("emp1"))
	require.NoError(t, err)
	var inc *dsar.IncompleteError
	_, err = w.Desk.Fulfil(ctx, r.ID, By("emp1"))
	require.ErrorAs(t, err, &inc)
	require.Contains(t, inc.Error(), "22(3)")
}

func breakGlass(t *testing.T, w *World) {
	ctx := context.Background()
	r := w.Receive(dsar.Erasure)
	_, err := w.Desk.Waive(ctx, r.ID, "known", By("emp1"))
	require.NoError(t, err)
	p, err := w.Desk.Plan(ctx, r.ID, By("emp1"))
	require.NoError(t, err)
	_, err = w.Desk.BreakGlass(ctx, r.ID, p.Hash, "", By("emp1"))
	require.ErrorIs(t, err, gdpr.ErrInvalid, "a reason is needed")
	a, err := w.Desk.BreakGlass(ctx, r.ID, p.Hash, "court_order", By("emp1"))
	require.NoError(t, err)
	require.True(t, a.AwaitsReview)
	_, err = w.Finish(r.ID)
	require.NoError(t, err)
	n := 0
	for _, err := range w.Desk.List(ctx, dsar.Filter{AwaitsReview: true}) {
		require.NoError(t, err)
		n++
	}
	require.Equal(t, 1, n)
	_, err = w.Desk.AfterReview(ctx, r.ID, "sound", By("emp1"))
	require.ErrorIs(t, err, dsar.ErrFourEyes)
	a, err = w.Desk.AfterReview(ctx, r.ID, "sound", By("emp2"))
	require.NoError(t, err)
	require.False(t, a.AwaitsReview)
	require.Contains(t, w.Audit.Text(), "request.break_glass")
}

// wild is a source that does what the mode says.
type wild struct {
	*CRM
	mode string
}

// Collect panics, hangs until its context ends, or breaks the contract.
func (s wild) Collect(ctx context.Context, subject string, scope dsar.Scope) iter.Seq2[*dsar.Record, error] {
	return func(yield func(*dsar.Record, error) bool) {
		switch s.mode {
		case "panic":
			panic("personal: anna@example.org")
		case "timeout":
			<-ctx.Done()
			yield(nil, ctx.Err())
		case "contract":
			yield(&dsar.Record{Section: &dsar.Section{}}, nil)
		case "error":
			yield(nil, errors.New("personal: anna@example.org"))
		}
	}
}

func wildSources(t *testing.T, w *World) {
	ctx := context.Background()
	r := w.Prepare(dsar.Access)
	for _, mode := range []string{dsar.FaultPanic, dsar.FaultTimeout, dsar.FaultContract, dsar.FaultError} {
		w.Options.Sources = []dsar.Source{wild{w.CRM, mode}, w.Other}
		w.Options.SourceTimeout = time.Minute
		if mode == dsar.FaultTimeout {
			w.Options.SourceTimeout = 100 * time.Millisecond
		}
		w.Restart()
		_, err := w.Desk.Work(ctx, r.ID, By("emp1"))
		var se *dsar.SourceError
		require.ErrorAs(t, err, &se, mode)
		require.ErrorIs(t, err, dsar.ErrSource)
		require.Equal(t, mode, se.Fault)
		require.NotContains(t, err.Error(), "anna")
		s, _ := state(t, w, r.ID)
		require.Equal(t, dsar.StateWorking, s)
	}
	receipts, err := w.Desk.Receipts(ctx, r.ID)
	require.NoError(t, err)
	require.Equal(t, dsar.SourceFailed, receipts[1].State)
	require.Equal(t, 4, receipts[1].Attempts)
	require.Equal(t, dsar.SourceEmpty, receipts[3].State)
	w.Options.Sources, w.Options.SourceTimeout = []dsar.Source{w.CRM, w.Other}, 0
	w.Restart()
	_, err = w.Finish(r.ID)
	require.NoError(t, err, "nothing is lost")
}

type denies struct{}

// Allow denies.
func (denies) Allow(context.Context, string, string, ...slog.Attr) error {
	return errors.New("not you")
}

// copies: a copy may be asked for again with the same key; each is recorded, and one
// with the same contents once.
func copies(t *testing.T, w *World) {
	ctx := context.Background()
	r := w.Prepare(dsar.Access)
	act := dsar.Act{By: "emp1", Key: "copy"}
	_, err := w.Desk.Work(ctx, r.ID, dsar.Act{By: "emp1", Key: "work"})
	require.NoError(t, err)
	_, before := state(t, w, r.ID)
	var one, two bytes.Buffer
	a, err := w.Desk.Bundle(ctx, r.ID, &one, act)
	require.NoError(t, err)
	b, err := w.Desk.Bundle(ctx, r.ID, &two, act)
	require.NoError(t, err)
	require.Equal(t, a, b)
	require.Equal(t, one.Bytes(), two.Bytes())
	_, n := state(t, w, r.ID)
	require.Equal(t, before+1, n, "one effect")
	w.CRM.Add("notes", Row{Subject: "c1", Key: "c1-n9", Values: []any{int64(9), "written later", nil}})
	_, err = w.Desk.Bundle(ctx, r.ID, &two, act)
	require.NoError(t, err)
	_, n = state(t, w, r.ID)
	require.Equal(t, before+2, n, "another copy")
	_, err = w.Desk.Work(ctx, r.ID, dsar.Act{By: "emp1", Key: "work"})
	require.NoError(t, err)
	_, err = w.Desk.Work(ctx, r.ID, dsar.Act{By: "emp2", Key: "work"})
	require.ErrorIs(t, err, storage.ErrKeyReuse)
	_, err = w.Desk.Work(ctx, r.ID, By("emp1"))
	require.ErrorIs(t, err, dsar.ErrTransition)
}
