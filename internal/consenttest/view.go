package consenttest

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

// ViewPurposes returns purposes of every kind that the SQL view has to tell apart.
func ViewPurposes(now time.Time) []consent.Purpose {
	all := Purposes()
	texts := append(all[0].Texts, all[0].Texts[0])
	texts[1].Audience = "child"
	add := func(p consent.Purpose) {
		if p.Version == 0 {
			p.Version = 1
		}
		if p.Basis == "" {
			p.Basis = consent.Consent
		}
		if p.Texts = texts; p.Basis != consent.Consent {
			p.Texts = nil
		}
		all = append(all, p)
	}
	add(consent.Purpose{ID: "game", Child: true, Validity: "P5Y"})
	add(consent.Purpose{ID: "health", Special: []string{"health"}, SpecialBasis: consent.ExplicitConsent, Data: []string{"contact"}})
	add(consent.Purpose{ID: "club"})
	add(consent.Purpose{ID: "club", Version: 2, Since: now.AddDate(-1, 0, 0), Child: true, AcceptFrom: 1})
	add(consent.Purpose{ID: "adult", Child: true})
	add(consent.Purpose{ID: "adult", Version: 2, Since: now.AddDate(-1, 0, 0), AcceptFrom: 1})
	add(consent.Purpose{ID: "swap", Basis: consent.LegitimateInterest, ForAll: true, Assessment: "lia-1"})
	add(consent.Purpose{ID: "swap", Version: 2, Since: now.AddDate(-1, 0, 0)})
	add(consent.Purpose{ID: "strict"})
	add(consent.Purpose{ID: "strict", Version: 2, Since: now.AddDate(-1, 0, 0)})
	add(consent.Purpose{ID: "soft", Existing: true, OptOutOffered: true, Marketing: true, Channels: []string{"email"}})
	add(consent.Purpose{ID: "over", Closed: true, AcceptFrom: 1})
	return all
}

// ViewLedger returns a ledger with these purposes and the clock of the machine, which
// the views go by.
func ViewLedger(d storage.Directory, tenant string) (*consent.Ledger, error) {
	c, err := consent.NewCatalogue(ViewPurposes(time.Now())...)
	if err != nil {
		return nil, err
	}
	return consent.New(d.Tenant(tenant), c, &consent.Options{
		Secret: Secret(), Sealer: plainSealer{},
		Controller: &gdpr.Controller{Name: "Acme", Contact: "privacy@acme.example", Country: "NL", TimeZone: "Europe/Amsterdam"},
	})
}

// plainSealer stands for a vault.
type plainSealer struct{}

func (plainSealer) Seal(_ context.Context, _, _ string, plain []byte) ([]byte, error) {
	return append([]byte("sealed"), plain...), nil
}

func (plainSealer) Open(_ context.Context, _, _ string, sealed []byte) ([]byte, error) {
	return sealed[len("sealed"):], nil
}

// ViewPairs are the purposes and channels that rest on consent.
func ViewPairs() [][2]string {
	return [][2]string{{"news", "email"}, {"news", "sms"}, {"survey", ""}, {"optin", "email"}, {"game", ""}, {"health", ""}, {"club", ""},
		{"adult", ""}, {"swap", ""}, {"strict", ""}, {"soft", "email"}, {"over", ""}}
}

// PlayView plays n random acts of the last three years and calls seen after each.
// With categories, restrictions of a category of data are among them.
func PlayView(l *consent.Ledger, seed uint64, n int, categories bool, seen func(i int)) {
	r := rand.New(rand.NewPCG(seed, 5))
	for i := range n {
		_ = viewAct(l, r, i, categories)
		seen(i)
	}
}

