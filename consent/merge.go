package consent

import (
	"context"

	"github.com/gdprkit/gdprkit/gdpr"
)

// Merge records that Subject and Other are the same person, as a CRM finds when it
// joins two contacts. The stricter of the two wins everywhere: every stop stays,
// nothing becomes allowed that neither allowed, and the order of merges does not
// matter. Kind and country that disagree become unsettled, which is the strictest; call
// [Ledger.Describe]. Sealed evidence stays with the subject it was sealed for, and
// later stops of one reach the other, also lifting, release and the verdict about an
// objection; a consent that is given later counts for its Subject alone. A record
// that was erased since gets no more than the stops of marketing. A merge is not
// undone: a record that was merged by mistake keeps the stops, and the person gives
// consent anew. With an erased person it is refused: [ErrErased].
func (l *Ledger) Merge(ctx context.Context, a Act) (Record, error) {
	if err := l.checkAct(&a); err != nil {
		return Record{}, err
	}
	if err := gdpr.CheckSubject("Act.Other", a.Other, l.loose); err != nil {
		return Record{}, err
	}
	if a.Other == a.Subject {
		return Record{}, gdpr.Invalid("Act.Other", "is Subject itself")
	}
	a.Purpose, a.Channel = "", ""
	one, two := l.event(EventMerged, &a), l.event(EventMerged, &a)
	two.subject = a.Other
	one.detail.With, two.detail.With = a.Other, a.Subject
	events := []*event{one, two}
	check := func(states []*state) error {
		if err := notErased(states); err != nil {
			return err
		}
		// The events were sorted with the states.
		events[0].detail.State, events[1].detail.State = states[1], states[0]
		return nil
	}
	return l.commit(ctx, &change{events: events, main: one, check: check})
}
