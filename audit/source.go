package audit

import (
	"context"
	"encoding/json"
	"iter"
	"log/slog"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

// exported is what a person gets of an entry about them (GDPR art. 15(1)). Other
// people stand in it only as tokens, and what is sealed for them stays sealed.
type exported struct {
	Index      uint64         `json:"index"`
	Closed     bool           `json:"closed,omitempty"` // index counts in an earlier log
	ID         string         `json:"id"`
	At         string         `json:"at"`
	Action     string         `json:"action"`
	Attributes map[string]any `json:"attributes,omitempty"`
}

// Export yields the entries about subject as JSON objects, oldest first, those of
// logs that [Log.Reopen] closed included, with the values that are sealed for subject in clear.
func (l *Log) Export(ctx context.Context, subject string) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		if err := gdpr.CheckSubject("Subject", subject, l.opt.LooseSubjects); err != nil {
			yield(nil, err)
			return
		}
		for e, err := range l.Entries(ctx, Filter{Subject: subject, Open: l.opt.Sealer != nil}) {
			var b json.RawMessage
			if err == nil {
				b, err = json.Marshal(e.export())
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

func (e *Entry) export() *exported {
	x := &exported{Index: e.Index, Closed: e.Closed, ID: e.ID.String(), At: e.At.Format(time.RFC3339Nano), Action: e.Action}
	for _, a := range e.Attrs {
		if x.Attributes == nil {
			x.Attributes = make(map[string]any, len(e.Attrs))
		}
		x.Attributes[a.Key] = exportValue(a.Value)
	}
	return x
}

func exportValue(v slog.Value) any {
	switch a := v.Any().(type) {
	case gdpr.PersonalValue:
		return a.Reveal()
	case gdpr.ClearValue:
		return string(a)
	case Sealed:
		return a.String()
	case time.Duration:
		return a.String()
	case float64:
		if a != a || a-a != 0 { // JSON has no NaN and no infinity
			return v.String()
		}
		return a
	default:
		return a
	}
}

// Forget deletes the aliases of subject and seals an entry log.forgotten with the
// ground, a code. Entries are kept as evidence (GDPR art. 17(3)(b) and (e)) and
// counted; without the alias nobody can tell whose they are. With a Tokeniser there
// is nothing to delete here: its key is shredded. Until is noted and nothing else.
func (l *Log) Forget(ctx context.Context, subject, ground string, until time.Time) (erased, kept int, err error) {
	if err := gdpr.CheckSubject("Subject", subject, l.opt.LooseSubjects); err != nil {
		return 0, 0, err
	}
	if !isCode(ground) {
		return 0, 0, gdpr.Invalid("Ground", "must be a code of 1 to 96 of the characters A-Z, a-z, 0-9, \".\", \"_\", \"-\"")
	}
	for _, err := range l.Entries(ctx, Filter{Subject: subject}) {
		if err != nil {
			return 0, 0, err
		}
		kept++
	}
	if l.opt.Tokeniser != nil {
		return 0, kept, nil
	}
	id, err := l.opened(ctx)
	if err != nil {
		return 0, 0, err
	}
	attrs := []value{{key: "ground", kind: 's', text: ground}}
	if !until.IsZero() {
		attrs = append(attrs, value{key: "until", kind: 't', text: formatTime(until)})
	}
	d, err := l.own(id, "log.forgotten", attrs...)
	if err != nil {
		return 0, 0, err
	}
	err = l.store.InTx(ctx, func(ctx context.Context) error {
		n, err := l.store.Apply(ctx, deleteAlias.With("audit", subject))
		if err != nil || n[0] == 0 {
			erased = 0
			return err
		}
		erased = int(n[0])
		return l.write(ctx, []*draft{d}, nil)
	})
	l.alias.forget("audit", subject)
	storage.AfterCommit(ctx, func() { l.alias.forget("audit", subject) })
	return erased, kept, err
}
