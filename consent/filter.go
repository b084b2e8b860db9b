package consent

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"hash"
	"iter"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/frame"
	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// A Campaign says who is to be selected.
type Campaign struct {
	ID      string // the host's code of the campaign; it may not be used twice
	Purpose string
	Channel string
	// Candidates are the persons to judge, ascending byte by byte without
	// duplicates. Nil: everybody who has a record for the purpose and channel.
	Candidates iter.Seq[string]
	// Denied is called for those who may not be contacted, for example to find whom
	// to ask ([NoConsent], [ImportedOnly]). Nil: they are only counted.
	Denied func(subject string, reason Reason) error
	// After continues a selection behind this subject: the Last of an earlier one.
	After string
	// Limit ends the selection after so many allowed persons. 0: none.
	Limit int
}

// A Selection is what [Ledger.Filter] recorded.
type Selection struct {
	ID      string           `json:"id"`
	Purpose string           `json:"purpose"`
	Channel string           `json:"channel,omitempty"`
	At      time.Time        `json:"at"`
	Allowed int64            `json:"allowed"`
	Denied  map[Reason]int64 `json:"denied,omitempty"`
	// Hash is hex SHA-256 over the allowed subjects, each as u32 big-endian length
	// and bytes, in order. It proves a list without keeping it.
	Hash string `json:"hash"`
	// Last is the last subject judged, to continue after. It is not recorded.
	Last string `json:"-"`
}

var (
	campaignAll = &storage.Select{From: schema.ConsentState,
		Columns: []string{"subject", "status", "stops", "version", "valid_from", "valid_until", "event", "body"},
		Where:   []storage.Term{{Column: "purpose"}, {Column: "channel"}, {Column: "subject", Cmp: storage.Gt}},
		Order:   []string{"subject"}, Mode: storage.Current, Stream: true}
	insertRun = &storage.Write{Verb: storage.InsertNew, Table: schema.ConsentRun, Set: []string{"id", "kind", "at", "total", "hash", "body"}}
	putRun    = &storage.Write{Verb: storage.Put, Table: schema.ConsentRun, Set: []string{"id", "kind", "at", "total", "hash", "body"}}
	runByID   = &storage.Select{From: schema.ConsentRun, Columns: []string{"kind", "at", "total", "hash", "body"}, Where: storage.By("id"), Mode: storage.Current}
)

// Filter judges many persons in one pass over the range of the purpose and channel,
// calls each for those who may be contacted, in ascending order, and records how
// many were denied for which reason, with a hash of the list. An error of each stops
// it, with nothing recorded. The function must not call the store when the pool has
// a single connection. It must not run inside a transaction: storage.ErrInTx.
//
// The answer holds for the moment when a person was judged. Ask [Ledger.Gate] again
// before a message that is sent much later.
func (l *Ledger) Filter(ctx context.Context, c Campaign, each func(subject string) error) (Selection, error) {
	if err := l.checkCampaign(&c); err != nil {
		return Selection{}, err
	}
	if each == nil {
		return Selection{}, gdpr.Invalid("Filter.each", "is nil")
	}
	if l.store.State(ctx) != storage.Outside {
		return Selection{}, storage.ErrInTx
	}
	f := &filtering{l: l, c: &c, each: each, at: l.now(), hash: sha256.New(), denied: map[Reason]int64{}}
	f.q = Query{Purpose: c.Purpose, Channel: c.Channel}
	f.us, f.p = storage.Micros(f.at), l.catalogue.At(c.Purpose, f.at)
	err := f.run(ctx)
	if err != nil && !errors.Is(err, errEnough) {
		return Selection{}, err
	}
	return f.record(ctx)
}

func (l *Ledger) checkCampaign(c *Campaign) error {
	if c.ID != "" && (!isReference(c.ID) || len(c.ID) > 64) {
		return gdpr.Invalid("Campaign.ID", "must be a code of at most 64 bytes")
	}
	if err := l.known("Campaign.Purpose", c.Purpose); err != nil {
		return err
	}
	for _, p := range l.catalogue.byID[c.Purpose] {
		if p.hasChannel(c.Channel) {
			return nil
		}
	}
	return l.noChannel("Campaign.Channel", c.Purpose)
}

var errEnough = errors.New("consent: enough selected")

// filtering is one pass of Filter.
type filtering struct {
	l       *Ledger
	c       *Campaign
	q       Query
	p       *Purpose
	at      time.Time
	us      int64
	each    func(string) error
	hash    hash.Hash
	list    []byte // not yet hashed
	allowed int64
	denied  map[Reason]int64
	last    string
}

