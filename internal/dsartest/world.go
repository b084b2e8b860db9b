package dsartest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/stretchr/testify/require"
)

// World is a desk with everything around it. What the process forgets at a
// restart is made again by [World.Restart]; the rest stays.
type World struct {
	T       *testing.T
	Store   storage.Store
	CRM     *CRM
	Other   *CRM // a second application without the subject's data
	Sealer  *Sealer
	Audit   *Audit
	Keeper  *Keeper
	Journal *Journal
	Options dsar.Options
	Desk    *dsar.Desk

	mu    sync.Mutex
	clock time.Time
	Held  map[string]time.Time // address to since when
	Done  []string             // what Object, Withdraw, Suppress and RestrictSubject were told
}

// Start is the first moment of every scenario: a Monday morning in Amsterdam.
var Start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

var tenants atomic.Int64

// NewWorld returns a world over a tenant of its own.
func NewWorld(t *testing.T, dir storage.Directory) *World {
	w := &World{T: t, Store: dir.Tenant(fmt.Sprint("acme-", tenants.Add(1))), CRM: NewCRM("crm"), Other: NewCRM("shop"), Sealer: new(Sealer), Audit: new(Audit),
		Keeper: &Keeper{Claims: map[string]bool{}, Basis: map[string]bool{}}, Journal: new(Journal), clock: Start, Held: map[string]time.Time{}}
	w.CRM.Fill("c1", "Anna de Vries", "anna@example.org")
	w.CRM.Fill("c2", "Bert Bakker", "bert@example.org")
	w.Options = dsar.Options{
		Sources: []dsar.Source{w.CRM, w.Other}, Auditor: w.Audit, Sealer: w.Sealer, Shredder: w.Sealer, Keeper: w.Keeper, Journal: w.Journal,
		Restricter: restricter{w}, Grounds: grounds{}, Secret: gdpr.NewSecret(make([]byte, 32)), Information: Information(), Policy: "v1", Now: w.Now,
		Object:   func(_ context.Context, s, p string) error { return w.did("object " + s + " " + p) },
		Withdraw: func(_ context.Context, s, p string) error { return w.did("withdraw " + s + " " + p) },
		Suppress: func(_ context.Context, s, g string) error { return w.did("suppress " + s) },
		Held: func(_ context.Context, _, address string) (time.Time, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.Held[address], nil
		},
	}
	w.Restart()
	return w
}

type grounds struct{}

// Stands knows every purpose but one, and the newsletter stands.
func (grounds) Stands(_ context.Context, _, purpose string, _ time.Time) (bool, string, error) {
	if purpose == "unknown" {
		return false, "", gdpr.Invalid("Stands.purpose", "is not in the catalogue")
	}
	return purpose == "newsletter", "given", nil
}

type restricter struct{ w *World }

func (r restricter) RestrictSubject(_ context.Context, subject, scope, ground string) error {
	return r.w.did("restrict " + subject + " " + scope + " " + ground)
}

func (r restricter) LiftSubject(_ context.Context, subject, scope, ground string) error {
	return r.w.did("lift " + subject + " " + scope + " " + ground)
}

func (w *World) did(s string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Done = append(w.Done, s)
	return nil
}

// Did returns what the bridges were told.
func (w *World) Did() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.Done...)
}

// Now is the clock of the desk.
func (w *World) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock
}

// Wait moves the clock.
func (w *World) Wait(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(d)
}

// Restart makes the desk anew from the options.
func (w *World) Restart() {
	d, err := dsar.New(w.Store, Controller(), &w.Options)
	require.NoError(w.T, err)
	w.Desk = d
}

// By is an employee.
func By(name string) dsar.Act { return dsar.Act{By: name} }

// Intake returns a valid intake of a kind for subject c1.
func Intake(k dsar.Kind) dsar.Intake {
	in := dsar.Intake{Kind: k, Subjects: []string{"c1"}, Contact: "anna@example.org", Text: "Graag, Anna", Identities: map[string]string{"email": "anna@example.org"}}
	switch k {
	case dsar.Erasure:
		in.Ground = "A17-1-b"
	case dsar.Restriction:
		in.Ground = "A18-1-a"
	case dsar.Objection:
		in.Purposes = []string{"marketing"}
	case dsar.Withdrawal:
		in.Purposes = []string{"newsletter"}
	case dsar.Rectification:
		in.Changes = []dsar.Change{{Source: "crm", Table: "contacts", Key: "c1-1", Field: "name", Value: "Anna Jansen"}}
	}
	return in
}

// Receive records a request of a kind.
func (w *World) Receive(k dsar.Kind) *dsar.Request {
	w.T.Helper()
	r, err := w.Desk.Receive(context.Background(), Intake(k))
	require.NoError(w.T, err)
	return r
}

// Prepare walks a request to StateApproved.
func (w *World) Prepare(k dsar.Kind) *dsar.Request {
	w.T.Helper()
	ctx := context.Background()
	r := w.Receive(k)
	_, err := w.Desk.Verify(ctx, r.ID, dsar.Proof{Act: By("emp1"), Method: "login"})
	require.NoError(w.T, err)
	w.Approve(r.ID)
	return r
}

// PrepareOf receives in, waives the identity, plans and approves.
func (w *World) PrepareOf(in dsar.Intake) *dsar.Request {
	w.T.Helper()
	ctx := context.Background()
	r, err := w.Desk.Receive(ctx, in)
	require.NoError(w.T, err)
	_, err = w.Desk.Waive(ctx, r.ID, "known", By("emp1"))
	require.NoError(w.T, err)
	w.Approve(r.ID)
	return r
}

// Approve plans and approves.
func (w *World) Approve(id string) *dsar.Plan {
	w.T.Helper()
	ctx := context.Background()
	p, err := w.Desk.Plan(ctx, id, By("emp1"))
	require.NoError(w.T, err)
	_, err = w.Desk.Approve(ctx, id, p.Hash, By("emp2"))
	require.NoError(w.T, err)
	return p
}

// Finish works and answers.
func (w *World) Finish(id string) (*dsar.Request, error) {
	ctx := context.Background()
	if r, err := w.Desk.Get(ctx, id); err != nil {
		return nil, err
	} else if r.State == dsar.StateApproved || r.State == dsar.StateWorking {
		if _, err := w.Desk.Work(ctx, id, By("emp1")); err != nil {
			return nil, err
		}
	}
	r, err := w.Desk.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if r.Kind == dsar.Access || r.Kind == dsar.Portability {
		if _, err := w.Desk.Bundle(ctx, id, new(Discard), By("emp1")); err != nil {
			return nil, err
		}
	}
	if r.Kind == dsar.AutomatedDecision {
		review := dsar.Review{By: "emp3", Decision: "credit-1", Outcome: "changed", Reasons: "income was wrong", Heard: true}
		if _, err := w.Desk.Review(ctx, id, review, By("emp1")); err != nil {
			return nil, err
		}
	}
	return w.Desk.Fulfil(ctx, id, By("emp1"))
}

// Kinds are all kinds of request.
var Kinds = []dsar.Kind{dsar.Access, dsar.Portability, dsar.Rectification, dsar.Erasure, dsar.Restriction, dsar.Objection, dsar.AutomatedDecision, dsar.Withdrawal}

// IsFault reports whether err is the fault that a test asked for.
func IsFault(err error) bool { return errors.Is(err, ErrFault) }
