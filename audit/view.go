package audit

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gdprkit/gdprkit/internal/ids"
)

// A leafView reads a leaf without copying it. Parse accepts exactly what
// leaf.append writes, so that no two texts have the same meaning; the view is
// valid until the next parse and as long as the text.
type leafView struct {
	log   []byte
	id    ids.ID
	salt  []byte
	at    int64
	by    []byte
	act   []byte
	sub   [][]byte
	attrs []attrView
}

// attrView is one attribute; raw is what stands between the quotation marks.
type attrView struct {
	key  []byte
	kind byte
	raw  []byte
	sub  int
}

// parse reads b. It reports false unless b is the encoding of a leaf.
func (v *leafView) parse(b []byte) bool {
	if len(b) > maxLeaf || !utf8.Valid(b) {
		return false
	}
	p := cursor{b: b}
	var id []byte
	ok := p.lit(`{"v":1,"log":"`) && p.take(&v.log, 32) && isHex(v.log) &&
		p.lit(`","id":"`) && p.take(&id, 36) && parseUUID(id, &v.id) &&
		p.lit(`","salt":"`) && p.take(&v.salt, tokenLen) && isBase64(v.salt) &&
		p.lit(`","at":`) && p.time(&v.at) &&
		p.lit(`,"by":"`) && p.quoted(&v.by) && (len(v.by) == 0 || isToken(v.by)) &&
		p.lit(`,"act":"`) && p.quoted(&v.act) && isAction(v.act) &&
		p.lit(`,"sub":[`) && v.subjects(&p) &&
		p.lit(`,"attr":[`) && v.attributes(&p) && p.lit(`}`)
	return ok && p.i == len(b)
}

func (v *leafView) subjects(p *cursor) bool {
	v.sub = v.sub[:0]
	for !p.skip(']') {
		var s []byte
		if len(v.sub) == maxSubjects || len(v.sub) > 0 && !p.skip(',') ||
			!p.skip('"') || !p.take(&s, tokenLen) || !isToken(s) || !p.skip('"') {
			return false
		}
		for _, other := range v.sub {
			if bytes.Equal(other, s) {
				return false
			}
		}
		v.sub = append(v.sub, s)
	}
	return true
}

func (v *leafView) attributes(p *cursor) bool {
	v.attrs = v.attrs[:0]
	for !p.skip(']') {
		var a attrView
		if len(v.attrs) == maxAttrs || len(v.attrs) > 0 && !p.skip(',') || !a.parse(p, len(v.sub)) {
			return false
		}
		for i := range v.attrs {
			if bytes.Equal(v.attrs[i].key, a.key) {
				return false
			}
		}
		v.attrs = append(v.attrs, a)
	}
	return true
}

func (a *attrView) parse(p *cursor, subs int) bool {
	if !p.lit(`["`) || !p.text(&a.key) || !p.lit(`,"`) || p.i >= len(p.b) {
		return false
	}
	a.kind = p.b[p.i]
	p.i++
	return p.lit(`",`) && a.value(p, subs) && p.skip(']')
}

func (a *attrView) value(p *cursor, subs int) bool {
	switch a.kind {
	case 'b':
		a.raw = p.b[p.i:min(p.i+4, len(p.b))]
		return p.lit("true") || p.lit("false")
	case 'n':
		return p.lit("null")
	case 's':
		return p.skip('"') && p.text(&a.raw)
	case 'p':
		var n []byte
		if !p.digits(&n) || len(n) > 2 || !isDecimal(n, false) {
			return false
		}
		a.sub, _ = strconv.Atoi(string(n))
		return a.sub < subs && p.lit(`,"`) && p.quoted(&a.raw) && isBase64(a.raw)
	}
	if !p.skip('"') || !p.quoted(&a.raw) {
		return false
	}
	switch a.kind {
	case 'r':
		return isBase64(a.raw)
	case 'u':
		return isBase64(a.raw) && !utf8.Valid(decode64(a.raw))
	case 'i':
		return isDecimal(a.raw, true) && inRange(a.raw, "18446744073709551615")
	case 'd':
		return isDecimal(a.raw, true) && inRange(a.raw, "9223372036854775807")
	case 'f':
		return len(a.raw) == 16 && isHex(a.raw)
	case 't':
		dot := bytes.IndexByte(a.raw, '.')
		return dot > 0 && len(a.raw) == dot+10 && isDigits(a.raw[dot+1:]) &&
			isDecimal(a.raw[:dot], true) && inRange(a.raw[:dot], "9223372036854775807")
	}
	return false
}

// A cursor walks over the bytes of a leaf.
type cursor struct {
	b []byte
	i int
}

func (p *cursor) lit(s string) bool {
	if len(p.b)-p.i < len(s) || string(p.b[p.i:p.i+len(s)]) != s {
		return false
	}
	p.i += len(s)
	return true
}

func (p *cursor) skip(c byte) bool {
	if p.i < len(p.b) && p.b[p.i] == c {
		p.i++
		return true
	}
	return false
}

func (p *cursor) take(dst *[]byte, n int) bool {
	if len(p.b)-p.i < n {
		return false
	}
	*dst = p.b[p.i : p.i+n]
	p.i += n
	return true
}

