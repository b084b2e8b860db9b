package audit

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"math"
	"strconv"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
)

// Sealed is the value of an attribute that this reader did not open.
type Sealed struct {
	Subject string // token of the subject under whose key it is sealed
	Value   []byte // what the Sealer made
}

// String returns "[sealed]".
func (Sealed) String() string { return "[sealed]" }

// attr returns the attribute as it was given, personal text as [Sealed].
func (a *attrView) attr(subs [][]byte) slog.Attr {
	key := unescape(a.key)
	switch a.kind {
	case 's':
		return gdpr.Clear(key, unescape(a.raw))
	case 'u':
		return gdpr.Clear(key, string(decode64(a.raw)))
	case 'r':
		return slog.Any(key, decode64(a.raw))
	case 'p':
		return slog.Any(key, Sealed{string(subs[a.sub]), decode64(a.raw)})
	case 'b':
		return slog.Bool(key, a.raw[0] == 't')
	case 'f':
		n, _ := strconv.ParseUint(string(a.raw), 16, 64)
		return slog.Float64(key, math.Float64frombits(n))
	case 't':
		return slog.Time(key, parseTime(string(a.raw)))
	case 'd':
		n, _ := strconv.ParseInt(string(a.raw), 10, 64)
		return slog.Duration(key, time.Duration(n))
	case 'i':
		if n, err := strconv.ParseInt(string(a.raw), 10, 64); err == nil {
			return slog.Int64(key, n)
		}
		n, _ := strconv.ParseUint(string(a.raw), 10, 64)
		return slog.Uint64(key, n)
	}
	return slog.Any(key, nil)
}

func parseTime(s string) time.Time {
	sec, frac := s[:len(s)-10], s[len(s)-9:]
	n, _ := strconv.ParseInt(sec, 10, 64)
	ns, _ := strconv.ParseInt(frac, 10, 64)
	return time.Unix(n, ns).UTC()
}

// unescape reads what appendString wrote.
func unescape(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw)
	}
	var s string
	_ = json.Unmarshal(append(append([]byte{'"'}, raw...), '"'), &s) // parse has checked it
	return s
}

// find returns the attribute of that key, or nil.
func (v *leafView) find(key string) *attrView {
	for i := range v.attrs {
		if string(v.attrs[i].key) == key {
			return &v.attrs[i]
		}
	}
	return nil
}

// uint returns an attribute of kind i that is not negative.
func (v *leafView) uint(key string) (uint64, bool) {
	a := v.find(key)
	if a == nil || a.kind != 'i' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(a.raw), 10, 63)
	return n, err == nil
}

// bytes returns an attribute of kind r.
func (v *leafView) bytes(key string) []byte {
	a := v.find(key)
	if a == nil || a.kind != 'r' {
		return nil
	}
	return decode64(a.raw)
}

// text returns an attribute of kind s.
func (v *leafView) text(key string) string {
	a := v.find(key)
	if a == nil || a.kind != 's' {
		return ""
	}
	return unescape(a.raw)
}

// leaf returns the content as leaf.append takes it, for a re-encoding.
func (v *leafView) leaf() *leaf {
	l := &leaf{log: string(v.log), id: v.id, at: v.at, by: string(v.by), act: string(v.act)}
	copy(l.salt[:], decode64(v.salt))
	for _, s := range v.sub {
		l.sub = append(l.sub, string(s))
	}
	for i := range v.attrs {
		l.attr = append(l.attr, v.attrs[i].owned())
	}
	return l
}

func (a *attrView) owned() value {
	x := value{key: unescape(a.key), kind: a.kind, sub: a.sub}
	switch a.kind {
	case 's':
		x.text = unescape(a.raw)
	case 'u', 'r', 'p':
		x.text = string(decode64(a.raw))
	case 'b':
		x.on = a.raw[0] == 't'
	case 'n':
	default:
		x.text = string(a.raw)
	}
	return x
}
