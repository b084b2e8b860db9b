package retention

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

// SubjectLister is an optional capability of a [Source]: it yields the rows of one
// person, with the events of q. [Engine.Explain] needs it.
type SubjectLister interface {
	ListSubject(ctx context.Context, q *Query, subject string) iter.Seq2[*Record, error]
}

// Explanation says why one record is still there.
type Explanation struct {
	Source   string
	Category string
	Key      string
	State    State
	Action   Action    // what is to be done now
	Rule     string    // id of the deciding rule
	Ground   string    // its legal ground, or that of the stop
	Until    time.Time // end of the deciding rule, in the zone of the schedule; zero: not known
	Next     time.Time // when the state changes by time alone; zero: it does not
	Then     State     // the state after Next
	Blocked  *Blocking // set when the record stands among the blocked ones
	Unknown  string    // set, instead of all else, for a source that cannot list a person's rows
}

// Explain answers "why is this still here" for every record of a person, in the
// order of sources and keys. A source that cannot list a person's rows is named
// with Unknown, so that silence never means absence.
func (e *Engine) Explain(ctx context.Context, subject string) iter.Seq2[Explanation, error] {
	return func(yield func(Explanation, error) bool) {
		if err := gdpr.CheckSubject("Explain.Subject", subject, e.opt.LooseSubjects); err != nil {
			yield(Explanation{}, err)
			return
		}
		for _, s := range e.opt.Sources {
			lister, ok := s.(SubjectLister)
			if !ok {
				if !yield(Explanation{Source: s.Name(), Category: s.Category(), Unknown: "the source does not list the rows of a person"}, nil) {
					return
				}
				continue
			}
			all, err := e.explain(ctx, s, lister, subject)
			for _, x := range all {
				if !yield(x, nil) {
					return
				}
			}
			if err != nil {
				yield(Explanation{}, err)
				return
			}
		}
	}
}

func (e *Engine) explain(ctx context.Context, s Source, lister SubjectLister, subject string) ([]Explanation, error) {
	c, err := e.condition(s.Category())
	if err != nil {
		return nil, err
	}
	var rows []Record
	for r, err := range lister.ListSubject(ctx, &Query{Condition: c, Find: FindAll}, subject) {
		if err != nil {
			return nil, err
		}
		if r.Subject != subject {
			return nil, &SourceError{Source: s.Name(), Field: "key", Value: r.Key, Reason: "the row belongs to another person"}
		}
		rows = append(rows, Record{Key: r.Key, Subject: r.Subject, Events: append([]int64(nil), r.Events...)})
	}
	q, err := e.inquire(ctx, c)
	if err != nil {
		return nil, err
	}
	var out []Explanation
	for i := range rows {
		f, err := c.facts(s, &rows[i], storage.Micros(e.now()))
		if err != nil {
			return nil, err
		}
		if err := q.complete(ctx, &rows[i], &f); err != nil {
			return nil, fmt.Errorf("retention: explain: %w", err)
		}
		d := c.Evaluate(&f)
		x := Explanation{Source: s.Name(), Category: c.Category(), Key: rows[i].Key, State: d.State, Action: effect(s, &d), Ground: d.Ground(), Until: d.Until()}
		x.Next, x.Then = d.Next()
		if r := d.Rule(); r != nil {
			x.Rule = r.ID
		}
		if x.Blocked, err = e.blockOf(ctx, c.Category(), rows[i].Key); err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}
