package consent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/calendar"
	"github.com/gdprkit/gdprkit/internal/frame"
	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// An Origin says where, when and how data about a person came in (GDPR arts. 13(1),
// 14(2)(f), 15(1)(g)).
type Origin struct {
	Key        string    `json:"-"` // of idempotency, as of an Act
	Subject    string    `json:"-"`
	At         time.Time `json:"at"`
	Source     string    `json:"source"` // code: web-form, fair, chamber-of-commerce, …
	Way        string    `json:"way"`    // code: typed, scanned, imported, bought, …
	FromPerson bool      `json:"fromPerson,omitempty"`
	Public     bool      `json:"public,omitempty"` // from publicly accessible sources
	Data       []string  `json:"data"`             // categories or fields
	Purpose    string    `json:"purpose,omitempty"`

	// Informed is when the person got the notice; zero: not yet.
	Informed time.Time `json:"-"`
	// FirstContact is when the first message to the person, or the first disclosure
	// to another recipient, is due: the notice is due then at the latest.
	FirstContact time.Time `json:"firstContact,omitzero"`

	ID  string    `json:"-"` // set by Collect
	Due time.Time `json:"-"` // set by Collect: when the notice is due
}

var (
	originColumns = []string{"subject", "id", "at", "due", "informed", "idem", "request", "body"}
	insertOrigin  = &storage.Write{Verb: storage.InsertNew, Table: schema.ConsentOrigin, Set: originColumns}
	setInformed   = &storage.Write{Verb: storage.Update, Table: schema.ConsentOrigin, Set: []string{"informed"}, Where: storage.By("subject", "id", "informed")}
	originByIdem  = &storage.Select{From: schema.ConsentOrigin, Columns: originColumns, Where: storage.By("idem")}
	originsOf     = &storage.Select{From: schema.ConsentOrigin, Columns: originColumns, Where: storage.By("subject"), Order: []string{"id"}}
	overdue       = &storage.Select{From: schema.ConsentOrigin, Columns: originColumns,
		Where: []storage.Term{{Column: "informed"}, {Column: "due", Cmp: storage.Le}}, Order: []string{"due", "subject", "id"}}
)

// Collect records where data about a person came from. Data from the person needs
// the notice at once (art. 13(1)), other data within a month, and at the first
// contact or disclosure at the latest (art. 14(3)).
func (l *Ledger) Collect(ctx context.Context, o Origin) (Origin, error) {
	if err := l.checkOrigin(&o); err != nil {
		return Origin{}, err
	}
	o.Due = noticeDue(&o)
	body, err := json.Marshal(&o)
	if err != nil {
		return Origin{}, gdpr.Invalid("Origin", "cannot be encoded")
	}
	id := ids.New()
	idem := [16]byte(id)
	if o.Key != "" {
		sum := frame.Hash("gdprkit/consent/origin/v1", l.store.Scope(), o.Key)
		idem = [16]byte(sum[:16])
	}
	request := frame.Hash("gdprkit/consent/origin/v1", o.Subject, string(body))
	o.ID = id.String()
	err = l.store.InTx(ctx, func(ctx context.Context) error {
		n, err := l.store.Apply(ctx, insertOrigin.With(o.Subject, id[:], storage.Micros(o.At), storage.Micros(o.Due), storage.Micros(o.Informed), idem[:], request[:], string(body)))
		if err != nil {
			return err
		}
		if n[0] == 0 {
			o, err = l.sameOrigin(ctx, idem[:], request)
			return err
		}
		return l.record(ctx, "consent.collected", o.Subject, gdpr.Clear("record", o.ID), gdpr.Clear("source", o.Source), gdpr.Clear("way", o.Way))
	})
	if err != nil {
		return Origin{}, err
	}
	return o, nil
}

func (l *Ledger) sameOrigin(ctx context.Context, idem []byte, request [32]byte) (Origin, error) {
	var s originScanner
	if err := l.store.Get(ctx, originByIdem, []any{idem}, s.dest()...); err != nil {
		return Origin{}, err
	}
	if [32]byte(s.request) != request {
		return Origin{}, storage.ErrKeyReuse
	}
	return s.origin()
}