// quoted takes what stands before the next quotation mark, without escapes.
func (p *cursor) quoted(dst *[]byte) bool {
	n := bytes.IndexByte(p.b[p.i:], '"')
	if n < 0 {
		return false
	}
	*dst = p.b[p.i : p.i+n]
	p.i += n + 1
	return true
}

// text takes the rest of a string with the escapes of RFC 8785 and no other.
func (p *cursor) text(dst *[]byte) bool {
	for start := p.i; p.i < len(p.b); p.i++ {
		switch c := p.b[p.i]; {
		case c > '\\' || c > '"' && c != '\\':
		case c == '"':
			*dst = p.b[start:p.i]
			p.i++
			return true
		case c < ' ':
			return false
		case c == '\\':
			n := escape(p.b[p.i:])
			if n == 0 {
				return false
			}
			p.i += n - 1
		}
	}
	return false
}

// escape returns the length of the escape that b begins with, 0 if RFC 8785 would
// have written it in another way.
func escape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', 'b', 't', 'n', 'f', 'r':
		return 2
	}
	if len(b) < 6 || string(b[1:4]) != "u00" || b[4] != '0' && b[4] != '1' {
		return 0
	}
	if b[5] < '0' || b[5] > '9' && b[5] < 'a' || b[5] > 'f' {
		return 0
	}
	if b[4] == '0' && (b[5] == '8' || b[5] == '9' || b[5] == 'a' || b[5] == 'c' || b[5] == 'd') {
		return 0
	}
	return 6
}

func (p *cursor) digits(dst *[]byte) bool {
	start := p.i
	for p.i < len(p.b) && p.b[p.i] >= '0' && p.b[p.i] <= '9' {
		p.i++
	}
	*dst = p.b[start:p.i]
	return p.i > start
}

// time takes microseconds below 2^53, which a JSON number holds exactly.
func (p *cursor) time(dst *int64) bool {
	var d []byte
	if !p.digits(&d) || len(d) > 16 || len(d) > 1 && d[0] == '0' {
		return false
	}
	*dst = 0
	for _, c := range d {
		*dst = *dst*10 + int64(c-'0')
	}
	return *dst < 1<<53
}

// hexDigit holds the value of each lower-case hex digit, 0xff for other bytes.
var hexDigit = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i, c := range []byte("0123456789abcdef") {
		t[c] = byte(i)
	}
	return t
}()

func isHex(b []byte) bool {
	bad := byte(0)
	for _, c := range b {
		bad |= hexDigit[c]
	}
	return bad&0xf0 == 0
}

func isDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// isDecimal reports whether b is an integer without leading zeroes.
func isDecimal(b []byte, signed bool) bool {
	if signed && len(b) > 1 && b[0] == '-' {
		b = b[1:]
		if b[0] == '0' {
			return false
		}
	}
	return len(b) > 0 && isDigits(b) && (b[0] != '0' || len(b) == 1)
}

// inRange compares a decimal with the largest value; the least is always -2^63.
func inRange(b []byte, largest string) bool {
	if b[0] == '-' {
		b, largest = b[1:], "9223372036854775808"
	}
	return len(b) < len(largest) || len(b) == len(largest) && string(b) <= largest
}

// base64url holds the value of each character plus one.
var base64url = func() (t [256]byte) {
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
		t[c] = byte(i + 1)
	}
	return t
}()

// isBase64 reports whether b is base64url without padding and stray bits.
func isBase64(b []byte) bool {
	for _, c := range b {
		if base64url[c] == 0 {
			return false
		}
	}
	switch len(b) % 4 {
	case 1:
		return false
	case 2:
		return (base64url[b[len(b)-1]]-1)&15 == 0
	case 3:
		return (base64url[b[len(b)-1]]-1)&3 == 0
	}
	return true
}

func isToken(b []byte) bool { return len(b) == tokenLen && isBase64(b) }

// isAction reports whether b is 1 to 96 bytes of a-z, 0-9, "_", "-" and ".", led
// by a letter.
func isAction(b []byte) bool {
	if len(b) == 0 || len(b) > 96 || b[0] < 'a' || b[0] > 'z' {
		return false
	}
	for _, c := range b {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// isCode reports whether s may stand in clear as a ground, reason or policy: an id of
// an article or a rule, not prose.
func isCode(s string) bool {
	return s != "" && len(s) <= 96 && !strings.ContainsFunc(s, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-'
	})
}

func decode64(b []byte) []byte {
	out := make([]byte, b64.DecodedLen(len(b)))
	n, _ := b64.Decode(out, b)
	return out[:n]
}

// uuidDigits are the places of the 32 digits in the text of a UUID.
var uuidDigits = [32]uint8{
	0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 16, 17,
	19, 20, 21, 22, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35,
}

// parseUUID reads the lower-case form of a UUIDv7.
func parseUUID(b []byte, id *ids.ID) bool {
	if len(b) != 36 || b[8] != '-' || b[13] != '-' || b[18] != '-' || b[23] != '-' {
		return false
	}
	bad := byte(0)
	for i := range id {
		hi, lo := hexDigit[b[uuidDigits[2*i]]], hexDigit[b[uuidDigits[2*i+1]]]
		bad |= hi | lo
		id[i] = hi<<4 | lo
	}
	return bad&0xf0 == 0 && id[6]>>4 == 7 && id[8]>>6 == 2
}
