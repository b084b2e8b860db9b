package cluster

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/consent"
)

// consents gives and withdraws, and asks another place after each.
type consents struct {
	who string // prefix of its subjects

	mu    sync.Mutex
	acks  map[string][]string // subject -> ids of its records, in order
	asked map[string]int      // subject -> acts begun
	pairs int                 // withdrawn here, then asked there
	stale int                 // decisions that were not those of the last act
}

func newConsents(who string) *consents {
	return &consents{who: who, acks: map[string][]string{}, asked: map[string]int{}}
}

func (c *consents) name() string { return "consent" }

func (c *consents) acknowledged() (n int) {
	for _, ids := range c.acks {
		n += len(ids)
	}
	return n
}

const actsOfOne = 20 // acts of each person

func (c *consents) work(w *worker, n int) bool {
	subject := fmt.Sprintf("%s-%d", c.who, n/actsOfOne)
	given := n%2 == 0
	act := consent.Act{Key: fmt.Sprintf("%s-%d", c.who, n), Subject: subject, Purpose: purpose, Channel: channel, At: time.Now(), Language: "en"}
	c.mu.Lock()
	c.asked[subject]++
	c.mu.Unlock()
	var r consent.Record
	p := w.until("consent", func(ctx context.Context, p *place) (err error) {
		if given {
			act.Evidence = &consent.Evidence{Method: consent.Checkbox}
			r, err = p.kit.Ledger.Give(ctx, act)
		} else {
			r, err = p.kit.Ledger.Withdraw(ctx, act)
		}
		return err
	})
	if p == nil {
		return false
	}
	c.mu.Lock()
	c.acks[subject] = append(c.acks[subject], r.ID)
	c.mu.Unlock()
	return c.ask(w, p, subject, given)
}

// ask decides in another place than the one that has acknowledged.
func (c *consents) ask(w *worker, p *place, subject string, given bool) bool {
	q := consent.Query{Subject: subject, Purpose: purpose, Channel: channel}
	there := w.other(p)
	for w.l.ctx.Err() == nil {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		d, err := there.kit.Ledger.Check(ctx, q)
		cancel()
		if err == nil {
			c.mu.Lock()
			if !given {
				c.pairs++
			}
			if d.Allowed != given {
				c.stale++
			}
			c.mu.Unlock()
			return true
		}
		there = w.other(there) // this one is dead
		time.Sleep(20 * time.Millisecond)
	}
	return false
}

func (c *consents) done() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pairs
}

// check: each acknowledged record once and in order, at most the last one besides,
// and an entry for each.
func (c *consents) check(t *testing.T, p *place, log entries) {
	t.Logf("%s: %d pairs of withdraw and check in another place, %d stale decisions", c.who, c.pairs, c.stale)
	require.Zero(t, c.stale)
	for subject, asked := range c.asked {
		var ids []string
		for r, err := range p.kit.Ledger.History(t.Context(), subject) {
			require.NoError(t, err)
			ids = append(ids, r.ID)
		}
		acks := c.acks[subject]
		require.GreaterOrEqual(t, len(ids), len(acks), "lost: %s", subject)
		require.Equal(t, acks, ids[:len(acks):len(acks)], "lost or doubled: %s", subject)
		require.LessOrEqual(t, len(ids), asked, "doubled: %s", subject)
		token := p.token(t, subject)
		require.Equal(t, len(ids), log["consent.given "+token]+log["consent.withdrawn "+token], "entries of %s", subject)
		d, err := p.kit.Ledger.Check(t.Context(), consent.Query{Subject: subject, Purpose: purpose, Channel: channel})
		require.NoError(t, err)
		require.Equal(t, len(ids)%2 == 1, d.Allowed, subject)
	}
}
