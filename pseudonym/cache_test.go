package pseudonym

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func cached(i int, compartment string) *entry {
	return &entry{subject: fmt.Sprint("c-", i), compartment: compartment, kid: newKeyID(compartment)}
}

func TestCacheKeepsAndDrops(t *testing.T) {
	c := newCache(1000)
	for i := range 500 {
		c.put(cached(i, Ordinary))
		c.put(cached(i, ID))
	}
	found := 0
	for i := range 500 {
		if e := c.get(fmt.Sprint("c-", i), Ordinary); e != nil {
			require.Equal(t, Ordinary, e.compartment)
			found++
		}
	}
	require.Greater(t, found, 400, "sets fill evenly")
	e := cached(7, Ordinary)
	c.put(e)
	require.Same(t, e, c.get("c-7", Ordinary), "the newest takes the place")
	c.evict("c-7", Ordinary)
	require.Nil(t, c.get("c-7", Ordinary))
	other := cached(8, Ordinary)
	c.put(other)
	c.evictKeys(map[keyID]bool{other.kid: true})
	require.Nil(t, c.get("c-8", Ordinary))
	c.clear()
	require.Nil(t, c.get("c-9", Ordinary))
}

func TestCacheIsBounded(t *testing.T) {
	for _, size := range []int{1, 8, 9, 100} {
		c := newCache(size)
		for i := range 10_000 {
			c.put(cached(i, Ordinary))
		}
		require.NotNil(t, c.get("c-9999", Ordinary), "the last one is there")
		n := 0
		for i := range c.sets {
			for j := range c.sets[i] {
				if c.sets[i][j].Load() != nil {
					n++
				}
			}
		}
		require.LessOrEqual(t, n, 2*size+ways)
	}
}

func TestCacheFromManyGoroutines(t *testing.T) {
	c := newCache(64)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 5000 {
				e := cached(i%50, Ordinary)
				if g%2 == 0 {
					c.put(e)
				} else if got := c.get(e.subject, Ordinary); got != nil && got.subject != e.subject {
					t.Error("another subject's key")
				}
				c.evict(e.subject, Ordinary)
			}
		})
	}
	wg.Wait()
}
