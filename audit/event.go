package audit

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/frame"
	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/storage"
)

// An Event is what happened, for [Log.Append].
type Event struct {
	Action   string      // kind of act, such as "contact.viewed": a-z, 0-9, ".", "_", "-"; not "log."
	Subject  string      // whom it is about; "" when it is about nobody
	Subjects []string    // further people it is about, at most 63
	Actor    string      // who acted; default: of the context ([WithActor])
	Attrs    []slog.Attr // see the package documentation for what is sealed
	At       time.Time   // the appender's claim, kept in microseconds; default now
	Key      string      // idempotency key; a repeat returns the first Receipt; default none
}

// A Receipt identifies an entry. A state row that keeps it can be compared with the
// log by [Log.Reconcile].
type Receipt struct {
	ID   ID
	Hash merkle.Hash // of the leaf, final at once
	At   time.Time   // UTC
}

// Record adds an entry to the log, in the transaction that ctx holds, or in one of
// its own, sealed when it returns. Attributes: numbers, booleans, times, durations
// and gdpr.Clear stand in clear; every other text is sealed under the key of
// subject, or of the one gdpr.Personal names.
func (l *Log) Record(ctx context.Context, action, subject string, attrs ...slog.Attr) error {
	_, err := l.add(ctx, Event{Action: action, Subject: subject, Attrs: attrs})
	return err
}

// Append adds entries as one step: all or none. They follow one another in the
// order given, but entries of other callers may stand between those of one call
// made inside a transaction.
//
// An event whose Key was used before is not added again; its first Receipt is
// returned. With another content it is storage.ErrKeyReuse. When ctx is cancelled
// after the entries were taken, storage.ErrOutcomeUnknown is returned; a repeat
// with the same Key is safe.
func (l *Log) Append(ctx context.Context, events ...Event) ([]Receipt, error) {
	drafts, err := l.add(ctx, events...)
	if err != nil {
		return nil, err
	}
	receipts := make([]Receipt, len(drafts))
	for i, d := range drafts {
		receipts[i] = Receipt{d.id, d.hash, storage.Time(d.at)}
	}
	return receipts, nil
}

func (l *Log) add(ctx context.Context, events ...Event) ([]*draft, error) {
	if len(events) == 0 {
		return nil, nil
	}
	drafts := make([]*draft, len(events))
	for again := true; ; again = false {
		inputs := make([]*collector, len(events))
		for i := range events { // before anything is written for any of them
			var err error
			if inputs[i], err = l.collect(ctx, &events[i]); err != nil {
				return nil, err
			}
		}
		if err := l.meet(ctx, inputs); err != nil {
			return nil, err
		}
		var fresh newcomers
		for i := range events {
			d, err := l.prepare(ctx, &events[i], inputs[i], &fresh)
			if err != nil {
				return nil, err
			}
			drafts[i] = d
		}
		err := l.put(ctx, drafts, &fresh)
		if !again || !errors.Is(err, errMoved) {
			return drafts, err
		}
		l.forgetIdent() // another process has reopened the log
	}
}

// prepare does everything that can fail and is not the writing of the entry.
func (l *Log) prepare(ctx context.Context, e *Event, c *collector, fresh *newcomers) (*draft, error) {
	id, err := l.opened(ctx)
	if err != nil {
		return nil, err
	}
	at, err := l.clock(e.At)
	if err != nil {
		return nil, err
	}
	x := &leaf{log: id.id, id: ids.New(), at: at, act: e.Action, attr: c.values}
	x.seed()
	if c.actor != "" {
		if x.by, err = l.token(ctx, "actor", c.actor, fresh); err != nil {
			return nil, err
		}
	}
	x.sub = make([]string, len(c.subjects))
	for i, s := range c.subjects {
		if x.sub[i], err = l.token(ctx, "audit", s, fresh); err != nil {
			return nil, err
		}
		for _, other := range x.sub[:i] {
			if other == x.sub[i] {
				return nil, gdpr.Invalid("Event.Subjects", "have two with the same token")
			}
		}
	}
	var request []byte
	if e.Key != "" {
		request = l.request(e, c)
	}
	if err := c.seal(ctx, l.opt.Sealer, x.id.String()); err != nil {
		return nil, err
	}
	d, err := newDraft(x)
	if err == nil && e.Key != "" {
		d.idem, d.request = l.mac("gdprkit/audit/key/v1", []byte(e.Key)), request
	}
	return d, err
}

// collect checks the input before anything is written for it.
func (l *Log) collect(ctx context.Context, e *Event) (*collector, error) {
	if !isAction([]byte(e.Action)) {
		return nil, gdpr.Invalid("Event.Action", "must have 1 to 96 of the characters a-z, 0-9, \".\", \"_\", \"-\" and begin with a letter")
	}
	if strings.HasPrefix(e.Action, "log.") {
		return nil, gdpr.Invalid("Event.Action", "begins with \"log.\", which is kept for the log itself")
	}
	if len(e.Key) > 255 {
		return nil, gdpr.Invalid("Event.Key", "has %d bytes; the limit is 255", len(e.Key))
	}
	actor := e.Actor
	if actor == "" {
		actor = Actor(ctx)
	}
	if actor != "" {
		if err := gdpr.CheckSubject("Actor", actor, l.opt.LooseSubjects); err != nil {
			return nil, err
		}
	}
	c := &collector{subject: e.Subject, actor: actor, loose: l.opt.LooseSubjects}
	if e.Subject != "" {
		if err := gdpr.CheckSubject("Event.Subject", e.Subject, l.opt.LooseSubjects); err != nil {
			return nil, err
		}
		c.subjects = append(c.subjects, e.Subject)
	}
	for _, s := range e.Subjects {
		if err := gdpr.CheckSubject("Event.Subjects", s, l.opt.LooseSubjects); err != nil {
			return nil, err
		}
		if _, err := c.index(s); err != nil {
			return nil, err
		}
	}
	c.values = make([]value, 0, len(e.Attrs))
	if err := c.add("", e.Attrs); err != nil {
		return nil, err
	}
	return c, c.sealable(l.opt.Sealer)
}

// clock refuses a time far behind what the log already says.
func (l *Log) clock(t time.Time) (int64, error) {
	at := l.now()
	if !t.IsZero() {
		at = storage.Micros(t)
	}
	if at < 0 || at >= 1<<53 {
		return 0, gdpr.Invalid("Event.At", "must lie between 1970 and 2255")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if at < l.latest-clockSlack.Microseconds() {
		return 0, errors.Join(ErrClock, gdpr.Invalid("Event.At", "is more than five minutes behind the log"))
	}
	l.latest = max(l.latest, min(at, l.now())) // a claim about the future binds nobody
	return at, nil
}

func (l *Log) sawMark(at int64) {
	l.mu.Lock()
	l.latest = max(l.latest, at)
	l.mu.Unlock()
}

// request is a keyed hash of what an idempotent append asks for.
func (l *Log) request(e *Event, c *collector) []byte {
	b := frame.Append(nil, e.Action, c.actor, e.Subject)
	b = frame.Append(b, c.subjects...)
	for i := range c.values {
		v := &c.values[i]
		b = frame.Append(b, string(v.append(nil)))
	}
	if !e.At.IsZero() {
		b = frame.Append(b, formatTime(e.At))
	}
	return l.mac("gdprkit/audit/request/v1", b)
}
