package audit

import (
	"context"
	"slices"
	"strings"

	"github.com/gdprkit/gdprkit/internal/calendar"
)

// period returns how long the payload of an action stays; the longest prefix wins.
func (l *Log) period(action string) (calendar.Period, bool) {
	if strings.HasPrefix(action, "log.") || action == "" {
		return calendar.Period{}, false
	}
	for a := action; ; {
		if p, ok := l.opt.periods[a]; ok {
			return p, true
		}
		i := strings.LastIndexByte(strings.TrimSuffix(a, "."), '.')
		if i < 0 {
			return calendar.Period{}, false
		}
		a = a[:i+1]
	}
}

// Lint returns, sorted, the actions in the log, and in those that Reopen closed, for
// which Options.Payload says nothing: their payload stays until it is pruned.
func (l *Log) Lint(ctx context.Context) ([]string, error) {
	heads, err := l.heads(ctx)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, h := range heads {
		for row, err := range l.store.Scan(ctx, dueRows, []any{h.num, int64(h.pruned), int64(h.size())}) {
			var seq, at int64
			var action string
			if err == nil {
				err = row.Scan(&seq, &at, &action)
			}
			if err != nil {
				return nil, err
			}
			if _, ok := l.period(action); !ok && action != "" && !strings.HasPrefix(action, "log.") {
				seen[action] = true
			}
		}
	}
	unset := make([]string, 0, len(seen))
	for a := range seen {
		unset = append(unset, a)
	}
	slices.Sort(unset)
	return unset, nil
}
