package audit

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"strconv"

	"github.com/gdprkit/gdprkit/internal/ids"
)

// maxLeaf is the limit of c2sp.org/tlog-tiles for an entry.
const maxLeaf = 65535

const (
	maxSubjects = 64
	maxAttrs    = 256
	tokenLen    = 22 // 16 bytes in base64url
)

var b64 = base64.RawURLEncoding.Strict()

// A leaf is the content of an entry before it is encoded.
type leaf struct {
	log  string // 32 hex digits
	id   ids.ID
	salt [16]byte // makes the hash of a dropped payload unguessable
	at   int64
	by   string
	act  string
	sub  []string
	attr []value
}

// A value is one attribute. Kind is the letter of the format.
type value struct {
	key  string
	kind byte
	text string // of s, u, r, i, f, t, d, and the sealed bytes of p
	on   bool   // of b
	sub  int    // of p: index into leaf.sub
}

func (l *leaf) seed() { _, _ = rand.Read(l.salt[:]) } // never fails since Go 1.24

// append encodes the leaf. Each value has one encoding; see leafView for the
// reader that accepts no other.
func (l *leaf) append(b []byte) []byte {
	b = append(b, `{"v":1,"log":"`...)
	b = append(b, l.log...)
	b = append(b, `","id":"`...)
	b = appendUUID(b, l.id)
	b = append(b, `","salt":"`...)
	b = b64.AppendEncode(b, l.salt[:])
	b = append(b, `","at":`...)
	b = strconv.AppendInt(b, l.at, 10)
	b = append(b, `,"by":"`...)
	b = append(b, l.by...)
	b = append(b, `","act":"`...)
	b = append(b, l.act...)
	b = append(b, `","sub":[`...)
	for i, s := range l.sub {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), s...), '"')
	}
	b = append(b, `],"attr":[`...)
	for i := range l.attr {
		if i > 0 {
			b = append(b, ',')
		}
		b = l.attr[i].append(b)
	}
	return append(b, `]}`...)
}

func (v *value) append(b []byte) []byte {
	b = appendString(append(b, '['), v.key)
	b = append(b, ',', '"', v.kind, '"', ',')
	switch v.kind {
	case 'b':
		b = strconv.AppendBool(b, v.on)
	case 'n':
		b = append(b, "null"...)
	case 's':
		b = appendString(b, v.text)
	case 'p':
		b = append(strconv.AppendInt(b, int64(v.sub), 10), ',')
		fallthrough
	case 'u', 'r':
		b = append(b, '"')
		b = append(b64.AppendEncode(b, []byte(v.text)), '"')
	default: // i, f, t, d: digits
		b = append(append(append(b, '"'), v.text...), '"')
	}
	return append(b, ']')
}

func appendUUID(b []byte, id ids.ID) []byte {
	for i, n := range [5]int{4, 2, 2, 2, 6} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, id[:n])
		copy(id[:], id[n:])
	}
	return b
}

// appendString writes s as RFC 8785 section 3.2.2.2 does. It must be UTF-8.
func appendString(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, '\\', 'b')
		case '\t':
			b = append(b, '\\', 't')
		case '\n':
			b = append(b, '\\', 'n')
		case '\f':
			b = append(b, '\\', 'f')
		case '\r':
			b = append(b, '\\', 'r')
		default:
			if c < ' ' {
				b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
			} else {
				b = append(b, c)
			}
		}
	}
	return append(b, '"')
}
