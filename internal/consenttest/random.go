package consenttest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// randomHistories plays the same random acts on the store and on memstore and
// demands the same errors, the same decisions, and states that are what the records
// add up to.
func randomHistories(t *testing.T, d storage.Directory) {
	for seed := range uint64(4) {
		tenant := fmt.Sprintf("random-%d", seed)
		ours, model := Ledger(t, d, tenant), Ledger(t, memstore.New(nil), tenant)
		r := rand.New(rand.NewPCG(seed, 7))
		for i := range 40 {
			act := pick(r, i)
			require.Equal(t, errorOf(act(model)), errorOf(act(ours)))
		}
		for _, s := range Subjects {
			require.NoError(t, ours.Verify(ctx, s))
			for _, p := range Pairs() {
				want, got := Check(t, model, s, p[0], p[1]), Check(t, ours, s, p[0], p[1])
				require.Equal(t, strip(want), strip(got), "%d %s %v", seed, s, p)
			}
			then := consent.Query{Subject: s, Purpose: "news", Channel: "email", At: Day(30)}
			want, err := model.Check(ctx, then)
			require.NoError(t, err)
			got, err := ours.Check(ctx, then)
			require.NoError(t, err)
			require.Equal(t, strip(want), strip(got))
		}
	}
}

// Subjects are the persons of a random history.
var Subjects = []string{"s-1", "s-2", "s-3"}

// Play plays n random acts; what the ledger refuses is part of the play.
func Play(l *consent.Ledger, seed uint64, n int) {
	r := rand.New(rand.NewPCG(seed, 11))
	for i := range n {
		_ = pick(r, i)(l)
	}
}

func errorOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// strip leaves out the ids, which are random.
func strip(d consent.Decision) consent.Decision {
	d.Records = nil
	for i := range d.Chain {
		d.Chain[i].Record = ""
	}
	return d
}

// pick returns a random act.
func pick(r *rand.Rand, i int) func(*consent.Ledger) error {
	s := Subjects[r.IntN(len(Subjects))]
	p := Pairs()[r.IntN(len(Pairs()))]
	at := Day(r.IntN(60))
	a := consent.Act{Subject: s, Purpose: p[0], Channel: p[1], At: at, Evidence: &consent.Evidence{Method: consent.Button}, Key: fmt.Sprintf("k-%d", i-r.IntN(2)*r.IntN(3))}
	other := Subjects[r.IntN(len(Subjects))]
	verb := r.IntN(16)
	return func(l *consent.Ledger) (err error) {
		switch verb {
		case 0, 1, 2, 3:
			_, err = l.Give(ctx, a)
		case 4:
			_, err = l.Refuse(ctx, a)
		case 5:
			_, err = l.Withdraw(ctx, a)
		case 6:
			_, err = l.Object(ctx, a)
		case 7:
			_, err = l.Uphold(ctx, a)
		case 8:
			a.Purpose = ""
			_, err = l.ObjectMarketing(ctx, a)
		case 9:
			a.Scope, a.Ground = p[0], consent.RestrictAccuracy
			_, err = l.Restrict(ctx, a)
		case 10:
			a.Scope, a.Told = p[0], at
			_, err = l.Lift(ctx, a)
		case 11:
			a.Ground, a.Reference = "", "ref-1"
			_, err = l.Establish(ctx, a)
		case 12:
			_, err = l.Suppress(ctx, a)
		case 13:
			a.Other = other
			_, err = l.Merge(ctx, a)
		case 14:
			_, err = l.Describe(ctx, consent.Person{Subject: s, Country: "BE", Kind: consent.RoleAddress, At: at})
		case 15:
			if i%3 == 0 {
				_, _, err = l.Forget(ctx, s, "A17-1-a", time.Time{})
			} else {
				_, err = l.Cease(ctx, a)
			}
		}
		return err
	}
}
