package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"strconv"
	"time"

	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/gdpr"
)

const (
	bundleMagic = "gdprkit.dev/audit-bundle/v1"
	maxLine     = 128 << 10
	maxProofs   = 64 // K and C lines, and hashes of a path
)

// A Kind says which entries a bundle holds.
type Kind string

// The kinds of bundle.
const (
	KindLog     Kind = "log"     // every entry from the first one that is left
	KindRange   Kind = "range"   // a range of indices, or a period
	KindSubject Kind = "subject" // the entries about a person
	KindEntry   Kind = "entry"   // one entry
)

// A Bundle says what [Log.WriteBundle] writes.
type Bundle struct {
	Kind    Kind
	First   uint64 // KindRange: first index
	End     uint64 // KindRange: index after the last; 0: the end of the log
	Index   uint64 // KindEntry
	Subject string // KindSubject: the CRM's key of a person
	// From and To make a KindRange a period: it reaches from the last mark before
	// From to the first mark after To, whatever the entries say about their time.
	From, To time.Time
	// Since adds proofs that the log extends these earlier sizes, for a reader who
	// kept a checkpoint. The outside checkpoint's size is always there. A size below
	// what is pruned is left out unless it is a multiple of 256.
	Since []uint64
}

func (b *Bundle) check() error {
	switch {
	case b.Kind != KindLog && b.Kind != KindRange && b.Kind != KindSubject && b.Kind != KindEntry:
		return gdpr.Invalid("Bundle.Kind", "must be log, range, subject or entry")
	case b.Kind == KindSubject && b.Subject == "":
		return gdpr.Invalid("Bundle.Subject", "is empty")
	case b.From.IsZero() != b.To.IsZero() || b.To.Before(b.From):
		return gdpr.Invalid("Bundle.To", "must be given with From and not lie before it")
	case !b.From.IsZero() && b.Kind != KindRange:
		return gdpr.Invalid("Bundle.From", "makes a period only of the kind range")
	case b.End != 0 && b.End < b.First:
		return gdpr.Invalid("Bundle.End", "lies before First")
	case len(b.Since) > maxProofs-2:
		return gdpr.Invalid("Bundle.Since", "has more than %d sizes", maxProofs-2)
	}
	return nil
}

// bundleHeader is the second line. Its fields are in the order of the format.
type bundleHeader struct {
	Kind   Kind   `json:"kind"`
	Origin string `json:"origin"`
	First  uint64 `json:"first"` // index of the first entry, of those in the bundle
	Count  uint64 `json:"count"` // number of E and X lines
	Size   uint64 `json:"size"`  // of the log that the last C line signs
}

func (h *bundleHeader) append(b []byte) []byte {
	b = append(b, `{"kind":"`...)
	b = append(b, h.Kind...)
	b = appendString(append(b, `","origin":`...), h.Origin)
	b = strconv.AppendUint(append(b, `,"first":`...), h.First, 10)
	b = strconv.AppendUint(append(b, `,"count":`...), h.Count, 10)
	b = strconv.AppendUint(append(b, `,"size":`...), h.Size, 10)
	return append(b, '}')
}

func parseHeader(line []byte) (h bundleHeader, ok bool) {
	if json.Unmarshal(line, &h) != nil || string(h.append(nil)) != string(line) {
		return h, false
	}
	ok = h.Size > 0 && h.Size < 1<<62 && h.First <= h.Size && h.Count <= h.Size-h.First
	switch h.Kind {
	case KindLog:
		return h, ok && h.First+h.Count == h.Size
	case KindEntry:
		return h, ok && h.Count == 1
	}
	return h, ok && (h.Kind == KindRange || h.Kind == KindSubject)
}

// indexHash is what a subject's note says about the entries of the bundle.
type indexHash struct {
	n   uint64
	sum [sha256.Size]byte
}

// add folds the next index in: SHA-256(sum ‖ u64 big-endian index).
func (h *indexHash) add(index uint64) {
	h.n++
	h.sum = sha256.Sum256(binary.BigEndian.AppendUint64(h.sum[:], index))
}

// subjectNote is the signed statement that these are all entries about a subject.
func subjectNote(origin string, size uint64, root merkle.Hash, tokens []string, indices *indexHash) *Checkpoint {
	c := &Checkpoint{Origin: origin + "/subject", Size: size, Root: root}
	for _, t := range tokens {
		c.Extra = append(c.Extra, "token "+t)
	}
	c.Extra = append(c.Extra, "count "+strconv.FormatUint(indices.n, 10), "indices "+std64.EncodeToString(indices.sum[:]))
	return c
}
