package sqltest_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// sweepBatch is small, so that there are many places to be killed at.
const sweepBatch = 8

// crmTaker is a host that erases and reads in one statement. Now and then it says so
// and waits, with rows taken and not committed.
type crmTaker struct {
	*crm
	say func(text string, args ...any)
}

func (h *crmTaker) Take(ctx context.Context, q *retention.Query, keys []string) iter.Seq2[*retention.Record, error] {
	where, args := q.SQL(h.d.String(), crmColumn, 1)
	text := "DELETE FROM crm WHERE id IN (" + strings.Join(keys, ",") + ") AND " + where + " RETURNING " + crmColumns
	return func(yield func(*retention.Record, error) bool) {
		for rec, err := range h.rows(ctx, q, text, args) {
			if h.say != nil && rand.IntN(10*sweepBatch) == 0 {
				h.say("taking")
				time.Sleep(30 * time.Millisecond)
			}
			if !yield(rec, err) {
				return
			}
		}
	}
}

func sweepEngine(db *sqlstore.DB, h *crm, source retention.Source, batch int) (*retention.Engine, error) {
	s, err := retention.ParseSchedule([]byte(sweepSchedule))
	if err != nil {
		return nil, err
	}
	return retention.New(db.Tenant("acme"), s, &retention.Options{Sources: []retention.Source{source}, Auditor: h, BatchRows: batch, Lease: 300 * time.Millisecond})
}

var _ = sqltest.Child("retention sweep", func(c *sqltest.ChildProcess) error {
	h := &crm{c.DB, c.Pool, c.Engine.Dialect}
	var source retention.Source = h
	if c.Args[1] == "take" {
		source = &crmTaker{h, c.Say}
	}
	e, err := sweepEngine(c.DB, h, source, sweepBatch)
	if err != nil {
		return err
	}
	_, err = e.Execute(c, c.Args[0], &retention.ExecuteOptions{Progress: func(p retention.Progress) { c.Say("%d", p.Handled) }})
	return err
})

// Two workers share a sweep and are killed again and again: every row goes once,
// with one entry each.
func TestRetentionKill(t *testing.T) {
	rows, kills := 6_000, 6
	if os.Getenv("GDPRKIT_LONG") != "" {
		rows, kills = 200_000, 50
	}
	for _, e := range sqltest.Engines() {
		if e.Name != "sqlite" && e.Name != "postgres-pgx" {
			continue
		}
		for _, how := range []string{"carry", "take"} { // a row goes by a statement of its own, or is read as it goes
			t.Run(e.Name+"/"+how, func(t *testing.T) { killSweep(t, e, how, rows, kills) })
		}
	}
}

func killSweep(t *testing.T, e *sqltest.Engine, how string, rows, kills int) {
	dsn := e.DSN(t)
	pool := e.SQL(t, dsn)
	db := e.DB(t, pool, nil)
	h := newCRM(t, e, db, pool)
	old, recent := time.Now().AddDate(-3, 0, 0).UnixMicro(), time.Now().UnixMicro()
	for at := 0; at < rows; at += 500 {
		var values []string
		for i := at; i < min(at+500, rows); i++ {
			us := old
			if i%10 == 9 {
				us = recent
			}
			values = append(values, fmt.Sprintf("(%d, 's%d', %d)", i+1, i, us))
		}
		_, err := pool.ExecContext(t.Context(), "INSERT INTO crm (id, subject, a) VALUES "+strings.Join(values, ","))
		require.NoError(t, err)
	}
	engine, err := sweepEngine(db, h, h, rows/150) // pages of the plan, enough of them for all shards
	require.NoError(t, err)
	p, err := engine.Plan(t.Context(), retention.PlanOptions{By: "job"})
	require.NoError(t, err)
	due := rows - rows/10
	require.Equal(t, due, p.Rows)
	require.NoError(t, engine.Approve(t.Context(), p.ID, p.Hash, "officer"))
	rng := rand.New(rand.NewPCG(3, uint64(rows)))
	killed, inTake := 0, 0
	workers := []*sqltest.Process{e.Spawn(t, "retention sweep", dsn, p.ID, how), e.Spawn(t, "retention sweep", dsn, p.ID, how)}
	for killed < kills && h.count(t, "SELECT count(*) FROM crm") > rows/10 {
		w := rng.IntN(2)
		if how == "take" && killed%2 == 1 && said(workers[w], "taking") {
			inTake++
		} else {
			said(workers[w], "") // it has committed a batch; now anywhere in the next ones
			time.Sleep(time.Duration(rng.IntN(30)) * time.Millisecond)
		}
		workers[w].Kill()
		killed++
		workers[w] = e.Spawn(t, "retention sweep", dsn, p.ID, how)
	}
	for _, w := range workers {
		require.NoError(t, w.Wait())
	}
	res, err := engine.Execute(t.Context(), p.ID, nil)
	require.NoError(t, err)
	require.Equal(t, "done", res.Plan.State)
	require.Equal(t, due, res.Handled)
	require.Zero(t, res.Skipped+res.Failed)
	require.Equal(t, rows/10, h.count(t, "SELECT count(*) FROM crm"))
	require.Equal(t, due, h.count(t, "SELECT count(*) FROM crm_log"))
	require.Equal(t, due, h.count(t, "SELECT count(DISTINCT record) FROM crm_log WHERE rule = 'use' AND ground <> ''"))
	t.Logf("%d rows, killed %d times, %d of them with rows taken and not committed", due, killed, inTake)
}

// said waits until a process says a text, or anything, from now on.
func said(p *sqltest.Process, text string) bool {
	for text != "" && len(p.Lines) > 0 {
		<-p.Lines
	}
	for limit := time.After(2 * time.Second); ; {
		select {
		case line, more := <-p.Lines:
			if !more || text == "" || line == text {
				return more
			}
		case <-limit:
			return false
		}
	}
}
