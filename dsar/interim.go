package dsar

import (
	"context"
	"slices"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

var liftable = &storage.Select{From: schema.Request, Columns: []string{"lift", "id"},
	Where: []storage.Term{{Column: "lift", Cmp: storage.Gt}, {Column: "lift", Cmp: storage.Le}}, Order: []string{"lift", "id"}}

// interim reports whether the request keeps purposes restricted until it is decided:
// an objection under art. 21(1) by somebody who is known (GDPR art. 18(1)(d)).
func (d *Desk) interim(r *row) bool {
	return r.kind == Objection && r.ground == "A21-1" && d.o.Restricter != nil && r.identity.settled()
}

// restrictMeanwhile restricts the purposes of such an objection, from the moment on
// that it is known who objects.
func (d *Desk) restrictMeanwhile(ctx context.Context, r *row, f *file) error {
	if !d.interim(r) {
		return nil
	}
	for _, subject := range r.subjects {
		for _, purpose := range f.Purposes {
			if err := d.o.Restricter.RestrictSubject(ctx, subject, purpose, "A18-1-d"); err != nil {
				return err
			}
		}
	}
	return nil
}

// liftMeanwhile lifts what restrictMeanwhile restricted, except for purposes on which
// another objection of the person still has to be decided or lifted.
func (d *Desk) liftMeanwhile(ctx context.Context, r *row, f *file) error {
	l, ok := d.o.Restricter.(Lifter)
	if !ok {
		return wrap(ErrCapability, invalid("Options.Restricter", "cannot lift"))
	}
	for _, subject := range r.subjects {
		others, err := d.alsoRestricted(ctx, r, subject)
		if err != nil {
			return err
		}
		for _, purpose := range f.Purposes {
			if slices.Contains(others, purpose) {
				continue
			}
			if err := l.LiftSubject(ctx, subject, purpose, "A18-1-d"); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *Desk) alsoRestricted(ctx context.Context, r *row, subject string) (purposes []string, err error) {
	for other, err := range d.rowsOf(ctx, Filter{Subject: subject, Kind: Objection}) {
		if err != nil {
			return nil, err
		}
		if other.id == r.id || !d.interim(other) || !other.state.Open() && other.lift == 0 {
			continue
		}
		f, err := d.file(ctx, other)
		if err != nil {
			return nil, err
		}
		purposes = append(purposes, f.Purposes...)
	}
	return purposes, nil
}

// LiftDue lifts the restrictions that held while objections were examined and of which
// the person was told, in the answer, that they end by now (GDPR art. 18(1)(d) and
// (3)): at most [MaxBatch] per call. Call it daily until it returns 0. It goes on
// after an error, and returns how many requests it dealt with.
func (d *Desk) LiftDue(ctx context.Context, act Act) (int, error) {
	if err := d.checkAct(&act); err != nil {
		return 0, err
	}
	n, failed := 0, troubles{}
	for rec, err := range d.store.Scan(ctx, liftable, []any{0, storage.Micros(d.now())}) {
		var at int64
		var id string
		if err == nil {
			err = rec.Scan(&at, &id)
		}
		if err != nil {
			failed.add(err)
			break
		}
		if _, err := d.Lift(ctx, id, Act{By: act.By}); err != nil {
			failed.add(err)
			continue
		}
		if n++; n == MaxBatch {
			break
		}
	}
	return n, failed.err()
}
