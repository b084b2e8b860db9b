package dsar

import (
	"context"
	"slices"
	"time"

	"github.com/gdprkit/gdprkit/storage"
)

// Lifter is a [Restricter] that can also lift a restriction. [Desk.Lift] needs it, and
// an objection, of which the restriction meanwhile would otherwise stay. It lifts what was
// restricted within the scope under that ground; what stands under another stays.
type Lifter interface {
	LiftSubject(ctx context.Context, subject, scope, ground string) error
}

// AnnounceLift makes the letter that tells the person, before it happens, that a
// restriction will be lifted on a date (GDPR art. 18(3)).
func (d *Desk) AnnounceLift(ctx context.Context, id string, on time.Time, why string, act Act) (*Request, error) {
	if on.Before(d.now()) {
		return nil, invalid("AnnounceLift.on", "lies in the past; the person is told before")
	}
	day := d.day(on)
	return d.do(ctx, stepping{id: id, event: EventAnnounceLift, act: act, code: day, detail: why, plain: why == "",
		change: func(_ context.Context, r *row, _ State) ([]storage.Op, error) { return nil, restrictionOnly(r) },
		letter: func(context.Context, *row) (string, any, error) {
			return LetterLift, &letterExtra{LiftOn: day, Why: why}, nil
		}})
}

func restrictionOnly(r *row) error {
	if r.kind != Restriction {
		return invalid("request", "is not of kind restriction")
	}
	return nil
}

// Lift lifts a restriction at the Restricter, if it is a [Lifter], and in each source
// that can. The person must have been told before: by [Desk.AnnounceLift] or, of the
// restriction that held while an objection was examined, in the answer to it. See
// [Desk.LiftDue] for the latter.
func (d *Desk) Lift(ctx context.Context, id string, act Act) (*Request, error) {
	r, err := d.load(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := d.allow(ctx, "request.lift", r); err != nil {
		return nil, err
	}
	f, err := d.file(ctx, r)
	if err != nil {
		return nil, err
	}
	return d.do(ctx, stepping{id: id, event: EventLift, act: act,
		change: func(ctx context.Context, r *row, _ State) ([]storage.Op, error) {
			if r.kind != Objection {
				if err := restrictionOnly(r); err != nil {
					return nil, err
				}
				return nil, d.announced(ctx, r)
			}
			switch {
			case r.lift == 0:
				return nil, invalid("request", "has no restriction that is to be lifted")
			case r.lift > storage.Micros(d.now()):
				return nil, &IncompleteError{[]string{"18(3): the person was told that it is lifted on " + d.day(storage.Time(r.lift))}}
			}
			r.lift = 0
			return nil, nil
		},
		effect: func(ctx context.Context, r *row) error {
			if r.kind == Objection {
				return d.liftMeanwhile(ctx, r, f)
			}
			return d.lift(ctx, r, f)
		}})
}

// announced reports whether the person was told, and nothing was lifted since.
func (d *Desk) announced(ctx context.Context, r *row) error {
	told := false
	for e, err := range d.events(ctx, r.id) {
		if err != nil {
			return err
		}
		switch {
		case e.Event == EventAnnounceLift:
			told = e.Code <= d.day(d.now())
		case e.Event == EventLift:
			told = false
		}
	}
	if !told {
		return &IncompleteError{[]string{"18(3): the person was not told before; call AnnounceLift and wait for the date"}}
	}
	return nil
}

// lift ends what the request restricted, except for what another request of the person
// keeps restricted.
func (d *Desk) lift(ctx context.Context, r *row, f *file) error {
	for _, subject := range r.subjects {
		others, err := d.restricting(ctx, r, subject)
		if err != nil {
			return err
		}
		if err := d.liftScopes(ctx, r, f, subject, others); err != nil {
			return err
		}
		for _, s := range d.sources {
			sr, ok := s.(SourceRestricter)
			if !ok {
				continue
			}
			err := d.guarded(ctx, s, func(ctx context.Context) error {
				_, err := sr.RestrictSource(ctx, subject, f.Scope, false)
				for i := 0; i < len(others) && err == nil; i++ { // scopes may overlap
					_, err = sr.RestrictSource(ctx, subject, others[i].scope, true)
				}
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *Desk) liftScopes(ctx context.Context, r *row, f *file, subject string, others []restricted) error {
	l, ok := d.o.Restricter.(Lifter)
	if !ok {
		return nil
	}
	for _, scope := range f.Scope.restricted() {
		if slices.ContainsFunc(others, func(o restricted) bool { return o.ground == r.ground && slices.Contains(o.scope.restricted(), scope) }) {
			continue
		}
		if err := l.LiftSubject(ctx, subject, scope, r.ground); err != nil {
			return err
		}
	}
	return nil
}

// restricted is what a request keeps restricted.
type restricted struct {
	ground string
	scope  Scope
}

// restricting returns what other requests keep restricted of a subject.
func (d *Desk) restricting(ctx context.Context, r *row, subject string) (all []restricted, err error) {
	for o, err := range d.rowsOf(ctx, Filter{Subject: subject, Kind: Restriction}) {
		if err != nil {
			return nil, err
		}
		if o.id == r.id || o.state != StateWorking && o.state != StateWorked && o.state != StateFulfilled {
			continue
		}
		lifted, err := d.happened(ctx, o, EventLift)
		if err != nil {
			return nil, err
		}
		if lifted {
			continue
		}
		f, err := d.file(ctx, o)
		if err != nil {
			return nil, err
		}
		all = append(all, restricted{o.ground, f.Scope})
	}
	return all, nil
}
