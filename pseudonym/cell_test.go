package pseudonym

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCellsKeepTheFirstPlaces(t *testing.T) {
	fs := newFields(nil)
	e := newEntry("acme", "c-7", Ordinary, newKeyID(Ordinary), make([]byte, keySize))
	use := func(place string) *cell {
		f, record, err := fs.find(place)
		require.NoError(t, err)
		c := e.use(new(cell), f, place, record)
		want := appendAAD(nil, e.domain(f).prefix, f.suffix, record)
		require.Equal(t, want, c.aad)
		return c
	}
	place := Place("contacts", "email", "7")
	use(place).done()
	require.Nil(t, e.cells.at(place).Load(), "the key was not met in the cache yet")
	e.used.Store(true)
	use(place).done()
	kept := e.cells.at(place).Load()
	require.Equal(t, place, kept.place)
	require.False(t, kept.borrowed)
	for i := range 100 { // others find their additional data all the same
		c := use(Place("contacts", "email", fmt.Sprint(i)))
		sealed := c.seal([]byte("x"))
		plain, ok := c.open(sealed)
		require.True(t, ok)
		require.Equal(t, "x", string(plain))
		c.done()
		if i != 7 {
			_, ok = kept.open(sealed)
			require.False(t, ok)
		}
	}
	require.Same(t, kept, e.cells.at(place).Load())

	long := Place("contacts", "email", strings.Repeat("7", maxKept))
	e.cells.at(long).Store(nil)
	use(long).done()
	require.Nil(t, e.cells.at(long).Load())

	proof := newEntry("acme", "c-7", Proof, newKeyID(Proof), make([]byte, keySize))
	proof.used.Store(true)
	f, record, err := fs.find(place)
	require.NoError(t, err)
	proof.use(new(cell), f, place, record)
	require.Nil(t, proof.cells.at(place).Load(), "only those of Ordinary are looked for")
}

func TestCellsFromManyGoroutines(t *testing.T) {
	fs := newFields(nil)
	e := newEntry("acme", "c-7", Ordinary, newKeyID(Ordinary), make([]byte, keySize))
	e.used.Store(true)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 500 {
				place := Place("mails", strings.Repeat("b", 1+i%3), fmt.Sprint(i%40))
				f, record, err := fs.find(place)
				if err != nil {
					t.Error(err)
					return
				}
				c := e.cells.at(place).Load()
				if c == nil || c.place != place {
					c = e.use(new(cell), f, place, record)
				}
				if string(c.aad) != string(appendAAD(nil, c.domain.prefix, f.suffix, record)) {
					t.Error("the additional data of another place")
				}
				c.done()
			}
		})
	}
	wg.Wait()
}
