package datamap

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gdprkit/gdprkit/datamap/internal/catalog"
	"github.com/gdprkit/gdprkit/datamap/internal/jsonpath"
)

func systemRandom(b []byte) { _, _ = rand.Read(b) } // crypto/rand never fails

const (
	randomMark  = "erased-"
	randomChars = 13 // of 32: 65 bits
	narrowMark  = "~"
	uuidMark    = "00000000-0000-8000-8"
	alphabet    = "0123456789abcdefghjkmnpqrstvwxyz"
)

// masked returns the value that an erasure leaves in a column, and whether it
// differs from the present one. A value that is masked already stays, so that a
// second run changes nothing.
func (l *Live) masked(c *column, old any) (any, bool, error) {
	if old == nil {
		return nil, false, nil
	}
	value, changed := old, false
	for _, p := range c.parts {
		next, did, err := l.maskedPart(c.Column, p, value)
		if err != nil {
			return nil, false, err
		}
		if did {
			value, changed = next, true
		}
	}
	return value, changed, nil
}

func (l *Live) maskedPart(c *catalog.Column, p *part, old any) (any, bool, error) {
	if old == nil {
		return nil, false, nil
	}
	text := textOf(old)
	switch p.do {
	case Nullify:
		return nil, true, nil
	case Fixed:
		return fixedValue(c, p, text)
	case Random:
		v, did := l.random(c, p.Erase.Value, old)
		return v, did, nil
	case Year:
		v, did := firstOfYear(old)
		return v, did, nil
	case Prefix:
		if utf8.RuneCountInString(text) <= p.Erase.Length {
			return old, false, nil
		}
		return string([]rune(text)[:p.Erase.Length]), true, nil
	case Redact:
		var with json.RawMessage
		if p.Erase.Value != "" {
			with, _ = json.Marshal(p.Erase.Value)
		}
		out, n, err := jsonpath.Redact([]byte(text), p.path, with)
		if err != nil {
			return nil, false, err
		}
		return string(out), n > 0, nil
	}
	return old, false, nil // Keep; Callback and RemoveElement are not of the value alone
}

func fixedValue(c *catalog.Column, p *part, old string) (any, bool, error) {
	v, err := argument(c, p.Erase.Value)
	if err != nil || old == p.Erase.Value {
		return v, false, err
	}
	if c.Class == catalog.Number {
		a, _ := strconv.ParseFloat(old, 64)
		b, _ := strconv.ParseFloat(p.Erase.Value, 64)
		return v, a != b, nil
	}
	return v, old != textOf(v), nil
}

// random returns a replacement of the column's type that is unique but for chance.
func (l *Live) random(c *catalog.Column, template string, old any) (any, bool) {
	switch c.Class {
	case catalog.Int:
		if n, ok := old.(int64); ok && n < 0 {
			return old, false
		}
		b := make([]byte, 4)
		l.options.Rand(b)
		return -1 - int64(binary.BigEndian.Uint32(b)&0x7ffffffe), true
	case catalog.UUID:
		if strings.HasPrefix(textOf(old), uuidMark) {
			return old, false
		}
		b := make([]byte, 8)
		l.options.Rand(b)
		hex := strconv.FormatUint(binary.BigEndian.Uint64(b)|1<<63, 16)
		return uuidMark + hex[:3] + "-" + hex[3:15], true
	}
	before, after := randomMark, ""
	free := randomChars
	if template != "" {
		before, after, _ = strings.Cut(template, "{}")
	}
	if c.Width > 0 {
		if template == "" && c.Width < len(randomMark)+randomChars {
			before = narrowMark
		}
		free = min(free, c.Width-utf8.RuneCountInString(before+after))
	}
	if isRandom(textOf(old), before, after, free) {
		return old, false
	}
	b := make([]byte, max(free, 0))
	l.options.Rand(b)
	for i := range b {
		b[i] = alphabet[b[i]&31]
	}
	return before + string(b) + after, true
}

func isRandom(s, before, after string, free int) bool {
	mid, ok := strings.CutPrefix(s, before)
	if !ok {
		return false
	}
	mid, ok = strings.CutSuffix(mid, after)
	return ok && len(mid) == free && strings.Trim(mid, alphabet) == ""
}

var yearFirst = regexp.MustCompile(`^\d{4}-`)

// firstOfYear keeps the form of the value.
func firstOfYear(old any) (any, bool) {
	switch x := old.(type) {
	case time.Time:
		v := time.Date(x.Year(), time.January, 1, 0, 0, 0, 0, x.Location())
		return v, !v.Equal(x)
	case int64:
		v := time.Date(time.Unix(x, 0).UTC().Year(), time.January, 1, 0, 0, 0, 0, time.UTC).Unix()
		return v, v != x
	}
	s := textOf(old)
	if !yearFirst.MatchString(s) {
		return "1900-01-01", true // no date: nothing to generalise
	}
	out := []byte(s)
	for i := range out {
		if i > 4 && out[i] >= '0' && out[i] <= '9' {
			out[i] = '0'
		}
	}
	if len(out) >= 10 {
		copy(out[5:10], "01-01")
	}
	return string(out), string(out) != s
}

// elements counts the elements of the array that a link goes through.
func elements(link *link, text string) int {
	if link.on.Class == catalog.Array {
		if text == "{}" {
			return 0
		}
		return strings.Count(text, ",") + 1
	}
	vals, err := jsonpath.Select([]byte(text), append(linkPath(link), jsonpath.Step{All: true}))
	if err != nil {
		return 0
	}
	return len(vals)
}

func linkPath(link *link) jsonpath.Path {
	p := make(jsonpath.Path, len(link.names), len(link.names)+1)
	for i, n := range link.names {
		p[i].Name = n
	}
	return p
}

// removeFrom drops a key from the array that a link goes through.
func removeFrom(link *link, text, key string) (string, int, error) {
	out, n, err := jsonpath.Remove([]byte(text), linkPath(link), func(v string) bool { return v == key })
	return string(out), n, err
}

// pathText is the text at the path of a link, or nil.
func pathText(link *link, text string) any {
	vals, err := jsonpath.Select([]byte(text), linkPath(link))
	if err != nil || len(vals) == 0 {
		return nil
	}
	return jsonpath.Text(vals[0])
}