func (f *filtering) run(ctx context.Context) error {
	if d, denied := f.l.whileRestored(ctx, &f.q, f.at); denied {
		return &DeniedError{d}
	}
	pairs := f.rows(ctx, f.c.Purpose, f.c.Channel)
	if f.c.Candidates == nil {
		for r, err := range pairs {
			if err == nil {
				err = f.judge(r.subject, r.row)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return f.join(pairs, f.rows(ctx, AllPurposes, ""))
}

type subjectRow struct {
	subject string
	*row
}

// rows yields the state rows of a purpose and channel in ascending order.
func (f *filtering) rows(ctx context.Context, purpose, channel string) iter.Seq2[*subjectRow, error] {
	return func(yield func(*subjectRow, error) bool) {
		var r subjectRow
		var in rowReader
		dest := append([]any{&r.subject}, in.dest()...)
		for s, err := range f.l.store.Scan(ctx, campaignAll, []any{purpose, channel, f.c.After}) {
			if err == nil {
				if err = s.Scan(dest...); err == nil {
					r.row = in.row()
				}
			}
			if !yield(&r, err) || err != nil {
				return
			}
		}
	}
}

// join walks the candidates beside the rows of the purpose and those of the persons,
// all ascending, so that each row is read once and none by key.
func (f *filtering) join(pairs, stars iter.Seq2[*subjectRow, error]) error {
	nextPair, stopPair := iter.Pull2(pairs)
	defer stopPair()
	nextStar, stopStar := iter.Pull2(stars)
	defer stopStar()
	pair, star := &cursor{next: nextPair}, &cursor{next: nextStar}
	previous := ""
	for subject := range f.c.Candidates {
		if previous != "" && subject <= previous {
			return refuse(ErrUnsorted, "Campaign.Candidates", "must ascend without duplicates")
		}
		previous = subject
		if subject <= f.c.After {
			continue
		}
		r, err := pair.find(subject)
		if err != nil {
			return err
		}
		if r == nil {
			if r, err = star.find(subject); err != nil {
				return err
			}
		}
		if r == nil {
			r = new(row)
		}
		if err := f.judge(subject, r); err != nil {
			return err
		}
	}
	return nil
}

// cursor finds ascending subjects in ascending rows.
type cursor struct {
	next func() (*subjectRow, error, bool)
	at   *subjectRow
	done bool
}

func (c *cursor) find(subject string) (*row, error) {
	for !c.done && (c.at == nil || c.at.subject < subject) {
		r, err, ok := c.next()
		if err != nil {
			return nil, err
		}
		c.at, c.done = r, !ok
	}
	if c.done || c.at.subject != subject {
		return nil, nil
	}
	return c.at.row, nil
}

// judge decides about one person and passes an allowed one on.
func (f *filtering) judge(subject string, r *row) error {
	f.last = subject
	reason, ok := f.plain(r)
	if reason == "" {
		s, err := r.view(&f.q)
		if err != nil {
			return err
		}
		f.q.Subject = subject
		t := trail{brief: true}
		f.l.judge(&f.q, &s, f.at, &t)
		reason, ok = t.why, !t.denied
	}
	if !ok {
		f.denied[reason]++
		if f.c.Denied != nil {
			return f.c.Denied(subject, reason)
		}
		return nil
	}
	f.allowed++
	if f.list = frame.Append(f.list, subject); len(f.list) > 4096 {
		f.hash.Write(f.list)
		f.list = f.list[:0]
	}
	if err := f.each(subject); err != nil {
		return err
	}
	if f.allowed == int64(f.c.Limit) {
		return errEnough
	}
	return nil
}

// plain decides about a consent without anything unusual from the columns alone, as
// most of a campaign is. It returns no reason when the body must be looked at.
func (f *filtering) plain(r *row) (Reason, bool) {
	p := f.p
	if len(r.body) != 0 || r.stops != 0 || p == nil || p.Basis != Consent || p.Closed || p.Child || p.explicit() || r.status != Given {
		return "", false
	}
	switch {
	case r.from > f.us:
		return NotYet, false
	case r.until != 0 && r.until <= f.us:
		return ConsentExpired, false
	case r.version < p.accepts() || r.version > p.Version:
		return VersionStale, false
	}
	return ConsentGiven, true
}

// record writes the selection and its audit entry.
func (f *filtering) record(ctx context.Context) (Selection, error) {
	f.hash.Write(f.list)
	sum := f.hash.Sum(nil)
	s := Selection{ID: f.c.ID, Purpose: f.c.Purpose, Channel: f.c.Channel, At: f.at.UTC(), Allowed: f.allowed, Denied: f.denied, Hash: hexOf(sum), Last: f.last}
	if s.ID == "" {
		s.ID = ids.New().String()
	}
	doc, err := json.Marshal(&s)
	if err != nil {
		return Selection{}, err
	}
	err = f.l.store.InTx(ctx, func(ctx context.Context) error {
		n, err := f.l.store.Apply(ctx, insertRun.With(s.ID, "campaign", f.us, f.allowed, sum, string(doc)))
		if err != nil {
			return err
		}
		if n[0] == 0 {
			return storage.ErrKeyReuse
		}
		return f.l.record(ctx, "consent.selected", "", s.attrs()...)
	})
	if err != nil {
		return Selection{}, err
	}
	return s, nil
}
