package pseudonym

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gdprkit/gdprkit/storage"
)

// unseen has the ids of keys that this process wrote in a transaction whose end it
// has not seen. Such a key is used inside that transaction, by reading its row
// again, but it does not enter the cache: after a rollback, values sealed under
// it could never be opened.
type unseen struct {
	size atomic.Int64 // of m
	mu   sync.Mutex
	m    map[keyID]int64 // when, by the vault's clock
}

// longestTx is how long a transaction of the host may stay open. A key whose row
// is still there after it was committed.
const longestTx = int64(time.Hour)

func (u *unseen) add(kid keyID, now int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.m == nil {
		u.m = map[keyID]int64{}
	}
	if len(u.m) >= 10_000 {
		for k, at := range u.m {
			if now-at > longestTx {
				delete(u.m, k)
			}
		}
	}
	u.m[kid] = now
	u.size.Store(int64(len(u.m)))
}

func (u *unseen) len() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.m)
}

func (u *unseen) drop(kid keyID) {
	if u.size.Load() == 0 {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.m, kid)
	u.size.Store(int64(len(u.m)))
}

func (u *unseen) has(kid keyID, now int64) bool {
	if u.size.Load() == 0 {
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	at, ok := u.m[kid]
	return ok && now-at <= longestTx
}

// settled tells whether a row of the key store that was just read through ctx is
// known to be committed. Inside a transaction a row is either that or the
// transaction's own.
func (v *Vault) settled(ctx context.Context, kid keyID) bool {
	if v.keys.State(ctx) == storage.Outside {
		v.unseen.drop(kid)
		return true
	}
	return !v.unseen.has(kid, v.clock())
}

// graveyard has the ids of the keys that this process knows to be shredded, the
// most recent ones. It is asked before plaintext is returned, so that a key that
// was read just before its destruction opens nothing just after.
type graveyard struct {
	dug  atomic.Int64 // how many there ever were
	mu   sync.RWMutex
	m    map[keyID]bool
	ring []keyID
	next int
}

const (
	graves = 1 << 16
	never  = -1
)

func (g *graveyard) add(kid keyID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.m == nil {
		g.m = map[keyID]bool{}
	}
	if g.m[kid] {
		return
	}
	g.m[kid] = true
	defer g.dug.Add(1)
	if len(g.ring) < graves {
		g.ring = append(g.ring, kid)
		return
	}
	delete(g.m, g.ring[g.next])
	g.ring[g.next] = kid
	g.next = (g.next + 1) % graves
}

// has tells whether the key is known to be shredded. Since is what dug was when
// the key was last known to live: nothing new, no look.
func (g *graveyard) has(kid keyID, since int64) bool {
	if g.dug.Load() == since {
		return false
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.m[kid]
}
