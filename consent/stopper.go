package consent

import (
	"context"
	"strings"
)

// Stops tells whether a restriction of GDPR art. 18 forbids to erase or change a
// person's data of a category: one of everything, of the category ("data:" and its
// name), or of a purpose that uses the category. It is the bridge that a sweep asks.
func (l *Ledger) Stops(ctx context.Context, subject, category string) (stopped bool, ground string, err error) {
	s, err := l.peek(ctx, subject)
	if err != nil {
		return false, "", err
	}
	for i := range s.Restrict {
		r := &s.Restrict[i]
		if name, ok := strings.CutPrefix(r.Scope, dataScope); ok {
			stopped = name == category
		} else if stopped = r.Scope == AllPurposes; !stopped && l.catalogue != nil {
			p := l.catalogue.At(r.Scope, l.now())
			stopped = p != nil && contains(p.Data, category)
		}
		if stopped {
			return true, string(r.Ground), nil
		}
	}
	return false, "", nil
}
