package retention

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/frame"
	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// Hold stops everything that would erase or change what it covers: a pending
// claim, an audit, an order of an authority. It names a Subject or a Category, or
// both, which narrow each other; a Record narrows further.
type Hold struct {
	ID       string    `json:"id"`      // made by Engine.Hold
	Subject  string    `json:"subject"` // all records of this person, unless narrowed
	Category string    `json:"category,omitempty"`
	Record   string    `json:"record,omitempty"` // needs Category
	Ground   string    `json:"ground"`           // why in law, 1 to 191 bytes
	Reason   string    `json:"reason"`           // why in words, 1 to 1000 bytes; no personal data
	Actor    string    `json:"actor"`            // who placed it: an opaque id of staff, 1 to 191 bytes
	Placed   time.Time `json:"placed"`           // UTC
	Released time.Time `json:"released"`         // UTC; zero while it stands
	// ReleasedBy and ReleaseReason are what Engine.Release was told.
	ReleasedBy    string `json:"releasedBy,omitempty"`
	ReleaseReason string `json:"releaseReason,omitempty"`
	Parent        string `json:"parent,omitempty"` // of an exemption: the hold it overrides for one record
	Key           string `json:"-"`                // idempotency key. Default: none.
}

var (
	holdColumns = []string{"id", "parent", "subject", "category", "record", "ground", "reason", "actor", "placed", "released", "released_by", "release_reason", "idem", "request"}
	insertHold  = &storage.Write{Verb: storage.InsertNew, Table: schema.Hold, Set: holdColumns}
	releaseHold = &storage.Write{Verb: storage.Update, Table: schema.Hold, Set: []string{"released", "released_by", "release_reason"}, Where: storage.By("id", "released")}
	readHold    = holdColumns[:12]
	holdByID    = &storage.Select{From: schema.Hold, Columns: readHold, Where: storage.By("id"), Mode: storage.Current}
	holdByKey   = &storage.Select{From: schema.Hold, Columns: []string{"id", "request"}, Where: storage.By("idem"), Mode: storage.Current}
	activeHolds = &storage.Select{From: schema.Hold, Columns: readHold, Where: storage.By("released"), Order: []string{"id"}, Mode: storage.Current}
	allHolds    = &storage.Select{From: schema.Hold, Columns: readHold, Order: []string{"id"}}
	holdsOf     = &storage.Select{From: schema.Hold, Columns: readHold, Where: storage.By("subject"), Order: []string{"id"}}

	claimHead   = &storage.Claim{Into: schema.RetentionHead, Columns: []string{"name", "version"}, Read: []string{"version"}}
	headVersion = &storage.Select{From: schema.RetentionHead, Columns: []string{"version"}, Where: storage.By("name"), Mode: storage.Current}
	bumpHead    = &storage.Write{Verb: storage.Update, Table: schema.RetentionHead, Add: []string{"version"}, Where: storage.By("name")}

	runningPlans = &storage.Select{From: schema.Plan, Columns: []string{"id"}, Where: storage.By("state"), Order: []string{"id"}, Mode: storage.Current}
	shardsOf     = &storage.Select{From: schema.PlanShard, Columns: []string{"shard", "next", "item", "last"}, Where: storage.By("plan"), Order: []string{"shard"}, Mode: storage.Current}
	claimShard   = &storage.Claim{Into: schema.PlanShard, Columns: []string{"plan", "shard", "next", "item", "last"}, Read: []string{"next", "item", "last"}}
)

const headName = "holds"

// Hold puts a hold. When it returns, and the transaction that it joined has
// committed, no sweep touches what it covers: it waits for the batches under way.
// It returns the hold with its ID. A repeat with the same Key returns the first, and
// storage.ErrKeyReuse if it asks for something else.
func (e *Engine) Hold(ctx context.Context, h Hold) (*Hold, error) {
	if err := e.checkHold(&h); err != nil {
		return nil, err
	}
	guarded, err := e.allow(ctx, "retention.hold", h.Subject)
	if err != nil {
		return nil, err
	}
	h.ID, h.Placed = ids.New().String(), storage.Time(storage.Micros(e.now()))
	h.Released, h.ReleasedBy, h.ReleaseReason = time.Time{}, "", ""
	return e.insert(ctx, &h, "retention.held", guarded)
}

