package memstore

import (
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

// toValue converts an argument for a column and checks the rules of the column.
// Set tells an assignment, which a limit and nil apply to, from a comparison.
func toValue(t *storage.Table, c *storage.Column, arg any, set bool) (value, error) {
	v, kind, ok := convert(arg)
	field := t.Name + "." + c.Name
	switch {
	case !ok:
		return v, gdpr.Invalid(field, "got an argument of type %T", arg)
	case v.null && kind == 0 && !(set && c.Null):
		return v, gdpr.Invalid(field, "must not be nil")
	case v.null:
		if c.Kind != storage.Bytes {
			return v, gdpr.Invalid(field, "got an argument of type %T", arg)
		}
		v.null = set && c.Null
		return v, nil
	case kind != c.Kind:
		return v, gdpr.Invalid(field, "got an argument of type %T", arg)
	case !set:
		return v, nil
	case c.Size > 0 && len(v.s) > c.Size:
		return v, gdpr.Invalid(field, "has %d bytes; the limit is %d", len(v.s), c.Size)
	case kind == storage.Text && !utf8.ValidString(v.s):
		return v, gdpr.Invalid(field, "is not UTF-8")
	case kind == storage.Text && strings.IndexByte(v.s, 0) >= 0:
		return v, gdpr.Invalid(field, "contains a NUL byte")
	}
	return v, nil
}

// convert returns the value and its kind; kind 0 with null set is an untyped nil.
func convert(arg any) (v value, kind storage.Kind, ok bool) {
	switch a := arg.(type) {
	case nil:
		return value{null: true}, 0, true
	case int64:
		return value{n: a}, storage.Int, true
	case int:
		return value{n: int64(a)}, storage.Int, true
	case bool:
		return value{n: int64(boolInt(a))}, storage.Int, true
	case string:
		return value{s: a}, storage.Text, true
	case []byte:
		return value{s: string(a), null: a == nil}, storage.Bytes, true
	}
	switch r := reflect.ValueOf(arg); r.Kind() {
	case reflect.Int, reflect.Int64:
		return value{n: r.Int()}, storage.Int, true
	case reflect.Bool:
		return value{n: int64(boolInt(r.Bool()))}, storage.Int, true
	case reflect.String:
		return value{s: r.String()}, storage.Text, true
	case reflect.Slice:
		if r.Type().Elem().Kind() == reflect.Uint8 {
			return value{s: string(r.Bytes()), null: r.IsNil()}, storage.Bytes, true
		}
	}
	return v, 0, false
}

// assign copies one column of a row into a destination.
func assign(kind storage.Kind, r row, col int, dest any) error {
	switch kind {
	case storage.Int:
		return assignInt(r.num(col), dest)
	case storage.Text:
		s, _ := r.text(col)
		return assignText(s, dest)
	default:
		s, ok := r.text(col)
		return assignBytes(s, !ok, dest)
	}
}

func assignInt(n int64, dest any) error {
	switch d := dest.(type) {
	case *int64:
		*d = n
		return nil
	case *int:
		*d = int(n)
		return nil
	case *bool:
		*d = n != 0
		return nil
	}
	if e := elem(dest); e.IsValid() {
		switch e.Kind() {
		case reflect.Int, reflect.Int64:
			e.SetInt(n)
			return nil
		case reflect.Bool:
			e.SetBool(n != 0)
			return nil
		}
	}
	return errDest("Int", dest)
}

func assignText(s string, dest any) error {
	switch d := dest.(type) {
	case *string:
		*d = strings.Clone(s) // not the row, which may be long
		return nil
	case *storage.Raw:
		*d = storage.Raw(s)
		return nil
	}
	if e := elem(dest); e.IsValid() && e.Kind() == reflect.String {
		e.SetString(strings.Clone(s))
		return nil
	}
	return errDest("Text", dest)
}

func assignBytes(s string, null bool, dest any) error {
	b := []byte(s)
	if null {
		b = nil
	}
	if d, ok := dest.(*[]byte); ok {
		*d = b
		return nil
	}
	if e := elem(dest); e.IsValid() && e.Kind() == reflect.Slice && e.Type().Elem().Kind() == reflect.Uint8 {
		e.SetBytes(b)
		return nil
	}
	return errDest("Bytes", dest)
}

func elem(dest any) reflect.Value {
	if p := reflect.ValueOf(dest); p.Kind() == reflect.Pointer && !p.IsNil() {
		return p.Elem()
	}
	return reflect.Value{}
}

// errArgs tells of a call with the wrong number of arguments.
func errArgs(d *table, got, want int) error {
	return fmt.Errorf("memstore: table %s: %d arguments for %d places", d.Name, got, want)
}

func errDest(kind string, dest any) error {
	return fmt.Errorf("memstore: cannot copy a column of kind %s into %T", kind, dest)
}
