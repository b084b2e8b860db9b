package cluster

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/dsar"
)

// requests are erasures, each received and worked to the end step by step. Every
// step has a key, so that it can be repeated when nobody knows what became of it.
type requests struct {
	who string

	mu    sync.Mutex
	known map[string]*request // by key
}

type request struct {
	id      string
	subject string
	state   dsar.State // acknowledged last
}

func newRequests(who string) *requests { return &requests{who: who, known: map[string]*request{}} }

func (r *requests) name() string { return "request" }

func (r *requests) acknowledged() (n int) {
	for _, q := range r.known {
		if q.state == dsar.StateFulfilled {
			n++
		}
	}
	return n
}

// order of the states that a request goes through.
var order = map[dsar.State]int{
	"": 0, dsar.StateReceived: 1, dsar.StatePlanned: 2, dsar.StateApproved: 3, dsar.StateWorking: 4, dsar.StateWorked: 5, dsar.StateFulfilled: 6,
}

func (r *requests) work(w *worker, n int) bool {
	key := fmt.Sprintf("%s-%d", r.who, n)
	q := &request{subject: key}
	r.mu.Lock()
	r.known[key] = q
	r.mu.Unlock()
	if w.until("contact", func(ctx context.Context, p *place) error {
		_, err := p.pool.ExecContext(ctx, p.bind(p.insertNew("host_contact (subject, name)", "(?, 'Ann')")), q.subject)
		return err
	}) == nil {
		return false
	}
	act := func(step string) dsar.Act { return dsar.Act{By: "emp1", Key: key + " " + step} }
	var hash string
	for _, step := range []struct {
		name string
		take func(ctx context.Context, d *dsar.Desk) (*dsar.Request, error)
	}{
		{"receive", func(ctx context.Context, d *dsar.Desk) (*dsar.Request, error) {
			return d.Receive(ctx, dsar.Intake{Key: key, Kind: dsar.Erasure, Ground: "A17-1-b", Subjects: []string{q.subject}, By: "emp1"})
		}},
		{"waive", func(ctx context.Context, d *dsar.Desk) (*dsar.Request, error) {
			return d.Waive(ctx, q.id, "known", act("waive"))
		}},
		{"plan", func(ctx context.Context, d *dsar.Desk) (*dsar.Request, error) {
			p, err := d.Plan(ctx, q.id, act("plan"))
			if err != nil {
				return nil, err
			}
			hash = p.Hash
			return d.Get(ctx, q.id)
		}},
		{"approve", func(ctx context.Context, d *dsar.Desk) (*dsar.Request, error) {
			return d.Approve(ctx, q.id, hash, act("approve"))
		}},
		{"work", func(ctx context.Context, d *dsar.Desk) (*dsar.Request, error) { return d.Work(ctx, q.id, act("work")) }},
		{"fulfil", func(ctx context.Context, d *dsar.Desk) (*dsar.Request, error) {
			return d.Fulfil(ctx, q.id, act("fulfil"))
		}},
	} {
		if w.until(step.name, func(ctx context.Context, p *place) error {
			got, err := step.take(ctx, p.kit.Desk)
			if err != nil {
				return err
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			q.id, q.state = got.ID, got.State
			return nil
		}) == nil {
			return false
		}
	}
	return true
}

// check: each request is in the state that was acknowledged, or later; a closed one
// has erased the person, and has one entry for each of its steps.
func (r *requests) check(t *testing.T, p *place, log entries) {
	for key, q := range r.known {
		if q.id == "" {
			continue // nobody was told that it was received
		}
		got, err := p.kit.Desk.Get(t.Context(), q.id)
		require.NoError(t, err, "lost: %s", key)
		require.GreaterOrEqual(t, order[got.State], order[q.state], "%s is %s and was %s", key, got.State, q.state)
		require.Equal(t, 1, log["request.receive "+q.id], "doubled: %s", key)
		if q.state != dsar.StateFulfilled {
			continue
		}
		require.Zero(t, p.count(t, "SELECT count(*) FROM host_contact WHERE subject = ?", q.subject), key)
		for _, step := range []string{"waive", "approve", "fulfil"} {
			require.Equal(t, 1, log["request."+step+" "+q.id], "%s: %s", key, step)
		}
	}
}
