package promisetest

import (
	"bytes"
	"context"
	"time"

	"github.com/gdprkit/gdprkit"
	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/internal/dsartest"
)

var clerk, second = dsar.Act{By: "s-1"}, dsar.Act{By: "s-2"}

// once returns an act with the key that ctx has for it.
func once(ctx context.Context) dsar.Act { return onceBy(ctx, "s-4") }

func onceBy(ctx context.Context, by string) dsar.Act { return dsar.Act{By: by, Key: keyOf(ctx)} }

// stage is how far a request has come.
type stage uint8

const (
	received stage = iota
	verified
	drafted
	accepted
	worked
)

// request returns a request that has come so far.
func (h *house) request(kind dsar.Kind, to stage) string {
	in := dsartest.Intake(kind)
	in.Text = ada
	r, err := h.Desk.Receive(h.ctx, in)
	h.ok(err)
	if to >= verified {
		_, err = h.Desk.Verify(h.ctx, r.ID, dsar.Proof{Act: clerk, Method: "login"})
		h.ok(err)
	}
	if to >= drafted {
		p, err := h.Desk.Plan(h.ctx, r.ID, clerk)
		h.ok(err)
		if to >= accepted {
			_, err = h.Desk.Approve(h.ctx, r.ID, p.Hash, second)
			h.ok(err)
		}
	}
	if to >= worked {
		_, err = h.Desk.Work(h.ctx, r.ID, clerk)
		h.ok(err)
	}
	return r.ID
}

// call is a method of a desk about one request.
type call func(ctx context.Context, d *dsar.Desk, id string) (any, error)

// asks makes a case of a method that needs a request.
func asks(p promise, kind dsar.Kind, to stage, do call) method {
	return method{p, func(h *house) act {
		id := h.request(kind, to)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) { return do(ctx, k.Desk, id) }
	}}
}

// after is asks with steps between.
func after(p promise, kind dsar.Kind, to stage, between func(h *house, id string), do call) method {
	return method{p, func(h *house) act {
		id := h.request(kind, to)
		between(h, id)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) { return do(ctx, k.Desk, id) }
	}}
}

// desk makes a case of a method about all requests.
func desk(p promise, do func(ctx context.Context, d *dsar.Desk) (any, error)) method {
	return asks(p, dsar.Access, verified, func(ctx context.Context, d *dsar.Desk, _ string) (any, error) { return do(ctx, d) })
}

// disclosed leaves a recipient who must be told of an erasure.
func (h *house) disclosed() {
	h.ok(h.Desk.Disclose(h.ctx, dsar.Disclosed{Subject: subject, Recipient: "Mailer Ltd", Categories: []string{"contact"}, Basis: "A6-1-f"}))
}

// recipient makes a case of a method about a recipient of erased data.
func recipient(do call) method {
	return method{writes, func(h *house) act {
		h.disclosed()
		id := h.request(dsar.Erasure, worked)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) { return do(ctx, k.Desk, id) }
	}}
}

