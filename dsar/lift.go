package dsar

import (
	"context"
	"time"

	"github.com/gdprkit/gdprkit/storage"
)

// Lifter is a [Restricter] that can also lift a restriction. [Desk.Lift] needs it, and
// an objection, of which the restriction meanwhile would otherwise stay.
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

func (d *Desk) lift(ctx context.Context, r *row, f *file) error {
	scopes := f.Scope.Categories
	if len(scopes) == 0 {
		scopes = []string{""}
	}
	for _, subject := range r.subjects {
		if l, ok := d.o.Restricter.(Lifter); ok {
			for _, scope := range scopes {
				if err := l.LiftSubject(ctx, subject, scope, r.ground); err != nil {
					return err
				}
			}
		}
		for _, s := range d.sources {
			sr, ok := s.(SourceRestricter)
			if !ok {
				continue
			}
			err := d.guarded(ctx, s, func(ctx context.Context) error {
				_, err := sr.RestrictSource(ctx, subject, f.Scope, false)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}
