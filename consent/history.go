package consent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

// History yields every record of a person in the order of recording, the oldest
// first. It may be served by a replica: do not decide by it.
func (l *Ledger) History(ctx context.Context, subject string) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		if err := gdpr.CheckSubject("History.subject", subject, l.loose); err != nil {
			yield(Record{}, err)
			return
		}
		for e, err := range l.events(ctx, historyOf, subject) {
			if err != nil {
				yield(Record{}, err)
				return
			}
			if !yield(e.public(), nil) {
				return
			}
		}
	}
}

// Evidence opens the personal evidence of a record. The guard is asked first.
func (l *Ledger) Evidence(ctx context.Context, subject, record string) (map[string]string, error) {
	id, err := parseID("Evidence.record", record)
	if err != nil {
		return nil, err
	}
	if err := l.allow(ctx, "consent.evidence", subject, gdpr.Clear("record", record)); err != nil {
		return nil, err
	}
	if l.sealer == nil {
		return nil, gdpr.ErrUnsealed
	}
	var sealed []byte
	if err := l.store.Get(ctx, proofOf, []any{subject, id[:]}, &sealed); err != nil {
		if errors.Is(err, storage.ErrNotFound) {
			err = ErrNoRecord
		}
		return nil, err
	}
	if len(sealed) == 0 { // the mark of an erasure
		return nil, ErrNoRecord
	}
	plain, err := l.sealer.Open(ctx, subject, proofPlace(id), sealed)
	if err != nil {
		return nil, fmt.Errorf("consent: opening evidence: %w", err)
	}
	var all map[string]string
	if err := json.Unmarshal(plain, &all); err != nil {
		return nil, errors.New("consent: evidence is damaged")
	}
	return all, l.record(ctx, "consent.evidence_opened", subject, gdpr.Clear("record", record))
}

// events yields the stored events of a person in order.
func (l *Ledger) events(ctx context.Context, by *storage.Select, subject string) iter.Seq2[*event, error] {
	return func(yield func(*event, error) bool) {
		for r, err := range l.store.Scan(ctx, by, []any{subject}) {
			e := new(event)
			if err == nil {
				s := e.scanner()
				if err = r.Scan(s.dest()...); err == nil {
					err = s.done()
				}
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}
