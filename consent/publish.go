package consent

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

var (
	insertVersion = &storage.Write{Verb: storage.InsertNew, Table: schema.PurposeVersion, Set: []string{"purpose", "version", "hash", "published", "body"}}
	versionHash   = &storage.Select{From: schema.PurposeVersion, Columns: []string{"hash"}, Where: storage.By("purpose", "version")}
	versionBody   = &storage.Select{From: schema.PurposeVersion, Columns: []string{"body"}, Where: storage.By("purpose", "version")}
	putPurpose    = &storage.Write{Verb: storage.Put, Table: schema.Purpose,
		Set: []string{"purpose", "version", "accepts", "basis", "marketing", "closed", "child", "explicit", "valid_until"}}
	closePurpose = &storage.Write{Verb: storage.Update, Table: schema.Purpose, Set: []string{"closed"}, Where: storage.By("purpose")}
	allPurposes  = &storage.Select{From: schema.Purpose, Columns: []string{"purpose"}, Order: []string{"purpose"}}
)

// Publish stores the catalogue: the words of every version for good, and the versions
// in force now for the SQL views. Repeating it changes nothing. A version that was
// published with other words is refused with [ErrVersion], because records point at
// it. A purpose that the catalogue no longer has is closed in the views, so publish
// from one catalogue that has all of them, and again when a later version comes into
// force: until then the views deny that purpose.
func (l *Ledger) Publish(ctx context.Context) error {
	now := l.now()
	var bodies []*Purpose
	var current []storage.Op
	for _, id := range l.catalogue.ids {
		bodies = append(bodies, l.catalogue.byID[id]...)
		if p := l.catalogue.At(id, now); p != nil {
			current = append(current, putPurpose.With(p.ID, p.Version, p.accepts(), string(p.Basis), p.Marketing, p.Closed,
				p.Child, p.explicit(), storage.Micros(l.catalogue.next(id, now))))
		}
	}
	return l.store.InTx(ctx, func(ctx context.Context) error {
		added := 0
		for _, p := range bodies {
			n, err := l.publish(ctx, p, storage.Micros(now))
			if err != nil {
				return err
			}
			added += n
		}
		gone, err := l.gone(ctx, now)
		if err != nil {
			return err
		}
		current := slices.Concat(current, gone)
		if len(current) > 0 {
			if _, err := l.store.Apply(ctx, current...); err != nil {
				return err
			}
		}
		if added == 0 {
			return nil
		}
		return l.record(ctx, "consent.published", "", gdpr.Clear("versions", itoa(int64(added))))
	})
}

// gone returns what closes the published purposes of which no version is in force.
func (l *Ledger) gone(ctx context.Context, now time.Time) (ops []storage.Op, err error) {
	for r, err := range l.store.Scan(ctx, allPurposes, nil) {
		var id string
		if err == nil {
			err = r.Scan(&id)
		}
		if err != nil {
			return nil, err
		}
		if l.catalogue.At(id, now) == nil {
			ops = append(ops, closePurpose.With(true, id))
		}
	}
	return ops, nil
}

func (l *Ledger) publish(ctx context.Context, p *Purpose, now int64) (added int, err error) {
	doc, err := json.Marshal(p)
	if err != nil {
		return 0, err
	}
	sum := sha256.Sum256(doc)
	n, err := l.store.Apply(ctx, insertVersion.With(p.ID, p.Version, sum[:], now, string(doc)))
	if err != nil || n[0] == 1 {
		return 1, err
	}
	var hash []byte
	if err := l.store.Get(ctx, versionHash, []any{p.ID, p.Version}, &hash); err != nil {
		return 0, err
	}
	if string(hash) != string(sum[:]) {
		return 0, refuse(ErrVersion, p.field("Version"), "was published with other content; give the change a new version")
	}
	return 0, nil
}

// Published returns a version of a purpose as it was published, for records whose
// purpose the catalogue no longer has.
func (l *Ledger) Published(ctx context.Context, purpose string, version int) (*Purpose, error) {
	var body string
	if err := l.store.Get(ctx, versionBody, []any{purpose, version}, &body); err != nil {
		if errors.Is(err, storage.ErrNotFound) {
			return nil, ErrPurpose
		}
		return nil, err
	}
	p := new(Purpose)
	if err := json.Unmarshal([]byte(body), p); err != nil {
		return nil, fmt.Errorf("consent: published purpose is damaged: %w", err)
	}
	return p, nil
}
