package sqlstore

import (
	"database/sql"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

// bind converts the arguments of a call to int64, string, []byte or nil, and
// checks them. The first set ones are assigned to their columns, the others are
// compared with them.
func bind(t *storage.Table, columns []*storage.Column, set int, args []any) ([]any, error) {
	if len(args) != len(columns) {
		return nil, fmt.Errorf("sqlstore: table %s: %d arguments for %d places", t.Name, len(args), len(columns))
	}
	for i, c := range columns {
		if !plain(c, args[i], i < set) {
			return convertAll(t, columns, set, args)
		}
	}
	return args, nil
}

// plain reports whether an argument can be passed on as it is.
func plain(c *storage.Column, arg any, set bool) bool {
	switch a := arg.(type) {
	case nil:
		return set && c.Null
	case int64:
		return c.Kind == storage.Int
	case string:
		return c.Kind == storage.Text && (!set || c.Size == 0 || len(a) <= c.Size) && utf8.ValidString(a) && strings.IndexByte(a, 0) < 0
	case []byte:
		return c.Kind == storage.Bytes && a != nil && (!set || c.Size == 0 || len(a) <= c.Size)
	}
	return false
}

func convertAll(t *storage.Table, columns []*storage.Column, set int, args []any) ([]any, error) {
	out := make([]any, len(args))
	for i, c := range columns {
		v, err := convert(c, args[i], i < set)
		if err != nil {
			return nil, gdpr.Invalid(t.Name+"."+c.Name, "%s", err.Error())
		}
		out[i] = v
	}
	return out, nil
}

// convert returns the value for the driver. Its error is the rule that is broken.
func convert(c *storage.Column, arg any, set bool) (any, error) {
	switch a := arg.(type) {
	case nil:
		if plain(c, nil, set) {
			return nil, nil
		}
		return nil, fmt.Errorf("must not be nil")
	case bool:
		arg = int64(0)
		if a {
			arg = int64(1)
		}
	case int:
		arg = int64(a)
	case int64, string, []byte:
	default:
		arg = underlying(arg)
	}
	if b, ok := arg.([]byte); ok && b == nil && c.Kind == storage.Bytes {
		if set && c.Null {
			return nil, nil
		}
		return []byte{}, nil
	}
	if plain(c, arg, set) {
		return arg, nil
	}
	return nil, rule(c, arg)
}

// underlying returns a value of a named type as int64, string or []byte.
func underlying(arg any) any {
	switch r := reflect.ValueOf(arg); r.Kind() {
	case reflect.Int, reflect.Int64:
		return r.Int()
	case reflect.Bool:
		if r.Bool() {
			return int64(1)
		}
		return int64(0)
	case reflect.String:
		return r.String()
	case reflect.Slice:
		if r.Type().Elem().Kind() == reflect.Uint8 {
			return r.Bytes()
		}
	}
	return arg
}

// rule says why an argument does not fit.
func rule(c *storage.Column, arg any) error {
	n := -1
	switch a := arg.(type) {
	case string:
		switch {
		case c.Kind != storage.Text:
		case !utf8.ValidString(a):
			return fmt.Errorf("is not UTF-8")
		case strings.IndexByte(a, 0) >= 0:
			return fmt.Errorf("contains a NUL byte")
		default:
			n = len(a)
		}
	case []byte:
		if c.Kind == storage.Bytes {
			n = len(a)
		}
	}
	if n >= 0 {
		return fmt.Errorf("has %d bytes; the limit is %d", n, c.Size)
	}
	return fmt.Errorf("got an argument of type %T", arg)
}

// dests returns the destinations as the driver's values are to be copied into
// them. Most are taken as they are; if some have to be wrapped, buf is reused unless
// it is nil.
func (d *dialect) dests(t *storage.Table, columns []*storage.Column, dest []any, buf *destBuffer) ([]any, error) {
	if len(dest) != len(columns) {
		return nil, fmt.Errorf("sqlstore: table %s: %d destinations for %d columns", t.Name, len(dest), len(columns))
	}
	for i, c := range columns {
		if !d.direct(c, dest[i]) {
			return d.wrapped(columns, dest, buf), nil
		}
	}
	return dest, nil
}

// destBuffer is reused from row to row.
type destBuffer struct {
	lend    bool // the row stays until the next one
	out     []any
	targets []target
}

func (d *dialect) wrapped(columns []*storage.Column, dest []any, buf *destBuffer) []any {
	if buf == nil {
		buf = new(destBuffer)
	}
	if buf.out == nil {
		buf.out = make([]any, len(dest))
	}
	for i, c := range columns {
		if d.direct(c, dest[i]) {
			buf.out[i] = dest[i]
			continue
		}
		if raw, ok := dest[i].(*storage.Raw); ok && buf.lend && d.lends(c) {
			buf.out[i] = (*sql.RawBytes)(raw)
			continue
		}
		if b, ok := dest[i].(*[]byte); ok && c.Kind == storage.Bytes {
			buf.out[i] = (*blob)(b)
			continue
		}
		if buf.targets == nil {
			buf.targets = make([]target, len(dest))
		}
		buf.targets[i] = target{c.Kind, dest[i]}
		buf.out[i] = &buf.targets[i]
	}
	return buf.out
}

func (d *dialect) direct(c *storage.Column, dest any) bool {
	switch dest.(type) {
	case *int64, *int:
		return c.Kind == storage.Int
	case *string:
		return c.Kind == storage.Text
	case *[]byte:
		return c.Kind == storage.Bytes && !d.noEmpty
	}
	return false
}

// lends reports whether a column's value may be taken as the driver holds it.
func (d *dialect) lends(c *storage.Column) bool {
	return c.Kind == storage.Text || c.Kind == storage.Bytes && !(c.Null && d.noEmpty)
}

// target is a destination that database/sql does not fill as the contract asks:
// drivers differ in nil and empty, and named booleans are not known to it.
type target struct {
	kind storage.Kind
	dest any
}

// Scan implements sql.Scanner.
func (t *target) Scan(src any) error { return assign(t.kind, src, t.dest) }

// assign copies a driver's value into a destination.
func assign(kind storage.Kind, src, dest any) error {
	switch kind {
	case storage.Int:
		if n, ok := src.(int64); ok && assignInt(n, dest) {
			return nil
		}
	case storage.Text:
		switch s := src.(type) {
		case string:
			if assignText(s, dest) {
				return nil
			}
		case []byte:
			if assignText(string(s), dest) {
				return nil
			}
		}
	case storage.Bytes:
		b, ok := src.([]byte)
		if s, text := src.(string); text {
			b, ok = []byte(s), true
		}
		if !ok && src != nil {
			break
		}
		if src != nil {
			b = append(make([]byte, 0, len(b)), b...)
		}
		if assignBytes(b, dest) {
			return nil
		}
	}
	return fmt.Errorf("sqlstore: cannot copy %T into %T", src, dest)
}

func assignInt(n int64, dest any) bool {
	switch d := dest.(type) {
	case *int64:
		*d = n
		return true
	case *int:
		*d = int(n)
		return true
	case *bool:
		*d = n != 0
		return true
	}
	switch e := elem(dest); e.Kind() {
	case reflect.Int, reflect.Int64:
		e.SetInt(n)
	case reflect.Bool:
		e.SetBool(n != 0)
	default:
		return false
	}
	return true
}

func assignText(s string, dest any) bool {
	switch d := dest.(type) {
	case *string:
		*d = s
		return true
	case *storage.Raw:
		*d = storage.Raw(s)
		return true
	}
	if e := elem(dest); e.Kind() == reflect.String {
		e.SetString(s)
		return true
	}
	return false
}

func assignBytes(b []byte, dest any) bool {
	switch d := dest.(type) {
	case *[]byte:
		*d = b
		return true
	case *storage.Raw:
		*d = b
		return true
	}
	if e := elem(dest); e.Kind() == reflect.Slice && e.Type().Elem().Kind() == reflect.Uint8 {
		e.SetBytes(b)
		return true
	}
	return false
}

// elem returns what dest points to, or the zero Value.
func elem(dest any) reflect.Value {
	if p := reflect.ValueOf(dest); p.Kind() == reflect.Pointer && !p.IsNil() {
		return p.Elem()
	}
	return reflect.Value{}
}
