package retention

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// Notice is a record that is about to go, or that asks for a review.
type Notice struct {
	Source  string
	Key     string
	Subject string
	Owner   string    // who is to be told
	Action  Action    // what is about to happen, or Review
	Rule    string    // id of the deciding rule
	Ground  string    // its legal ground
	At      time.Time // when, in the time zone of the schedule
}

var (
	newTold = &storage.Write{Verb: storage.InsertNew, Table: schema.Told, Set: []string{"category", "record", "due", "owner", "subject", "at"}}
	toldOf  = &storage.Select{From: schema.Told, Columns: []string{"category", "record", "due", "owner", "at"}, Where: storage.By("subject"), Order: []string{"category", "record", "due", "owner"}}
	told    = &storage.Select{From: schema.Told, Columns: []string{"at"}, Where: storage.By("category", "record", "due", "owner")}
)

// Upcoming yields the records that are due within the given time, those that are due
// already among them, and whose owner was not told of that date yet; records without
// an owner are left out. A record counts as told once the loop asks for the
// next one, so a notice may come twice after a crash and never gets lost.
func (e *Engine) Upcoming(ctx context.Context, within time.Duration) iter.Seq2[Notice, error] {
	return func(yield func(Notice, error) bool) {
		if within < 0 {
			yield(Notice{}, gdpr.Invalid("Upcoming.Within", "is negative"))
			return
		}
		at := e.now().Add(within)
		e.notices(ctx, at, FindDue, func(n Notice, err error) bool {
			if err != nil {
				return yield(n, err)
			}
			if n.Owner == "" {
				return true
			}
			category := e.source(n.Source).Category()
			key := []any{category, n.Key, storage.Micros(n.At), n.Owner}
			var before int64
			switch err := e.store.Get(ctx, told, key, &before); {
			case err == nil:
				return true
			case !errors.Is(err, storage.ErrNotFound):
				yield(Notice{}, err)
				return false
			}
			if !yield(n, nil) {
				return false
			}
			if _, err := e.store.Apply(ctx, newTold.With(append(key, n.Subject, storage.Micros(e.now()))...)); err != nil {
				return yield(Notice{}, err)
			}
			return true
		})
	}
}

// Reviews yields the records that ask for a review today: those whose accuracy was
// not confirmed for the period of a rule with the action review.
func (e *Engine) Reviews(ctx context.Context) iter.Seq2[Notice, error] {
	return func(yield func(Notice, error) bool) { e.notices(ctx, e.now(), FindReview, yield) }
}

// notices yields what the rules say of the rows on the day of at.
func (e *Engine) notices(ctx context.Context, at time.Time, find Find, yield func(Notice, error) bool) {
	for _, s := range e.opt.Sources {
		c, err := e.schedule.On(at).Condition(s.Category())
		if err != nil {
			yield(Notice{}, err)
			return
		}
		for rows, err := range e.pages(ctx, s, c, find) {
			if err == nil {
				err = e.notify(ctx, s, c, find, rows, yield)
			}
			if err == errStop {
				return
			}
			if err != nil {
				yield(Notice{}, err)
				return
			}
		}
	}
}

// errStop says that the caller wants no more. It never leaves the package.
var errStop = &carryError{context.Canceled}

func (e *Engine) notify(ctx context.Context, s Source, c *Condition, find Find, rows []Record, yield func(Notice, error) bool) error {
	q, err := e.inquire(ctx, c)
	if err != nil {
		return err
	}
	for i := range rows {
		r := &rows[i]
		f, err := c.facts(s, r, storage.Micros(e.now()))
		if err != nil {
			return err
		}
		if err := q.complete(ctx, r, &f); err != nil {
			return err
		}
		d := c.Evaluate(&f)
		if find == FindDue && d.State != Due || find == FindReview && d.Action() != Review {
			continue
		}
		n := Notice{Source: s.Name(), Key: r.Key, Subject: r.Subject, Owner: r.Owner, Action: effect(s, &d), Ground: d.Ground(), At: d.dueSince()}
		if rule := d.Rule(); rule != nil {
			n.Rule = rule.ID
		}
		if !yield(n, nil) {
			return errStop
		}
	}
	return nil
}

// dueSince returns the instant at which the record became, or becomes, due.
func (d *Decision) dueSince() time.Time {
	until := d.Until()
	if d.State != Due {
		return until
	}
	for i := range d.cond.keepers {
		if t := d.cond.instant(&d.cond.keepers[i], d.facts); t.After(until) {
			until = t
		}
	}
	return until
}
