package dsar

import (
	"context"
	"encoding/json"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

// Group marks the request as a duplicate of canonical, or as its own again with
// canonical "". Grouping changes neither identity nor state: a duplicate still
// has its own verification and its own answer.
func (d *Desk) Group(ctx context.Context, id, canonical string, act Act) (*Request, error) {
	if canonical == id {
		return nil, invalid("Group.canonical", "is the request itself")
	}
	if canonical != "" {
		other, err := d.load(ctx, canonical)
		if err != nil {
			return nil, err
		}
		if other.canonical != "" {
			return nil, invalid("Group.canonical", "is itself a duplicate; name the first request")
		}
	}
	return d.do(ctx, stepping{id: id, event: EventGroup, act: act, code: canonical,
		change: func(_ context.Context, r *row, _ State) ([]storage.Op, error) {
			r.canonical = canonical
			return nil, nil
		}})
}

// Assign puts somebody in charge.
func (d *Desk) Assign(ctx context.Context, id, to string, act Act) (*Request, error) {
	if err := gdpr.CheckSubject("Assign.to", to, false); err != nil {
		return nil, err
	}
	return d.do(ctx, stepping{id: id, event: EventAssign, act: act, code: to,
		change: func(_ context.Context, r *row, _ State) ([]storage.Op, error) {
			r.assignee = to
			return nil, nil
		}})
}

// Extension is the use of the two further months (GDPR art. 12(3)).
type Extension struct {
	// Reason is "complexity" or "number".
	Reason string
	// Told is when the person was told of the extension and its reasons: within the
	// first month. Default: now.
	Told time.Time
	// Why explains the reason for the file and the letter. It is sealed.
	Why string
}

// Extend lengthens the period to three months from the receipt, once, and makes
// the letter about it. Late, second or unreasoned, it is [ErrExtension].
func (d *Desk) Extend(ctx context.Context, id string, e Extension, act Act) (*Request, error) {
	if e.Reason != "complexity" && e.Reason != "number" {
		return nil, wrap(ErrExtension, invalid("Extension.Reason", "must be complexity or number (GDPR art. 12(3))"))
	}
	now := d.now()
	var detail any // as given, so that a repeated call is recognised
	if e.Why != "" {
		detail = e
	}
	if e.Told.IsZero() {
		e.Told = now
	}
	if e.Told.After(now) {
		return nil, wrap(ErrExtension, invalid("Extension.Told", "lies in the future"))
	}
	return d.do(ctx, stepping{id: id, event: EventExtend, act: act, code: e.Reason, detail: detail,
		change: func(_ context.Context, r *row, _ State) ([]storage.Op, error) {
			switch {
			case r.extended != 0:
				return nil, wrap(ErrExtension, invalid("Extend", "was already used; there is one extension"))
			case storage.Micros(e.Told) >= r.noticeDue || storage.Micros(now) >= r.noticeDue:
				return nil, wrap(ErrExtension, invalid("Extension.Told", "lies after the first month, %s", d.lastDay(r.noticeDue)))
			case storage.Micros(e.Told) < r.received:
				return nil, wrap(ErrExtension, invalid("Extension.Told", "lies before the receipt"))
			}
			r.extended = storage.Micros(e.Told)
			d.reckon(r)
			return nil, nil
		},
		letter: func(context.Context, *row) (string, any, error) {
			return LetterExtension, &letterExtra{Extension: &e}, nil
		}})
}

// Pause reasons.
const (
	PauseIdentity      = "identity"      // GDPR art. 12(6)
	PauseClarification = "clarification" // recital 63: a large quantity of information
)

// Pausing is a question to the person without whose answer the work cannot go on.
type Pausing struct {
	// Reason is PauseIdentity or PauseClarification.
	Reason string
	// Asked is when the question was sent, not before the answer to the one before.
	// Default: now.
	Asked time.Time
	// Question is what was asked. It is sealed.
	Question string
	// LargeQuantity says that the controller processes a large quantity of
	// information about the person, without which a clarification stops no clock
	// (recital 63).
	LargeQuantity bool
}

// Pause records the question. Whether the clock stands still is decided by
// Options.Deadlines; the unpaused date stays visible in any case.
func (d *Desk) Pause(ctx context.Context, id string, p Pausing, act Act) (*Request, error) {
	now := d.now()
	var detail any
	if p.Question != "" {
		detail = p
	}
	given := !p.Asked.IsZero()
	if !given {
		p.Asked = now
	}
	switch {
	case p.Reason != PauseIdentity && p.Reason != PauseClarification:
		return nil, invalid("Pausing.Reason", "must be identity or clarification")
	case p.Asked.After(now):
		return nil, invalid("Pausing.Asked", "lies in the future")
	case p.Reason == PauseClarification && !p.LargeQuantity:
		return nil, invalid("Pausing.LargeQuantity", "is not set; a clarification stops the clock only then (recital 63)")
	}
	return d.do(ctx, stepping{id: id, event: EventPause, act: act, code: p.Reason, detail: detail,
		change: func(ctx context.Context, r *row, _ State) ([]storage.Op, error) {
			if storage.Micros(p.Asked) < r.received {
				return nil, invalid("Pausing.Asked", "lies before the receipt")
			}
			if given {
				if last, err := d.lastAnswer(ctx, id); err != nil {
					return nil, err
				} else if p.Asked.Before(last) {
					return nil, invalid("Pausing.Asked", "lies before the answer to the question before; its days would count twice")
				}
			}
			if p.Reason == PauseIdentity && r.identity.settled() {
				return nil, invalid("Pausing.Reason", "identity is already established")
			}
			r.paused = storage.Micros(p.Asked)
			r.pausedFor(p.Reason)
			return nil, nil
		},
		letter: func(context.Context, *row) (string, any, error) {
			return LetterIdentity, &letterExtra{Why: p.Question}, nil
		}})
}

// lastAnswer returns when the last answer came, or zero.
func (d *Desk) lastAnswer(ctx context.Context, id string) (last time.Time, err error) {
	for e, err := range d.events(ctx, id) {
		if err != nil {
			return last, err
		}
		if e.Event != EventResume {
			continue
		}
		last = e.At
		if len(e.enclosed) == 0 {
			continue
		}
		var n note
		var at string
		if err := d.disclose(ctx, id, place("gdpr_request_event", "note", id+"/"+e.key), e.enclosed, &n); err != nil {
			return last, err
		}
		if n.Detail == nil || json.Unmarshal(n.Detail, &at) != nil {
			continue
		}
		if last, err = time.Parse(time.RFC3339, at); err != nil {
			return last, err
		}
	}
	return last, nil
}

// pausedFor keeps the reason of a running pause where no other column needs it.
func (r *row) pausedFor(reason string) { r.outcome = reason }

// Resume records that the answer came at the given time, by default now, and
// moves the due date by the days in between, or restarts the period where that
// is the law for an identity check.
func (d *Desk) Resume(ctx context.Context, id string, answered time.Time, act Act) (*Request, error) {
	now := d.now()
	var detail any
	if answered.IsZero() {
		answered = now
	} else {
		detail = answered.UTC().Format(time.RFC3339)
	}
	if answered.After(now) {
		return nil, invalid("Resume.answered", "lies in the future")
	}
	return d.do(ctx, stepping{id: id, event: EventResume, act: act, detail: detail, plain: true,
		change: func(_ context.Context, r *row, _ State) ([]storage.Op, error) {
			if answered.Before(storage.Time(r.paused)) {
				return nil, invalid("Resume.answered", "lies before the question")
			}
			d.unpause(r, answered)
			return nil, nil
		}})
}

// unpause has the clock run again.
func (d *Desk) unpause(r *row, at time.Time) {
	if r.outcome == PauseIdentity && d.restarts() {
		r.clock, r.pauseDays = storage.Micros(at), 0
	} else {
		r.pauseDays += d.pausedDays(storage.Time(r.paused), at)
	}
	r.paused, r.outcome = 0, ""
	d.reckon(r)
}

// Cancel records that the person took the request back. It can never run after that,
// and what waited to be done never will: see [PlannedItem.Cancelled]. The letter, if
// any, tells when a restriction that held meanwhile is lifted.
func (d *Desk) Cancel(ctx context.Context, id string, act Act) (*Request, error) {
	return d.do(ctx, stepping{id: id, event: EventCancel, act: act, code: "by_person",
		letter: func(_ context.Context, r *row) (string, any, error) {
			if r.lift == 0 {
				return "", nil, nil
			}
			return LetterLift, &letterExtra{}, nil
		}})
}

// Reopen takes up a request again that ended without being carried out, on the
// order of an authority or court ("authority", "court") or on new information
// ("new_information"). The dates stay those of the receipt.
func (d *Desk) Reopen(ctx context.Context, id, reason string, act Act) (*Request, error) {
	if err := checkCode("Reopen.reason", reason); err != nil {
		return nil, err
	}
	r, err := d.load(ctx, id)
	if err != nil {
		return nil, err
	}
	f := new(file)
	if r.forgotten == 0 {
		if f, err = d.file(ctx, r); err != nil {
			return nil, err
		}
	}
	stands := false
	return d.do(ctx, stepping{id: id, event: EventReopen, act: act, code: reason,
		change: func(_ context.Context, r *row, _ State) ([]storage.Op, error) {
			if r.forgotten != 0 {
				return nil, ErrExpired
			}
			stands = r.lift != 0
			r.closed, r.outcome, r.lift = 0, "", 0
			return nil, nil
		},
		effect: func(ctx context.Context, r *row) error {
			if stands {
				return nil
			}
			return d.restrictMeanwhile(ctx, r, f)
		}})
}
