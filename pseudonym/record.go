package pseudonym

import (
	"encoding/binary"
	"time"
)

// The kinds of journal record. The parts that erase rows of the host and stop
// consents write the second and third; the vault skips what is not its own.
const (
	kindShred       = 1
	kindErase       = 2
	kindStop        = 3
	kindIncarnation = 4 // a new chain begins; kid holds the id of the one before
)

const (
	recordVersion = 2
	recordSize1   = 2 + 8 + 4 + 16 + 16 + 16 + 32
	recordSize    = recordSize1 + len(compartmentSet{})
	recordLabel   = "gdprkit/journal/v1\x00"
)

// record is u8 ver ‖ u8 kind ‖ u64 n ‖ u32 day ‖ logID[16] ‖ tag[16] ‖ kid[16] ‖
// prev[32] ‖ closed[32]. The day is counted from 1970 in UTC; prev is the hash of
// record n-1 of the same log, zero for the first. Closed is the set of compartments
// that the shred closed to the subject, those without a key included; version 1 had
// no such field.
type record struct {
	ver    byte // 0: the newest
	kind   byte
	n      int64
	day    int64
	log    keyID
	tag    keyID
	kid    keyID
	prev   digest
	closed compartmentSet
}

// compartmentSet has a bit for each compartment, numbered by its byte.
type compartmentSet [32]byte

func (s *compartmentSet) add(compartment string) {
	b := compartmentByte(compartment)
	s[b/8] |= 1 << (b % 8)
}

func (s *compartmentSet) has(compartment string) bool {
	b := compartmentByte(compartment)
	return s[b/8]&(1<<(b%8)) != 0
}

func (r *record) encode() []byte {
	ver := r.ver
	if ver == 0 {
		ver = recordVersion
	}
	b := make([]byte, 0, recordSize)
	b = append(b, ver, r.kind)
	b = binary.BigEndian.AppendUint64(b, uint64(r.n))
	b = binary.BigEndian.AppendUint32(b, uint32(r.day))
	b = append(b, r.log[:]...)
	b = append(b, r.tag[:]...)
	b = append(b, r.kid[:]...)
	b = append(b, r.prev[:]...)
	if ver == 1 {
		return b
	}
	return append(b, r.closed[:]...)
}

// parseRecord reports false for what is not a record of a vault.
func parseRecord(b []byte) (r record, ok bool) {
	switch {
	case len(b) == recordSize1 && b[0] == 1:
	case len(b) == recordSize && b[0] == recordVersion:
		copy(r.closed[:], b[recordSize1:])
	default:
		return r, false
	}
	if b[1] != kindShred && b[1] != kindIncarnation {
		return r, false
	}
	r.ver, r.kind = b[0], b[1]
	r.n = int64(binary.BigEndian.Uint64(b[2:]))
	r.day = int64(binary.BigEndian.Uint32(b[10:]))
	copy(r.log[:], b[14:])
	copy(r.tag[:], b[30:])
	copy(r.kid[:], b[46:])
	copy(r.prev[:], b[62:])
	return r, r.n > 0
}

// hashRecord is h_n = SHA-256("gdprkit/journal/v1\0" ‖ record).
func hashRecord(b []byte) digest {
	return sum256(append(append(make([]byte, 0, 128), recordLabel...), b...))
}

func day(t time.Time) int64 { return t.Unix() / 86400 }