func (e *Engine) checkHold(h *Hold) error {
	switch {
	case h.Subject == "" && h.Category == "":
		return gdpr.Invalid("Hold.Subject", "is empty; a hold names a person, a category or a record")
	case h.Record != "" && h.Category == "":
		return gdpr.Invalid("Hold.Category", "is empty; a record is named within its category")
	case h.Ground == "" || len(h.Ground) > 191:
		return gdpr.Invalid("Hold.Ground", "needs 1 to 191 bytes")
	case h.Reason == "" || len(h.Reason) > 1000:
		return gdpr.Invalid("Hold.Reason", "needs 1 to 1000 bytes")
	case h.Actor == "" || len(h.Actor) > 191:
		return gdpr.Invalid("Hold.Actor", "needs 1 to 191 bytes")
	}
	return e.checkRecord("Hold", h.Subject, h.Category, h.Record, false)
}

// insert writes a hold, or finds the one with the same key.
func (e *Engine) insert(ctx context.Context, h *Hold, action string, guarded slog.Attr) (*Hold, error) {
	idem, hash := h.ID, frame.Hash("gdprkit/retention/hold/v1", h.Parent, h.Subject, h.Category, h.Record, h.Ground, h.Reason, h.Actor)
	if h.Key != "" {
		key := frame.Hash("gdprkit/retention/key/v1", e.store.Scope(), h.Key)
		idem = hex.EncodeToString(key[:])
	}
	var out *Hold
	err := e.store.InTx(ctx, func(ctx context.Context) error {
		out = nil
		if err := e.lockSweeps(ctx); err != nil {
			return err
		}
		n, err := e.store.Apply(ctx, insertHold.With(h.ID, h.Parent, h.Subject, h.Category, h.Record, h.Ground, h.Reason, h.Actor,
			storage.Micros(h.Placed), 0, "", "", idem, hash[:]))
		if err != nil {
			return err
		}
		if n[0] == 0 {
			out, err = e.repeated(ctx, idem, hash[:])
			return err
		}
		if _, err := e.store.Apply(ctx, bumpHead.With(1, headName)); err != nil {
			return err
		}
		out = h
		return e.audit(ctx, action, h.Subject, gdpr.Clear("hold", h.ID), gdpr.Clear("category", h.Category),
			gdpr.Clear("ground", h.Ground), slog.Bool("record", h.Record != ""), guarded)
	})
	return out, err
}

func (e *Engine) repeated(ctx context.Context, idem string, hash []byte) (*Hold, error) {
	var id string
	var request []byte
	if err := e.store.Get(ctx, holdByKey, []any{idem}, &id, &request); err != nil {
		return nil, err
	}
	if string(request) != string(hash) {
		return nil, storage.ErrKeyReuse
	}
	return e.hold(ctx, id)
}

