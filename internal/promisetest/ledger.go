package promisetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gdprkit/gdprkit"
	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/gdpr"
)

// news is an act about the newsletter.
func news(h *house) consent.Act {
	return consent.Act{Subject: subject, Purpose: "news", Channel: "email", At: h.now(), Language: "en"}
}

func withEvidence(a consent.Act) consent.Act {
	a.Evidence = &consent.Evidence{Method: consent.Checkbox, Form: "signup-7", Source: "web", Personal: map[string]string{"statement": ada}}
	return a
}

// given returns the record of a consent.
func (h *house) given() consent.Record {
	r, err := h.Ledger.Give(h.ctx, withEvidence(news(h)))
	h.ok(err)
	h.pass(time.Minute)
	return r
}

// acts makes a case of a method of the ledger that takes an Act: before prepares it
// and may change it.
func acts(do func(*consent.Ledger, context.Context, consent.Act) (consent.Record, error), before func(h *house, a *consent.Act)) method {
	return method{writes, func(h *house) act {
		a := news(h)
		if before != nil {
			before(h, &a)
		}
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			a.Key = keyOf(ctx)
			r, err := do(k.Ledger, ctx, a)
			return r, err
		}
	}}
}

func afterGive(h *house, a *consent.Act) {
	h.given()
	a.At = h.now()
}

func established(h *house, a *consent.Act) {
	a.Purpose, a.Channel, a.Reference = "order", "", "contract-9"
	_, err := h.Ledger.Establish(h.ctx, *a)
	h.ok(err)
	h.pass(time.Minute)
	a.At = h.now()
}

// objected leaves a pending objection.
func objected(h *house, a *consent.Act) {
	a.Purpose, a.Channel = "scoring", ""
	_, err := h.Ledger.Object(h.ctx, *a)
	h.ok(err)
	h.pass(time.Minute)
	a.At, a.Author, a.Reference = h.now(), "s-1", "assessment-3"
}

// onLedger makes a case of a method that needs a consent.
func onLedger(do act) func(*house) act {
	return func(h *house) act {
		h.given()
		return do
	}
}

