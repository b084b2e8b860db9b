package dsar

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"hash"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// encoder turns the records of sources into lines of JSON. It keeps one buffer.
type encoder struct {
	d    *Desk
	r    *row
	f    *file
	sum  hash.Hash
	buf  []byte
	keys map[*Section][][]byte // `"name":` of each column
	sink sink
	// plain leaves the line of JSON out, for a sink that makes its own.
	plain bool
}

// A sink gets what goes into an answer. All of it is valid until the call returns.
type sink interface {
	// record gets one record with its line of JSON.
	record(c *copier, rec *Record, line []byte) error
	// withheld gets a record that is not given.
	withheld(rec *Record) error
}

func newEncoder(d *Desk, r *row, f *file, s sink) *encoder {
	return &encoder{d: d, r: r, f: f, sum: sha256.New(), keys: map[*Section][][]byte{}, sink: s}
}

func (e *encoder) hash() string { return hex.EncodeToString(e.sum.Sum(nil)) }

// source reads one source for one subject and adds to the receipt.
func (e *encoder) source(ctx context.Context, s Source, subject string, out *Receipt) error {
	c := e.d.newCopier(e.r, e.f)
	for rec, err := range s.Collect(ctx, subject, e.f.Scope) {
		if err != nil {
			return err
		}
		if err := c.check(s, rec); err != nil {
			return err
		}
		if !c.wanted(rec) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := e.one(c, rec, out); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (e *encoder) one(c *copier, rec *Record, out *Receipt) error {
	out.Records++
	if rec.Withhold != "" {
		out.Withheld++
		if e.sink != nil {
			return e.sink.withheld(rec)
		}
		return nil
	}
	if e.plain {
		return e.sink.record(c, rec, nil)
	}
	line, redacted, err := e.line(c, rec)
	if err != nil {
		return err
	}
	out.Redacted += redacted
	if e.sink != nil {
		return e.sink.record(c, rec, line)
	}
	e.sum.Write(line)
	return nil
}

// line encodes a record as one JSON object.
func (e *encoder) line(c *copier, rec *Record) ([]byte, int, error) {
	keys := e.keys[rec.Section]
	if keys == nil {
		for _, col := range rec.Section.Columns {
			keys = append(keys, append(appendString(nil, col.Name), ':'))
		}
		e.keys[rec.Section] = keys
	}
	b, redacted := append(e.buf[:0], '{'), 0
	for n, i := range c.parts[rec.Section].columns {
		if n > 0 {
			b = append(b, ',')
		}
		b = append(b, keys[i]...)
		if text, ok := c.redacted(rec, i); ok {
			b = appendString(b, text)
			redacted++
			continue
		}
		var err error
		if b, err = appendValue(b, rec.Values[i], rec.Section.Columns[i].Format); err != nil {
			return nil, 0, err
		}
	}
	e.buf = append(b, '}', '\n')
	return e.buf, redacted, nil
}

// appendValue appends a value as JSON: times in RFC 3339 and UTC, bytes in base64.
func appendValue(b []byte, v any, f Format) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return appendString(b, strconv.FormatFloat(v, 'g', -1, 64)), nil
		}
		return strconv.AppendFloat(b, v, 'g', -1, 64), nil
	case string:
		return appendString(b, v), nil
	case []byte:
		b = append(b, '"')
		b = base64.StdEncoding.AppendEncode(b, v)
		return append(b, '"'), nil
	case time.Time:
		b = append(b, '"')
		b = appendTime(b, v, f)
		return append(b, '"'), nil
	case json.RawMessage:
		buf := bytes.NewBuffer(b)
		if err := json.Compact(buf, v); err != nil {
			return nil, errContract
		}
		return buf.Bytes(), nil
	}
	return nil, errContract
}

func appendTime(b []byte, t time.Time, f Format) []byte {
	if f == FormatDate {
		return t.AppendFormat(b, time.DateOnly)
	}
	return t.UTC().AppendFormat(b, time.RFC3339Nano)
}

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string. What is not UTF-8 becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= 0x20 && c != '"' && c != '\\' {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			b = appendEscape(b, c)
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			b = append(append(b, s[start:i]...), "\uFFFD"...)
			start = i + size
		}
		i += size
	}
	return append(append(b, s[start:]...), '"')
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
