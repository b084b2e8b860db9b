package pseudonym

import (
	"context"
	"strings"
	"sync/atomic"
)

// cell is one place under one key: all that sealing and opening there need. Done
// gives back what it borrowed.
type cell struct {
	entry    *entry
	domain   *domain
	place    string
	aad      []byte // the additional data
	borrowed bool   // aad is in the entry's scratch
}

// cells holds places where a key in the cache is used: the first ones, as most
// subjects have few. Sealing and opening there work out nothing again.
type cells [8]atomic.Pointer[cell]

// maxKept is the longest place that is kept, in bytes.
const maxKept = 128

// at is where the cell of a place would be. The columns of a table mostly differ in
// the middle of the place, the records at its end.
func (cs *cells) at(place string) *atomic.Pointer[cell] {
	n := uint(len(place))
	return &cs[(uint(place[n/2])+uint(place[n-1])+n)%uint(len(cs))]
}

// cell finds the key for a place, and makes it if create is set. The result is one
// that was kept, or own.
func (v *Vault) cell(ctx context.Context, subject, place string, create bool, own *cell) (*cell, error) {
	e := v.cache.get(subject, Ordinary) // where most values are
	if e != nil && place != "" {
		if c := e.cells.at(place).Load(); c != nil && c.place == place && v.fresh() {
			return c, nil
		}
	}
	f, record, err := v.fields.find(place)
	if err != nil {
		return nil, err
	}
	switch {
	case f.compartment != Ordinary:
		e, err = v.entry(ctx, subject, f.compartment, create)
	case e == nil || !v.fresh():
		e, err = v.load(ctx, subject, Ordinary, create)
	}
	if err != nil {
		return nil, err
	}
	return e.use(own, f, place, record), nil
}

// use makes own the cell of a place, and keeps a copy if e came from the cache
// before and has room.
func (e *entry) use(own *cell, f *field, place, record string) *cell {
	*own = cell{entry: e, domain: e.domain(f)}
	at := e.cells.at(place)
	if at.Load() == nil && e.used.Load() && e.compartment == Ordinary && len(place) <= maxKept {
		own.aad = appendAAD(nil, own.domain.prefix, f.suffix, record)
		kept := *own
		kept.place = strings.Clone(place)
		at.Store(&kept)
		return own
	}
	own.borrow(f, record)
	return own
}

// borrow builds the additional data in the entry's scratch, unless another goroutine
// is using that.
func (c *cell) borrow(f *field, record string) {
	e, d := c.entry, c.domain
	size := len(d.prefix) + len(f.suffix) + 4 + len(record)
	if c.borrowed = e.busy.CompareAndSwap(false, true); !c.borrowed {
		c.aad = appendAAD(make([]byte, 0, size), d.prefix, f.suffix, record)
		return
	}
	if cap(e.scratch) < size {
		e.scratch = make([]byte, 0, size)
	}
	c.aad = appendAAD(e.scratch[:0], d.prefix, f.suffix, record)
}

func (c *cell) done() {
	if c.borrowed {
		c.entry.busy.Store(false)
	}
}

// seal allocates once: the result, in which the plaintext is padded and encrypted.
func (c *cell) seal(plain []byte) []byte {
	zeros := padding(len(plain))
	end := headerSize + len(plain) + zeros + 1
	out := make([]byte, end, end+tagSize)
	copy(out, c.domain.head[:])
	random(out[nonceAt:headerSize])
	copy(out[headerSize:], plain)
	out[end-1] = byte(zeros)
	return c.entry.aead.Seal(out[:headerSize], out[nonceAt:headerSize], out[headerSize:end], c.aad)
}

func (c *cell) open(sealed []byte) ([]byte, bool) {
	if *(*[nonceAt]byte)(sealed) != c.domain.head {
		return nil, false
	}
	body, err := c.entry.aead.Open(nil, sealed[nonceAt:headerSize], sealed[headerSize:], c.aad)
	if err != nil {
		return nil, false
	}
	return unpad(body)
}
