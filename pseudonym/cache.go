package pseudonym

import (
	"hash/maphash"
	"sync"
)

// cache holds keys that were read from committed rows. When a shard is full it
// drops one of a few that were not used lately.
type cache struct {
	seed   maphash.Seed
	limit  int // entries in a shard
	shards [32]shard
}

type shard struct {
	mu sync.RWMutex
	m  map[cacheKey]*entry
	_  [24]byte // keeps neighbours off one cache line
}

type cacheKey struct{ subject, compartment string }

func newCache(size int) *cache {
	c := &cache{seed: maphash.MakeSeed()}
	c.limit = max(1, size/len(c.shards))
	for i := range c.shards {
		c.shards[i].m = map[cacheKey]*entry{}
	}
	return c
}

func (c *cache) shard(subject string) *shard {
	return &c.shards[maphash.String(c.seed, subject)%uint64(len(c.shards))]
}

func (c *cache) get(subject, compartment string) *entry {
	s := c.shard(subject)
	s.mu.RLock()
	e := s.m[cacheKey{subject, compartment}]
	s.mu.RUnlock()
	if e != nil && !e.used.Load() {
		e.used.Store(true)
	}
	return e
}

func (c *cache) put(e *entry) {
	s := c.shard(e.subject)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.m) >= c.limit {
		s.drop()
	}
	s.m[cacheKey{e.subject, e.compartment}] = e
}

// drop removes one entry. A map is ranged over in random order.
func (s *shard) drop() {
	var victim cacheKey
	looked := 0
	for k, e := range s.m {
		victim = k
		if looked++; !e.used.Swap(false) || looked == 8 {
			break
		}
	}
	delete(s.m, victim)
}

// evict removes the keys of a subject, all of them or those in the compartments.
func (c *cache) evict(subject string, compartments ...string) {
	s := c.shard(subject)
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range s.m {
		if k.subject != subject {
			continue
		}
		if len(compartments) == 0 {
			delete(s.m, k)
		}
		for _, name := range compartments {
			if k.compartment == name {
				delete(s.m, k)
			}
		}
	}
}

// evictKeys removes keys by their ids.
func (c *cache) evictKeys(dead map[keyID]bool) {
	c.each(func(s *shard) {
		for k, e := range s.m {
			if dead[e.kid] {
				delete(s.m, k)
			}
		}
	})
}

func (c *cache) clear() { c.each(func(s *shard) { clear(s.m) }) }

func (c *cache) each(f func(*shard)) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		f(s)
		s.mu.Unlock()
	}
}