func viewAct(l *consent.Ledger, r *rand.Rand, i int, categories bool) (err error) {
	oneOf := func(all ...string) string { return all[r.IntN(len(all))] }
	pair := ViewPairs()[r.IntN(len(ViewPairs()))]
	a := consent.Act{Subject: Subjects[r.IntN(len(Subjects))], Purpose: pair[0], Channel: pair[1], Reference: "ref-1",
		At: time.Now().Add(-time.Minute - time.Duration(r.IntN(3*365*24))*time.Hour)}
	switch r.IntN(32) {
	case 0:
		_, err = l.Refuse(ctx, a)
	case 1:
		_, err = l.Withdraw(ctx, a)
	case 2:
		_, err = l.Invalidate(ctx, a)
	case 3:
		a.Purpose, a.Channel = oneOf("", "", pair[0]), oneOf("", pair[1])
		_, err = l.Suppress(ctx, a)
	case 4:
		a.Purpose, a.Channel = oneOf("", pair[0]), oneOf("", pair[1])
		_, err = l.Release(ctx, a)
	case 5:
		a.Purpose = ""
		_, err = l.ObjectMarketing(ctx, a)
	case 6:
		a.Scope, a.Ground = oneOf("*", pair[0]), consent.RestrictAccuracy
		if categories && r.IntN(2) == 0 {
			a.Scope = oneOf("data:contact", "data:invoice")
		}
		_, err = l.Restrict(ctx, a)
	case 7, 8:
		a.Scope, a.Told, a.At = oneOf("*", pair[0], "data:contact"), a.At, time.Now().Add(-time.Minute)
		_, err = l.Lift(ctx, a)
	case 9:
		if a.Other = oneOf(Subjects...); i%4 == 0 {
			_, err = l.Merge(ctx, a)
		}
	case 10:
		p := consent.Person{Subject: a.Subject, Country: oneOf("", "BE", "NL"), Age: r.IntN(20), At: a.At}
		if r.IntN(12) == 0 {
			p.Deceased = a.At
		}
		_, err = l.Describe(ctx, p)
	case 11:
		if r.IntN(3) == 0 {
			if _, _, err = l.Forget(ctx, a.Subject, "A17-1-a", time.Time{}); err != nil {
				return err
			}
		}
		a.At = time.Now()
		_, err = l.Readmit(ctx, a)
	case 12:
		a.Purpose, a.Channel, a.At = "swap", "", time.Now().AddDate(-2, 0, 0)
		_, err = l.Object(ctx, a)
	case 13:
		a.Purpose, a.Channel, a.Ground = "soft", "email", consent.ExistingCustomer
		_, err = l.Establish(ctx, a)
	case 14:
		flag := consent.LegacyFlag{Subject: a.Subject, OptIn: r.IntN(2) == 0}
		_, err = l.Import(ctx, consent.ImportJob{ID: fmt.Sprint("i-", i), Purpose: a.Purpose, Channel: a.Channel, Source: "old"}, single(flag))
	default:
		err = viewGive(l, r, a)
	}
	return err
}

func viewGive(l *consent.Ledger, r *rand.Rand, a consent.Act) error {
	a.Evidence = &consent.Evidence{Method: consent.Signed, Explicit: r.IntN(2) == 0}
	a.Age, a.Country = []int{0, 12, 13, 15, 16, 30}[r.IntN(6)], []string{"", "BE", "NL", "FR"}[r.IntN(4)]
	if r.IntN(2) == 0 {
		a.Evidence.By, a.Evidence.Guardian, a.Evidence.GuardianCheck = consent.ByBoth, "g-1", "card"
	}
	if a.Age > 0 && a.Age < 18 {
		a.Audience = "child"
	}
	if a.Purpose == "optin" {
		p, err := l.Request(ctx, a)
		if err == nil {
			_, err = l.Confirm(ctx, string(p.Token.Reveal()), nil)
		}
		return err
	}
	_, err := l.Give(ctx, a)
	return err
}

func single(f consent.LegacyFlag) iter.Seq2[consent.LegacyFlag, error] {
	return func(yield func(consent.LegacyFlag, error) bool) { yield(f, nil) }
}
