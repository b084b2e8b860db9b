package cluster

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/retention"
)

// sweeps has rows of the host come of age, and erases them by plans.
type sweeps struct {
	base int // first id

	mu   sync.Mutex
	rows map[int]bool // true: a sweep that erased it was acknowledged
}

const rowsOfSweep = 60 // three batches

func newSweeps(base int) *sweeps { return &sweeps{base: base, rows: map[int]bool{}} }

func (s *sweeps) name() string { return "sweep" }

func (s *sweeps) acknowledged() (n int) {
	for _, done := range s.rows {
		if done {
			n++
		}
	}
	return n
}

func rowSubject(id int) string { return fmt.Sprintf("row-%d", id) }

func (s *sweeps) work(w *worker, n int) bool {
	var values []string
	var ids []int
	old := time.Now().AddDate(-10, 0, 0).UnixMicro()
	for i := range rowsOfSweep {
		id := s.base + n*rowsOfSweep + i
		ids = append(ids, id)
		values = append(values, fmt.Sprintf("(%d, '%s', %d)", id, rowSubject(id), old))
	}
	s.mu.Lock()
	for _, id := range ids {
		s.rows[id] = false
	}
	s.mu.Unlock()
	if w.until("rows", func(ctx context.Context, p *place) error {
		_, err := p.pool.ExecContext(ctx, p.insertNew("host_row (id, subject, contact)", strings.Join(values, ", ")))
		return err
	}) == nil {
		return false
	}
	id := ""
	if w.until("sweep", func(ctx context.Context, p *place) error {
		if id == "" {
			plan, err := p.kit.Engine.Plan(ctx, retention.PlanOptions{By: "job"})
			if err != nil {
				return err
			}
			id = plan.ID
		}
		plan, err := p.kit.Engine.Open(ctx, id)
		if err != nil {
			return err
		}
		if plan.State == "planned" {
			if err := p.kit.Engine.Approve(ctx, id, plan.Hash, "job"); err != nil {
				return err
			}
		}
		_, err = p.kit.Engine.Execute(ctx, id, nil)
		return err
	}) == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		s.rows[id] = true
	}
	return true
}

// check: each row that a sweep was acknowledged for is gone, each row that is gone
// has one entry, and each that is there has none.
func (s *sweeps) check(t *testing.T, p *place, log entries) {
	for id, swept := range s.rows {
		there := p.count(t, "SELECT count(*) FROM host_row WHERE id = ?", id)
		handled := log["retention.handled "+p.token(t, rowSubject(id))]
		if swept {
			require.Zero(t, there, "row %d", id)
			require.Equal(t, 1, handled, "entries of row %d", id)
		}
		require.LessOrEqual(t, there+handled, 1, "row %d: %d there, %d entries", id, there, handled)
	}
}
