package audit

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gdprkit/gdprkit/internal/calendar"
	"github.com/gdprkit/gdprkit/storage"
)

var dueRows = selectRows(auditEntry, []string{"seq", "at", "action"}, false, "log")

// aheadRows is how many entries in a row have to be too young before RedactDue looks
// no further: the times of neighbours differ by the clocks of their processes.
const aheadRows = 256

// dueCursors remembers, for each log and period, up to where the entries have been
// dealt with. Entries come in the order of time, so what is due stands behind each.
//
// They are not kept in the database: a log that was restored has payloads again, and
// would have the cursors of a process that lived through it.
type dueCursors struct {
	seen *head // the present log after they were moved
	at   map[dueIn]int64
}

type dueIn struct {
	num    int64 // of the log
	period calendar.Period
}

// RedactDue drops the payload of up to limit entries whose period of
// Options.Payload is over, with the ground "payload_period": first in the logs that
// [Log.Reopen] closed, then in the present one.
//
// The first call of a process looks at every entry that is old enough; later ones go
// on from there, unless the log was reopened or set back meanwhile. An entry whose
// time lies far before that of its neighbours is dropped when they are.
func (l *Log) RedactDue(ctx context.Context, limit int) (int, error) {
	if err := l.free(ctx); err != nil {
		return 0, err
	}
	heads, err := l.heads(ctx)
	if err != nil {
		return 0, err
	}
	if err := l.dueStill(ctx, heads[0]); err != nil {
		return 0, err
	}
	done, err := l.redactDue(ctx, heads, limit)
	seen, _ := l.readHead(ctx) // with what tells of the payloads dropped
	l.mu.Lock()
	l.due.seen = seen
	l.mu.Unlock()
	return done, err
}

func (l *Log) redactDue(ctx context.Context, heads []*head, limit int) (done int, err error) {
	for _, h := range slices.Backward(heads) {
		for _, p := range l.distinctPeriods() {
			if done >= limit {
				return done, nil
			}
			due, next, err := l.dueOf(ctx, h, p, limit-done)
			if err != nil {
				return done, err
			}
			n, err := l.redact(ctx, due, "payload_period")
			if done += n; err != nil {
				return done, err
			}
			l.dueMoved(h, p, next)
		}
	}
	return done, nil
}

func (l *Log) distinctPeriods() []calendar.Period {
	var list []calendar.Period
	seen := map[calendar.Period]bool{}
	for _, p := range l.opt.periods {
		if !seen[p] {
			seen[p] = true
			list = append(list, p)
		}
	}
	return list
}

// dueOf returns up to limit entries of a period that are due, and the index below
// which, once they are dropped, none is left.
func (l *Log) dueOf(ctx context.Context, h *head, p calendar.Period, limit int) (due []spot, next int64, err error) {
	next = max(l.dueFrom(h, p), int64(h.pruned))
	if next >= int64(h.size()) {
		return nil, next, nil
	}
	now, ahead, young := l.opt.Now(), 0, int64(-1)
	for row, err := range l.store.Scan(ctx, dueRows, []any{h.num, next, int64(h.size())}) {
		var seq, at int64
		var action string
		if err == nil {
			err = row.Scan(&seq, &at, &action)
		}
		if err != nil {
			return nil, 0, err
		}
		if action == "" { // its payload is gone
			next = seq + 1
			continue
		}
		if calendar.DateOf(storage.Time(at)).Add(p).AddDays(1).Start(time.UTC).After(now) {
			if young < 0 {
				young = seq
			}
			if ahead++; ahead == aheadRows {
				break
			}
			continue
		}
		if own, ok := l.period(action); ok && own == p {
			due = append(due, spot{h.num, seq})
		}
		ahead, next = 0, seq+1
		if len(due) == limit {
			break
		}
	}
	if young >= 0 {
		next = min(next, young)
	}
	return due, next, nil
}

// dueStill forgets the cursors unless the log still contains what they were moved in.
func (l *Log) dueStill(ctx context.Context, h *head) error {
	l.mu.Lock()
	seen := l.due.seen
	l.mu.Unlock()
	err := error(ErrRolledBack)
	if seen != nil && seen.origin == h.origin {
		err = l.extends(ctx, h, &Checkpoint{Size: seen.size(), Root: seen.root})
	}
	if err != nil && !errors.Is(err, ErrTampered) {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.due.at = map[dueIn]int64{}
	}
	return nil
}

func (l *Log) dueFrom(h *head, p calendar.Period) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.due.at[dueIn{h.num, p}]
}

func (l *Log) dueMoved(h *head, p calendar.Period, next int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.due.at[dueIn{h.num, p}] = next
}
