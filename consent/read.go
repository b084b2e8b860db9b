package consent

import (
	"sync"

	"github.com/gdprkit/gdprkit/internal/ids"
)

// readers are kept from one check to the next: a reader is most of what a check
// allocates.
var readers = sync.Pool{New: func() any { return new(rowReader) }}

// rowReader reads rowColumns one row at a time. It has what a read needs in one
// place, and numbers as int64, which database/sql copies without a detour over text.
type rowReader struct {
	out                    row
	status, stops, version int64
	id                     []byte
	args                   [3]any
	dests                  [7]any
}

// key returns the arguments of a read by key.
func (r *rowReader) key(purpose, channel, subject string) []any {
	r.args = [3]any{purpose, channel, subject}
	return r.args[:]
}

func (r *rowReader) dest() []any {
	r.dests = [7]any{&r.status, &r.stops, &r.version, &r.out.from, &r.out.until, &r.id, &r.out.body}
	return r.dests[:]
}

// row returns what was read, until the next row is.
func (r *rowReader) row() *row {
	r.out.status, r.out.stops, r.out.version = Status(r.status), int(r.stops), int(r.version)
	if r.out.event = (ids.ID{}); len(r.id) == len(r.out.event) {
		r.out.event = ids.ID(r.id)
	}
	return &r.out
}