// lockSweeps locks the head row and every shard of plans that may run, in the
// order in which a sweep locks its own, so that the batches under way end first.
func (e *Engine) lockSweeps(ctx context.Context) error {
	var version int64
	if err := e.store.Claim(ctx, claimHead, []any{headName, 1}, &version); err != nil {
		return err
	}
	for _, state := range []string{planApproved, planRunning} {
		for row, err := range e.store.Scan(ctx, runningPlans, []any{state}) {
			if err != nil {
				return err
			}
			var id string
			if err := row.Scan(&id); err != nil {
				return err
			}
			if err := e.lockShards(ctx, id); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *Engine) lockShards(ctx context.Context, plan string) error {
	shards, err := e.shards(ctx, plan)
	if err != nil {
		return err
	}
	for _, s := range shards {
		if s.done() {
			continue
		}
		if err := e.store.Claim(ctx, claimShard, []any{plan, s.number, s.next, s.item, s.last}, &s.next, &s.item, &s.last); err != nil {
			return err
		}
	}
	return nil
}

// Release ends a hold, which then says by whom (1 to 191 bytes) and why (1 to 1000
// bytes, no personal data). What became due meanwhile stands in the next plan. It
// returns ErrNotFound for an unknown hold, and does nothing for one that was released.
func (e *Engine) Release(ctx context.Context, id, by, reason string) error {
	if by == "" || reason == "" || len(by) > 191 || len(reason) > 1000 {
		return gdpr.Invalid("Release", "needs who releases (191 bytes) and a reason (1000 bytes)")
	}
	h, err := e.hold(ctx, id)
	if err != nil {
		return err
	}
	guarded, err := e.allow(ctx, "retention.release", h.Subject, slog.String("hold", id))
	if err != nil {
		return err
	}
	now := storage.Micros(e.now())
	return e.store.InTx(ctx, func(ctx context.Context) error {
		if err := e.lockSweeps(ctx); err != nil {
			return err
		}
		n, err := e.store.Apply(ctx, releaseHold.With(now, by, reason, id, 0), bumpHead.With(1, headName))
		if err != nil || n[0] == 0 {
			return err // released before: nothing to do
		}
		return e.audit(ctx, "retention.released", h.Subject, gdpr.Clear("hold", id), gdpr.Clear("ground", h.Ground), guarded)
	})
}

// Override takes one record out of a hold that stands. It is a hold's exception
// with an actor (1 to 191 bytes) and a reason (1 to 1000 bytes, no personal data) of
// its own, asked of the guard and recorded; [Engine.Holds] names it by its Parent. It
// returns ErrNotFound for an unknown hold and an error that wraps gdpr.ErrInvalid for
// one that was released or is an exemption itself. A repeat does nothing; one by somebody else or for another
// reason is storage.ErrKeyReuse.
func (e *Engine) Override(ctx context.Context, id, category, record, by, reason string) error {
	h, err := e.hold(ctx, id)
	if err != nil {
		return err
	}
	if !h.Released.IsZero() || h.Parent != "" {
		return gdpr.Invalid("Override.ID", "is not a hold that stands")
	}
	if by == "" || reason == "" || len(by) > 191 || len(reason) > 1000 {
		return gdpr.Invalid("Override", "needs who overrides (191 bytes) and a reason (1000 bytes)")
	}
	if err := e.checkRecord("Override", "", category, record, true); err != nil {
		return err
	}
	guarded, err := e.allow(ctx, "retention.override", h.Subject, slog.String("hold", id))
	if err != nil {
		return err
	}
	x := Hold{ID: ids.New().String(), Parent: id, Subject: h.Subject, Category: category, Record: record, Ground: h.Ground, Reason: reason, Actor: by,
		Placed: storage.Time(storage.Micros(e.now())), Key: "override " + id + " " + category + " " + record}
	_, err = e.insert(ctx, &x, "retention.overridden", guarded)
	return err
}

func (e *Engine) hold(ctx context.Context, id string) (*Hold, error) {
	h, err := scanHold(func(dest ...any) error { return e.store.Get(ctx, holdByID, []any{id}, dest...) })
	if errors.Is(err, storage.ErrNotFound) {
		return nil, fmt.Errorf("%w: hold", ErrNotFound)
	}
	return h, err
}

// Holds yields all holds and exemptions, released ones too, in the order of their
// placing.
func (e *Engine) Holds(ctx context.Context) iter.Seq2[*Hold, error] {
	return e.scanHolds(ctx, allHolds)
}

func (e *Engine) scanHolds(ctx context.Context, s *storage.Select, args ...any) iter.Seq2[*Hold, error] {
	return func(yield func(*Hold, error) bool) {
		for row, err := range e.store.Scan(ctx, s, args) {
			var h *Hold
			if err == nil {
				h, err = scanHold(row.Scan)
			}
			if !yield(h, err) || err != nil {
				return
			}
		}
	}
}

func scanHold(scan func(dest ...any) error) (*Hold, error) {
	var h Hold
	var placed, released int64
	err := scan(&h.ID, &h.Parent, &h.Subject, &h.Category, &h.Record, &h.Ground, &h.Reason, &h.Actor, &placed, &released, &h.ReleasedBy, &h.ReleaseReason)
	if err != nil {
		return nil, err
	}
	h.Placed, h.Released = storage.Time(placed), storage.Time(released)
	return &h, nil
}
