package audit

import (
	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/ids"
)

// A draft is an entry whose bytes are final and whose place is not.
type draft struct {
	id   ids.ID
	at   int64
	by   string
	act  string
	sub  []string
	leaf []byte
	hash merkle.Hash

	// of an idempotent append
	idem, request []byte

	// of log.opened, log.key.added and log.key.retired
	addKey, dropKey string
}

func newDraft(x *leaf) (*draft, error) {
	b := x.append(make([]byte, 0, 512))
	if len(b) > maxLeaf {
		return nil, gdpr.Invalid("Event.Attrs", "make an entry of %d bytes; the limit is %d", len(b), maxLeaf)
	}
	return &draft{id: x.id, at: x.at, by: x.by, act: x.act, sub: x.sub, leaf: b, hash: merkle.Leaf(b)}, nil
}

// draft copies what the view points to.
func (v *leafView) draft(text []byte) *draft {
	d := &draft{id: v.id, at: v.at, by: string(v.by), act: string(v.act), leaf: text, hash: merkle.Leaf(text)}
	for _, s := range v.sub {
		d.sub = append(d.sub, string(s))
	}
	return d
}

func (d *draft) first() string {
	if len(d.sub) == 0 {
		return ""
	}
	return d.sub[0]
}
