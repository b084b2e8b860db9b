package dsar

import (
	"context"
	"fmt"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/storage"
)

// OnKeyed has f called with the use of each keyed hash that the desk makes.
func (d *Desk) OnKeyed(f func(use string)) { d.onKeyed = f }

// AddWaiting adds n erasures of long ago, each with a record of a source that waits for
// a date.
func (d *Desk) AddWaiting(ctx context.Context, n int, state State, source string, again time.Time) error {
	var ops []storage.Op
	for i := range n {
		r := &row{
			id: ids.New().String(), kind: Erasure, state: state, identity: Verified, role: gdpr.RoleController, ground: "A17-1-b",
			received: 1, recorded: 1, due: 1, channel: ByForm, capacity: Self, language: "en", version: 1, subject: "c9",
		}
		if !state.Open() {
			r.closed = 2
		}
		var err error
		if r.body, err = d.enclose(ctx, r.id, place("gdpr_request", "body", r.id), file{}, false); err != nil {
			return err
		}
		ops = append(ops, insertReq.With(r.values()...))
		kept := item{
			request: r.id, plan: 1, n: 1, subject: "c9", source: source, category: "contact", table: "contacts", record: fmt.Sprint(i), action: ActKeep,
			again: storage.Micros(again), state: itemDeferred, outcome: KeptClaim,
		}
		ops = append(ops, insertItem.With(kept.values()...))
	}
	_, err := d.store.Apply(ctx, ops...)
	return err
}
