package pseudonym

import (
	"hash/maphash"
	"math/bits"
	"sync"
	"sync/atomic"
)

const ways = 8

// cache holds keys that were read from committed rows: a table of sets, each with
// a few places. Reading takes no lock. When a set is full, a key that was not used
// lately makes room.
type cache struct {
	seed maphash.Seed
	mask uint64
	mu   sync.Mutex // for changes
	sets []cacheSet
}

type cacheSet [ways]atomic.Pointer[entry]

func newCache(size int) *cache {
	n := uint64(1) << bits.Len64(uint64((size-1)/ways))
	return &cache{seed: maphash.MakeSeed(), mask: n - 1, sets: make([]cacheSet, n)}
}

func (c *cache) set(subject, compartment string) *cacheSet {
	h := maphash.String(c.seed, subject)
	h += (uint64(compartment[0])<<4 | uint64(len(compartment))) * 0x9e3779b97f4a7c15
	return &c.sets[(h^h>>32)&c.mask]
}

func (e *entry) is(subject, compartment string) bool {
	return e != nil && e.subject == subject && e.compartment == compartment
}

func (c *cache) get(subject, compartment string) *entry {
	s := c.set(subject, compartment)
	for i := range s {
		if e := s[i].Load(); e.is(subject, compartment) {
			if !e.used.Load() {
				e.used.Store(true)
			}
			return e
		}
	}
	return nil
}

func (c *cache) put(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.set(e.subject, e.compartment)
	free := -1
	for i := range s {
		switch old := s[i].Load(); {
		case old.is(e.subject, e.compartment):
			s[i].Store(e)
			return
		case old == nil && (free < 0 || s[free].Load() != nil),
			old != nil && free < 0 && !old.used.Swap(false):
			free = i
		}
	}
	if free < 0 {
		free = int(e.kid[1]) % ways // all were in use
	}
	s[free].Store(e)
}

// evict removes the keys of a subject in the compartments.
func (c *cache) evict(subject string, compartments ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range compartments {
		s := c.set(subject, name)
		for i := range s {
			if s[i].Load().is(subject, name) {
				s[i].Store(nil)
			}
		}
	}
}

// evictKeys removes keys by their ids.
func (c *cache) evictKeys(dead map[keyID]bool) {
	if len(dead) > 0 {
		c.drop(func(e *entry) bool { return dead[e.kid] })
	}
}

func (c *cache) clear() { c.drop(func(*entry) bool { return true }) }

func (c *cache) drop(f func(*entry) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.sets {
		for j := range c.sets[i] {
			if e := c.sets[i][j].Load(); e != nil && f(e) {
				c.sets[i][j].Store(nil)
			}
		}
	}
}