func (l *Ledger) checkOrigin(o *Origin) error {
	if err := gdpr.CheckSubject("Origin.Subject", o.Subject, l.loose); err != nil {
		return err
	}
	if err := l.checkTime("Origin.At", o.At); err != nil {
		return err
	}
	switch {
	case !isCode(o.Source, 64):
		return gdpr.Invalid("Origin.Source", "must be a code of a-z 0-9 . _ -: where the data came from (GDPR art. 14(2)(f))")
	case !isCode(o.Way, 64):
		return gdpr.Invalid("Origin.Way", "must be a code of a-z 0-9 . _ -: how the data came in")
	case len(o.Data) == 0:
		return gdpr.Invalid("Origin.Data", "is empty; name the categories or fields")
	case o.Informed.After(l.now().Add(skew)):
		return refuse(ErrTime, "Origin.Informed", "lies in the future")
	case !o.Informed.IsZero() && o.Informed.Before(o.At) && !o.FromPerson:
		return refuse(ErrTime, "Origin.Informed", "lies before the collection")
	}
	for _, d := range o.Data {
		if !isCode(d, 64) {
			return gdpr.Invalid("Origin.Data", "must be codes of a-z 0-9 . _ -")
		}
	}
	if o.Purpose != "" {
		return l.known("Origin.Purpose", o.Purpose)
	}
	return nil
}

// noticeDue returns when the person must be told. A month later is counted from the
// collection, clamped to the end of the month.
func noticeDue(o *Origin) time.Time {
	if o.FromPerson {
		return o.At.UTC()
	}
	at := o.At.UTC()
	day := calendar.DateOf(at)
	due := day.Add(calendar.Period{Months: 1}).Start(time.UTC).Add(at.Sub(day.Start(time.UTC)))
	if f := o.FirstContact; !f.IsZero() && f.Before(due) {
		due = f.UTC()
	}
	return due
}

// Inform records when the person got the notice about data that came in.
func (l *Ledger) Inform(ctx context.Context, subject, origin string, at time.Time) error {
	id, err := parseID("Inform.origin", origin)
	if err != nil {
		return err
	}
	if err := gdpr.CheckSubject("Inform.subject", subject, l.loose); err != nil {
		return err
	}
	if err := l.checkTime("Inform.at", at); err != nil {
		return err
	}
	return l.store.InTx(ctx, func(ctx context.Context) error {
		n, err := l.store.Apply(ctx, setInformed.With(storage.Micros(at), subject, id[:], 0))
		if err != nil {
			return err
		}
		if n[0] == 0 {
			return ErrNoRecord
		}
		return l.record(ctx, "consent.informed", subject, gdpr.Clear("record", origin))
	})
}

// Uninformed yields the origins whose notice was due at a time and has not been
// given, the longest overdue first.
func (l *Ledger) Uninformed(ctx context.Context, at time.Time) iter.Seq2[Origin, error] {
	return l.origins(ctx, overdue, []any{0, storage.Micros(at)})
}

// Origins yields where the data of a person came from, in the order of recording.
func (l *Ledger) Origins(ctx context.Context, subject string) iter.Seq2[Origin, error] {
	return l.origins(ctx, originsOf, []any{subject})
}

func (l *Ledger) origins(ctx context.Context, by *storage.Select, args []any) iter.Seq2[Origin, error] {
	return func(yield func(Origin, error) bool) {
		for r, err := range l.store.Scan(ctx, by, args) {
			var s originScanner
			var o Origin
			if err == nil {
				err = r.Scan(s.dest()...)
			}
			if err == nil {
				o, err = s.origin()
			}
			if !yield(o, err) || err != nil {
				return
			}
		}
	}
}

type originScanner struct {
	subject           string
	id, idem, request []byte
	at, due, informed int64
	body              string
}

func (s *originScanner) dest() []any {
	return []any{&s.subject, &s.id, &s.at, &s.due, &s.informed, &s.idem, &s.request, &s.body}
}

func (s *originScanner) origin() (o Origin, err error) {
	if err := json.Unmarshal([]byte(s.body), &o); err != nil || len(s.id) != 16 {
		return Origin{}, errors.Join(fmt.Errorf("consent: origin row is damaged"), err)
	}
	o.Subject, o.ID, o.Due, o.Informed = s.subject, ids.ID(s.id).String(), micros(s.due), micros(s.informed)
	return o, nil
}
