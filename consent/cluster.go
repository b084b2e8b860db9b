package consent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gdprkit/gdprkit/storage"
)

// errLinked says that records were merged after they were looked up.
var errLinked = errors.New("consent: the record was merged at the same moment")

// together commits an act about a person for every record that was merged with the
// person's. Of one that was erased since, only the stops of marketing are kept (GDPR art.
// 21(3)), so other acts pass it by. What is merged at the same moment is seen under the lock, and the act
// made anew for all of them; a transaction of the host gets storage.ErrConflict
// instead.
func (l *Ledger) together(ctx context.Context, subject string, kind Event, prepare func(subjects []string) (*change, error)) (Record, error) {
	for {
		subjects, erased, err := l.cluster(ctx, subject)
		if err != nil {
			return Record{}, err
		}
		reached := subjects
		if !kind.outlasts() {
			reached = slices.DeleteFunc(slices.Clone(subjects), func(s string) bool { return s != subject && contains(erased, s) })
		}
		c, err := prepare(reached)
		if err != nil {
			return Record{}, err
		}
		check := c.check
		c.check = func(states []*state) error {
			for _, s := range states {
				for _, other := range s.Links {
					if !contains(subjects, other) {
						return errLinked
					}
				}
			}
			if check == nil {
				return nil
			}
			return check(states)
		}
		rec, err := l.commit(ctx, c)
		switch {
		case !errors.Is(err, errLinked):
			return rec, err
		case l.store.State(ctx) != storage.Outside:
			return Record{}, fmt.Errorf("%w: %w", errLinked, storage.ErrConflict)
		}
	}
}

// outlasts reports whether a tombstone keeps what the act changes.
func (k Event) outlasts() bool {
	return k == EventMarketing || k == EventSuppressed || k == EventReleased
}

// cluster returns the person and all records merged with it, sorted, and which of them
// are erased.
func (l *Ledger) cluster(ctx context.Context, subject string) (all, erased []string, err error) {
	all = []string{subject}
	for i := 0; i < len(all); i++ {
		s, err := l.peek(ctx, all[i])
		if err != nil {
			return nil, nil, err
		}
		if s.Erased != nil {
			erased = append(erased, all[i])
		}
		for _, other := range s.Links {
			if !contains(all, other) {
				all = append(all, other)
			}
		}
	}
	slices.SortFunc(all, strings.Compare)
	return all, erased, nil
}

// share adds the event of an act about the person to the change, for one of the
// records of that person. The first that is the person's own is the main one.
func (c *change) share(e *event, subject string) {
	switch {
	case e.subject != subject:
		e.subject, e.detail.Via = subject, "merge"
	case c.main == nil:
		c.main = e
	}
	c.events = append(c.events, e)
}