var ledgerMethods = map[string]method{
	"Ledger.Give":      acts((*consent.Ledger).Give, func(_ *house, a *consent.Act) { *a = withEvidence(*a) }),
	"Ledger.Refuse":    acts((*consent.Ledger).Refuse, nil),
	"Ledger.Defer":     acts((*consent.Ledger).Defer, nil),
	"Ledger.Withdraw":  acts((*consent.Ledger).Withdraw, afterGive),
	"Ledger.Establish": acts((*consent.Ledger).Establish, func(_ *house, a *consent.Act) { a.Purpose, a.Channel, a.Reference = "order", "", "contract-9" }),
	"Ledger.Cease":     acts((*consent.Ledger).Cease, established),
	"Ledger.Object": acts((*consent.Ledger).Object, func(_ *house, a *consent.Act) {
		a.Purpose, a.Channel = "scoring", ""
	}),
	"Ledger.ObjectMarketing": acts((*consent.Ledger).ObjectMarketing, nil),
	"Ledger.Override":        acts((*consent.Ledger).Override, objected),
	"Ledger.Uphold":          acts((*consent.Ledger).Uphold, objected),
	"Ledger.Restrict": acts((*consent.Ledger).Restrict, func(_ *house, a *consent.Act) {
		a.Purpose, a.Channel, a.Scope, a.Ground = "", "", "*", "A18-1-a"
	}),
	"Ledger.Lift": acts((*consent.Ledger).Lift, func(h *house, a *consent.Act) {
		a.Purpose, a.Channel, a.Scope, a.Ground = "", "", "*", "A18-1-a"
		_, err := h.Ledger.Restrict(h.ctx, *a)
		h.ok(err)
		h.pass(time.Hour)
		a.At, a.Told, a.Author, a.Reference, a.Ground = h.now(), h.now().Add(-time.Minute), "s-1", "checked", ""
	}),
	"Ledger.Revoke":     acts((*consent.Ledger).Revoke, func(h *house, a *consent.Act) { afterGive(h, a); a.Reference, a.Author = "court-order", "s-1" }),
	"Ledger.Invalidate": acts((*consent.Ledger).Invalidate, func(h *house, a *consent.Act) { afterGive(h, a); a.Reference, a.Author = "pre-ticked", "s-1" }),
	"Ledger.Suppress":   acts((*consent.Ledger).Suppress, func(_ *house, a *consent.Act) { a.Address = address }),
	"Ledger.Release": acts((*consent.Ledger).Release, func(h *house, a *consent.Act) {
		_, err := h.Ledger.Suppress(h.ctx, *a)
		h.ok(err)
		h.pass(time.Minute)
		a.At, a.Reference, a.Author = h.now(), "wish-4", "s-1"
	}),
	"Ledger.Merge": acts((*consent.Ledger).Merge, func(h *house, a *consent.Act) {
		h.given()
		*a = consent.Act{Subject: subject, Other: "c2", At: h.now(), Reference: "duplicate", Author: "s-1"}
	}),
	"Ledger.Readmit": acts((*consent.Ledger).Readmit, func(h *house, a *consent.Act) {
		h.given()
		_, _, err := h.Ledger.Forget(h.ctx, subject, "A17-1-b", time.Time{})
		h.ok(err)
		h.pass(time.Minute)
		*a = consent.Act{Subject: subject, At: h.now(), Reference: "came-back", Author: "s-1"}
	}),
	"Ledger.Describe": {writes, func(h *house) act {
		p := consent.Person{Subject: subject, Country: "NL", Age: 16, At: h.now()}
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) { return k.Ledger.Describe(ctx, p) }
	}},
	"Ledger.Collect": {writes, func(h *house) act {
		o := consent.Origin{Subject: subject, At: h.now(), Source: "fair", Way: "scanned", Data: []string{"contact"}}
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			o.Key = keyOf(ctx)
			return k.Ledger.Collect(ctx, o)
		}
	}},
	"Ledger.Inform": {writes, func(h *house) act {
		o := h.origin()
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			return nil, k.Ledger.Inform(ctx, subject, o.ID, o.At.Add(time.Minute))
		}
	}},
	"Ledger.Origins": {reads, func(h *house) act {
		h.origin()
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) { return all(k.Ledger.Origins(ctx, subject)) }
	}},
	"Ledger.Uninformed": {reads, func(h *house) act {
		h.origin()
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			return all(k.Ledger.Uninformed(ctx, start.AddDate(0, 2, 0)))
		}
	}},
	"Ledger.Request": {writes, func(h *house) act {
		a := withEvidence(news(h))
		a.Purpose, a.Address = "offers", address
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			return k.Ledger.Request(ctx, a)
		}
	}},
	"Ledger.Confirm": {writes, func(h *house) act {
		token := h.asked()
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			return k.Ledger.Confirm(ctx, token, map[string]string{"ip": "192.0.2.7"})
		}
	}},
	"Ledger.Peek": {reads, func(h *house) act {
		token := h.asked()
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			purpose, _, err := k.Ledger.Peek(ctx, token)
			return purpose, err
		}
	}},
	"Ledger.PreferenceToken": {writes, onLedger(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		return k.Ledger.PreferenceToken(ctx, subject)
	})},
	"Ledger.Preferences": {reads, func(h *house) act {
		token, err := h.Ledger.PreferenceToken(h.ctx, subject)
		h.ok(err)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			return k.Ledger.Preferences(ctx, string(token.Reveal()))
		}
	}},
	"Ledger.WithdrawalLink": {writes, onLedger(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		return k.Ledger.WithdrawalLink(ctx, subject, "news", "email")
	})},
	"Ledger.Unsubscribe": {writes, func(h *house) act {
		h.given()
		link, err := h.Ledger.WithdrawalLink(h.ctx, subject, "news", "email")
		h.ok(err)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) { return nil, k.Ledger.Unsubscribe(ctx, link) }
	}},
	"Ledger.Check": {reads, func(h *house) act {
		h.given()
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			return k.Ledger.Check(ctx, consent.Query{Subject: subject, Purpose: "news", Channel: "email"})
		}
	}},
	"Ledger.Gate": {writes, plainly(func(ctx context.Context, k *gdprkit.Kit) (any, error) { // a denial is recorded
		err := k.Ledger.Gate(ctx, consent.Query{Subject: subject, Purpose: "news", Channel: "email"})
		if !errors.Is(err, gdpr.ErrDenied) {
			return nil, fmt.Errorf("not denied: %w", err)
		}
		return nil, nil
	})},
	"Ledger.Evidence": {writes, func(h *house) act { // who looked is recorded
		id := h.given().ID
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) { return k.Ledger.Evidence(ctx, subject, id) }
	}},
	"Ledger.Receipt": {writes, // that it was given is recorded
		func(h *house) act {
			id := h.given().ID
			return func(ctx context.Context, k *gdprkit.Kit) (any, error) { return k.Ledger.Receipt(ctx, subject, id) }
		}},
	"Ledger.History": {reads, onLedger(func(ctx context.Context, k *gdprkit.Kit) (any, error) { return all(k.Ledger.History(ctx, subject)) })},
	"Ledger.Export":  {reads, onLedger(func(ctx context.Context, k *gdprkit.Kit) (any, error) { return all(k.Ledger.Export(ctx, subject)) })},
	"Ledger.Verify":  {reads, onLedger(func(ctx context.Context, k *gdprkit.Kit) (any, error) { return nil, k.Ledger.Verify(ctx, subject) })},
	"Ledger.Stands": {reads, onLedger(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		stands, _, err := k.Ledger.Stands(ctx, subject, "news", start)
		return stands, err
	})},
	"Ledger.Stops": {reads, onLedger(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		stopped, _, err := k.Ledger.Stops(ctx, subject, "contact")
		return stopped, err
	})},
	"Ledger.Filter": {alone, onLedger(func(ctx context.Context, k *gdprkit.Kit) (any, error) { // the selection is recorded
		var list []string
		_, err := k.Ledger.Filter(ctx, consent.Campaign{ID: "spring", Purpose: "news", Channel: "email"}, func(s string) error {
			list = append(list, s)
			return nil
		})
		return list, err
	})},
	"Ledger.Forget": {writes, onLedger(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		erased, _, err := k.Ledger.Forget(ctx, subject, "A17-1-b", time.Time{})
		return erased, err
	})},
	"Ledger.Expire": {alone, func(h *house) act {
		h.given()
		_, _, err := h.Ledger.Forget(h.ctx, subject, "A17-3-e", h.now().Add(time.Hour))
		h.ok(err)
		h.pass(2 * time.Hour)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) { return k.Ledger.Expire(ctx) }
	}},
	"Ledger.CleanTokens": {writes, func(h *house) act {
		h.asked()
		h.pass(60 * 24 * time.Hour)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) { return k.Ledger.CleanTokens(ctx) }
	}},
	"Ledger.Lapsing": {reads, func(h *house) act {
		h.surveyed()
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			return all(k.Ledger.Lapsing(ctx, 60*24*time.Hour))
		}
	}},
	"Ledger.Renewals": {alone, func(h *house) act {
		h.surveyed()
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			return k.Ledger.Renewals(ctx, 60*24*time.Hour, func(context.Context, consent.Lapse) error { return nil })
		}
	}},
	"Ledger.Import": {alone, func(h *house) act {
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			return k.Ledger.Import(ctx, consent.ImportJob{ID: "old", Purpose: "news", Channel: "email", Source: "old-crm"},
				func(yield func(consent.LegacyFlag, error) bool) {
					yield(consent.LegacyFlag{Subject: subject, OptIn: true}, nil)
				})
		}
	}},
	"Ledger.AcceptRestore": {promise: nothing}, // as that of the vault
	"Ledger.Anchor":        {alone, plainly(func(ctx context.Context, k *gdprkit.Kit) (any, error) { return k.Ledger.Anchor(ctx) })},
	"Ledger.LiftSubject": {writes, func(h *house) act {
		h.ok(h.Ledger.RestrictSubject(h.ctx, subject, "*", "A18-1-a"))
		h.pass(time.Minute)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			return nil, k.Ledger.LiftSubject(ctx, subject, "*", "A18-1-a")
		}
	}},
	"Ledger.RestrictSubject": {writes, plainly(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		return nil, k.Ledger.RestrictSubject(ctx, subject, "*", "A18-1-a")
	})},
	"Ledger.Publish":    {reads, plainly(func(ctx context.Context, k *gdprkit.Kit) (any, error) { return nil, k.Ledger.Publish(ctx) })}, // the same again
	"Ledger.Published":  {reads, plainly(func(ctx context.Context, k *gdprkit.Kit) (any, error) { return k.Ledger.Published(ctx, "news", 1) })},
	"Ledger.Recipients": {promise: nothing},
	"Ledger.Run":        {promise: nothing}, // returns when its context ends; what it does is Anchor
}

// origin records where data came from.
func (h *house) origin() consent.Origin {
	o, err := h.Ledger.Collect(h.ctx, consent.Origin{Subject: subject, At: h.now(), Source: "fair", Way: "scanned", Data: []string{"contact"}})
	h.ok(err)
	h.pass(time.Minute)
	return o
}

// asked returns the token of a confirmation.
func (h *house) asked() string {
	a := withEvidence(news(h))
	a.Purpose, a.Address = "offers", address
	p, err := h.Ledger.Request(h.ctx, a)
	h.ok(err)
	return string(p.Token.Reveal())
}

// surveyed leaves a consent that lapses.
func (h *house) surveyed() {
	a := withEvidence(news(h))
	a.Purpose, a.Channel = "survey", ""
	_, err := h.Ledger.Give(h.ctx, a)
	h.ok(err)
}
