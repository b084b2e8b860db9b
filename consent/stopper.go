package consent

import (
	"context"
	"strings"
)

// Stops tells whether a restriction of GDPR art. 18 forbids to erase or change a
// person's data of a category: one of everything, of the category ("data:" and its
// name), or of a purpose that uses the category. An objection that waits for its verdict
// restricts its purpose (art. 18(1)(d)). It is the bridge that a sweep asks.
func (l *Ledger) Stops(ctx context.Context, subject, category string) (stopped bool, ground string, err error) {
	s, err := l.peek(ctx, subject)
	if err != nil {
		return false, "", err
	}
	for i := range s.Restrict {
		r := &s.Restrict[i]
		if name, ok := strings.CutPrefix(r.Scope, dataScope); ok {
			stopped = name == category
		} else {
			stopped = r.Scope == AllPurposes || l.uses(r.Scope, category)
		}
		if stopped {
			return true, string(r.Ground), nil
		}
	}
	for _, id := range sortedKeys(s.Object) {
		if s.Object[id].Verdict == pending && l.uses(id, category) {
			return true, string(RestrictObjection), nil
		}
	}
	return false, "", nil
}

// uses reports whether a purpose uses a category of data now.
func (l *Ledger) uses(purpose, category string) bool {
	p := l.catalogue.At(purpose, l.now())
	return p != nil && contains(p.Data, category)
}