var deskMethods = map[string]method{
	"Desk.Receive": {writes, plainly(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		in := dsartest.Intake(dsar.Access)
		in.Key = keyOf(ctx)
		return k.Desk.Receive(ctx, in)
	})},
	"Desk.Identify": asks(writes, dsar.Access, received, func(ctx context.Context, d *dsar.Desk, id string) (any, error) {
		return d.Identify(ctx, id, clerk, "c2")
	}),
	"Desk.Challenge": asks(writes, dsar.Access, received, func(ctx context.Context, d *dsar.Desk, id string) (any, error) {
		return nil, d.Challenge(ctx, id, "anna@example.org", once(ctx))
	}),
	"Desk.Deliver": after(alone, dsar.Access, received, func(h *house, id string) {
		h.ok(h.Desk.Challenge(h.ctx, id, "anna@example.org", clerk))
	}, func(ctx context.Context, d *dsar.Desk, _ string) (any, error) {
		return d.Deliver(ctx, func(context.Context, dsar.Delivery) error { return nil })
	}),
	"Desk.Verify": asks(writes, dsar.Access, received, func(ctx context.Context, d *dsar.Desk, id string) (any, error) {
		return d.Verify(ctx, id, dsar.Proof{Act: once(ctx), Method: "login"})
	}),
	"Desk.Waive": asks(writes, dsar.Access, received, func(ctx context.Context, d *dsar.Desk, id string) (any, error) {
		return d.Waive(ctx, id, "known", once(ctx))
	}),
	"Desk.Group": {writes, func(h *house) act {
		first, again := h.request(dsar.Access, received), h.request(dsar.Access, received)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			return k.Desk.Group(ctx, again, first, once(ctx))
		}
	}},
	"Desk.Assign": asks(writes, dsar.Access, received, func(ctx context.Context, d *dsar.Desk, id string) (any, error) {
		return d.Assign(ctx, id, "s-3", once(ctx))
	}),
	"Desk.Extend": asks(writes, dsar.Access, verified, func(ctx context.Context, d *dsar.Desk, id string) (any, error) {
		return d.Extend(ctx, id, dsar.Extension{Reason: "number"}, once(ctx))
	}),
	"Desk.Pause": asks(writes, dsar.Access, verified, func(ctx context.Context, d *dsar.Desk, id string) (any, error) {
		return d.Pause(ctx, id, dsar.Pausing{Reason: dsar.PauseClarification, LargeQuantity: true}, once(ctx))
	}),
	"Desk.Resume": after(writes, dsar.Access, verified, func(h *house, id string) {
		_, err := h.Desk.Pause(h.ctx, id, dsar.Pausing{Reason: dsar.PauseClarification, LargeQuantity: true}, clerk)
		h.ok(err)
	}, func(ctx context.Context, d *dsar.Desk, id string) (any, error) {
		return d.Resume(ctx, id, time.Time{}, once(ctx))
	}),
	"Desk.ProposeFee": asks(writes, dsar.Access, verified, func(ctx context.Context, d *dsar.Desk, id string) (any, error) {
		return d.ProposeFee(ctx, id, dsar.Fee{Amount: "10.00", Currency: "EUR", Reason: "repetitive"}, once(ctx))
	}),
	"Desk.AcceptFee": after(writes, dsar.Access, verified, func(h *house, id string) {
		_, err := h.Desk.ProposeFee(h.ctx, id, dsar.Fee{Amount: "10.00", Currency: "EUR", Reason: "repetitive"}, clerk)
		h.ok(err)
	}, func(ctx context.Context, d *dsar.Desk, id string) (any, error) {
		return d.AcceptFee(ctx, id, once(ctx))
	}),
	"Desk.Correct": asks(writes, dsar.Rectification, verified, func(ctx context.Context, d *dsar.Desk, id string) (any, error) {
		return d.Correct(ctx, id, dsartest.Intake(dsar.Rectification).Changes, once(ctx))
	}),
	"Desk.Review": asks(writes, dsar.AutomatedDecision, worked, func(ctx context.Context, d *dsar.Desk, id string) (any, error) {
		return d.Review(ctx, id, dsar.Review{By: "s-3", Decision: "credit", Outcome: "upheld", Reasons: "checked", Heard: true}, once(ctx))
	}),
	"Desk.Plan": asks(writes, dsar.Access, verified, func(ctx context.Context, d *dsar.Desk, id string) (any, error) { return d.Plan(ctx, id, once(ctx)) }),
	"Desk.Items": asks(reads, dsar.Access, drafted, func(ctx context.Context, d *dsar.Desk, id string) (any, error) {
		return all(d.Items(ctx, id))
	}),
	"Desk.Approve": asks(writes, dsar.Access, drafted, func(ctx context.Context, d *dsar.Desk, id string) (any, error) {
		r, err := d.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		return d.Approve(ctx, id, r.PlanHash, once(ctx))
	}),
	"Desk.BreakGlass": asks(writes, dsar.Access, drafted, func(ctx context.Context, d *dsar.Desk, id string) (any, error) {
		r, err := d.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		return d.BreakGlass(ctx, id, r.PlanHash, "outage", once(ctx))
	}),
	"Desk.AfterReview": after(writes, dsar.Access, drafted, func(h *house, id string) {
		r, err := h.Desk.Get(h.ctx, id)
		h.ok(err)
		_, err = h.Desk.BreakGlass(h.ctx, id, r.PlanHash, "outage", clerk)
		h.ok(err)
	}, func(ctx context.Context, d *dsar.Desk, id string) (any, error) {
		return d.AfterReview(ctx, id, "sound", onceBy(ctx, "s-3"))
	}),
	"Desk.Work": asks(alone, dsar.Access, accepted, func(ctx context.Context, d *dsar.Desk, id string) (any, error) { return d.Work(ctx, id, once(ctx)) }),
	"Desk.Bundle": asks(alone, dsar.Access, worked, func(ctx context.Context, d *dsar.Desk, id string) (any, error) {
		var b bytes.Buffer
		return d.Bundle(ctx, id, &b, clerk)
	}),
	"Desk.StoreBundle": asks(alone, dsar.Access, worked, func(ctx context.Context, d *dsar.Desk, id string) (any, error) {
		return d.StoreBundle(ctx, id, clerk)
	}),
	"Desk.Fetch": after(reads, dsar.Access, worked, stored, func(ctx context.Context, d *dsar.Desk, id string) (any, error) {
		var b bytes.Buffer
		return b.Len(), d.Fetch(ctx, id, &b)
	}),
	"Desk.DropBundles": after(writes, dsar.Access, worked, func(h *house, id string) {
		stored(h, id)
		h.pass(400 * 24 * time.Hour)
	}, func(ctx context.Context, d *dsar.Desk, _ string) (any, error) { return d.DropBundles(ctx) }),
	"Desk.Fulfil": after(writes, dsar.Access, worked, stored, func(ctx context.Context, d *dsar.Desk, id string) (any, error) {
		return d.Fulfil(ctx, id, once(ctx))
	}),
	"Desk.Refuse": asks(writes, dsar.Access, verified, func(ctx context.Context, d *dsar.Desk, id string) (any, error) {
		return d.Refuse(ctx, id, dsartest.RefusalOf(), once(ctx))
	}),
	"Desk.NotIdentifiable": asks(writes, dsar.Access, received, func(ctx context.Context, d *dsar.Desk, id string) (any, error) {
		return d.NotIdentifiable(ctx, id, "only a nickname is held", once(ctx))
	}),
	"Desk.NoDataHeld": {writes, func(h *house) act {
		r, err := h.Desk.Receive(h.ctx, dsar.Intake{Kind: dsar.Access, Text: ada})
		h.ok(err)
		_, err = h.Desk.Verify(h.ctx, r.ID, dsar.Proof{Act: clerk, Method: "login"})
		h.ok(err)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) { return k.Desk.NoDataHeld(ctx, r.ID, once(ctx)) }
	}},
	"Desk.Forward": {promise: nothing}, // of a processor: the house is a controller
	"Desk.Cancel": asks(writes, dsar.Access, verified, func(ctx context.Context, d *dsar.Desk, id string) (any, error) {
		return d.Cancel(ctx, id, onceBy(ctx, dsar.BySubject))
	}),
	"Desk.Reopen": after(writes, dsar.Access, verified, func(h *house, id string) {
		_, err := h.Desk.Refuse(h.ctx, id, dsartest.RefusalOf(), clerk)
		h.ok(err)
	}, func(ctx context.Context, d *dsar.Desk, id string) (any, error) {
		return d.Reopen(ctx, id, "authority", once(ctx))
	}),
	"Desk.AnnounceLift": after(writes, dsar.Restriction, worked, answered, func(ctx context.Context, d *dsar.Desk, id string) (any, error) {
		return d.AnnounceLift(ctx, id, start.AddDate(0, 0, 9), "the data were checked", once(ctx))
	}),
	"Desk.Lift": after(writes, dsar.Restriction, worked, func(h *house, id string) {
		answered(h, id)
		_, err := h.Desk.AnnounceLift(h.ctx, id, start.AddDate(0, 0, 2), "the data were checked", clerk)
		h.ok(err)
		h.pass(5 * 24 * time.Hour)
	}, func(ctx context.Context, d *dsar.Desk, id string) (any, error) { return d.Lift(ctx, id, once(ctx)) }),
	"Desk.Notify": {alone, func(h *house) act {
		h.disclosed()
		id := h.request(dsar.Erasure, worked)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) { return k.Desk.Notify(ctx, id, clerk) }
	}},
	"Desk.Acknowledge": recipient(func(ctx context.Context, d *dsar.Desk, id string) (any, error) {
		return nil, d.Acknowledge(ctx, id, "Mailer Ltd", once(ctx))
	}),
	"Desk.Impossible": recipient(func(ctx context.Context, d *dsar.Desk, id string) (any, error) {
		return nil, d.Impossible(ctx, id, "Mailer Ltd", "dissolved", once(ctx))
	}),
	"Desk.Disclose": {writes, plainly(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		return nil, k.Desk.Disclose(ctx, dsar.Disclosed{Key: keyOf(ctx), Subject: subject, Recipient: "Mailer Ltd", Categories: []string{"contact"}, Basis: "A6-1-f"})
	})},
	"Desk.Disclosures": {reads, func(h *house) act {
		h.disclosed()
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) { return all(k.Desk.Disclosures(ctx, subject)) }
	}},
	"Desk.Dossier": asks(writes, dsar.Access, worked, func(ctx context.Context, d *dsar.Desk, id string) (any, error) { return d.Dossier(ctx, id, clerk) }),
	"Desk.Expire": after(alone, dsar.Access, verified, func(h *house, id string) {
		_, err := h.Desk.Refuse(h.ctx, id, dsartest.RefusalOf(), clerk)
		h.ok(err)
		h.pass(10 * 366 * 24 * time.Hour)
	}, func(ctx context.Context, d *dsar.Desk, _ string) (any, error) { return d.Expire(ctx, clerk) }),
	"Desk.Export": desk(reads, func(ctx context.Context, d *dsar.Desk) (any, error) { return all(d.Export(ctx, subject)) }),
	"Desk.Forget": desk(reads, func(ctx context.Context, d *dsar.Desk) (any, error) {
		_, kept, err := d.Forget(ctx, subject, "A17-1-b", time.Time{})
		return kept, err
	}),
	"Desk.Get":     asks(reads, dsar.Access, verified, func(ctx context.Context, d *dsar.Desk, id string) (any, error) { return d.Get(ctx, id) }),
	"Desk.History": asks(reads, dsar.Access, verified, func(ctx context.Context, d *dsar.Desk, id string) (any, error) { return all(d.History(ctx, id)) }),
	"Desk.LetterTemplate": {reads, func(h *house) act {
		id := h.request(dsar.Access, verified)
		var hash string
		for l, err := range h.Desk.Letters(h.ctx, id) {
			h.ok(err)
			hash = l.Template
		}
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) { return k.Desk.LetterTemplate(ctx, hash) }
	}},
	"Desk.Letters": asks(reads, dsar.Access, verified, func(ctx context.Context, d *dsar.Desk, id string) (any, error) { return all(d.Letters(ctx, id)) }),
	"Desk.List": desk(reads, func(ctx context.Context, d *dsar.Desk) (any, error) {
		return all(d.List(ctx, dsar.Filter{Subject: subject}))
	}),
	"Desk.Notices": asks(reads, dsar.Erasure, verified, func(ctx context.Context, d *dsar.Desk, id string) (any, error) { return all(d.Notices(ctx, id)) }),
	"Desk.Overdue": desk(reads, func(ctx context.Context, d *dsar.Desk) (any, error) { return all(d.Overdue(ctx)) }),
	"Desk.DueBefore": desk(reads, func(ctx context.Context, d *dsar.Desk) (any, error) {
		return all(d.DueBefore(ctx, start.AddDate(1, 0, 0)))
	}),
	"Desk.Backlog": desk(reads, func(ctx context.Context, d *dsar.Desk) (any, error) { return d.Backlog(ctx) }),
	"Desk.Readmit": desk(alone, func(ctx context.Context, d *dsar.Desk) (any, error) {
		return nil, d.Readmit(ctx, subject, "came-back", clerk)
	}),
	"Desk.Receipts": asks(reads, dsar.Erasure, worked, func(ctx context.Context, d *dsar.Desk, id string) (any, error) { return d.Receipts(ctx, id) }),
	"Desk.Register": desk(reads, func(ctx context.Context, d *dsar.Desk) (any, error) {
		return all(d.Register(ctx, start.AddDate(0, -1, 0), start.AddDate(0, 1, 0)))
	}),
	"Desk.WriteRegisterCSV": desk(reads, func(ctx context.Context, d *dsar.Desk) (any, error) {
		var b bytes.Buffer
		err := d.WriteRegisterCSV(ctx, &b, start.AddDate(0, -1, 0), start.AddDate(0, 1, 0))
		return b.String(), err
	}),
	"Desk.WriteRegisterJSON": desk(reads, func(ctx context.Context, d *dsar.Desk) (any, error) {
		var b bytes.Buffer
		err := d.WriteRegisterJSON(ctx, &b, start.AddDate(0, -1, 0), start.AddDate(0, 1, 0))
		return b.String(), err
	}),
	"Desk.LiftDue": {writes, func(h *house) act {
		r, err := h.Desk.Receive(h.ctx, dsar.Intake{Kind: dsar.Objection, Subjects: []string{subject}, Purposes: []string{"scoring"}})
		h.ok(err)
		_, err = h.Desk.Waive(h.ctx, r.ID, "known", clerk)
		h.ok(err)
		no := dsartest.RefusalOf()
		no.Ground = "A21-1-override"
		_, err = h.Desk.Refuse(h.ctx, r.ID, no, clerk)
		h.ok(err)
		h.pass(30 * 24 * time.Hour)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) { return k.Desk.LiftDue(ctx, clerk) }
	}},
	"Desk.Replay": desk(alone, func(ctx context.Context, d *dsar.Desk) (any, error) { return d.Replay(ctx, clerk) }),
	"Desk.Rest":   desk(alone, func(ctx context.Context, d *dsar.Desk) (any, error) { return d.Rest(ctx, clerk) }),
	"Desk.Statement": {looks, func(h *house) act {
		id := h.request(dsar.Erasure, worked)
		_, err := h.Desk.Fulfil(h.ctx, id, clerk)
		h.ok(err)
		_, err = h.Log.Checkpoint(h.ctx)
		h.ok(err)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			var b bytes.Buffer
			err := k.Desk.Statement(ctx, id, &b)
			return b.String(), err
		}
	}},
	"Desk.Stops": desk(reads, func(ctx context.Context, d *dsar.Desk) (any, error) {
		stopped, _, err := d.Stops(ctx, subject, "contact")
		return stopped, err
	}),
}

// answered closes a request.
func answered(h *house, id string) {
	_, err := h.Desk.Fulfil(h.ctx, id, clerk)
	h.ok(err)
}

// stored makes and keeps the bundle of a request.
func stored(h *house, id string) {
	_, err := h.Desk.StoreBundle(h.ctx, id, clerk)
	h.ok(err)
}
