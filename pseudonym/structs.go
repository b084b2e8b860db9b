package pseudonym

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/gdprkit/gdprkit/gdpr"
)

// tagName is the key of the struct tag.
const tagName = "gdpr"

// structs holds the types that Register has accepted.
type structs struct {
	mu sync.RWMutex
	m  map[reflect.Type][]structField
}

// structField is one tagged field.
type structField struct {
	index   []int
	name    string // table.column
	subject []int  // field that names the subject; nil: the caller's
	domain  string // of the blind index; empty: none
	blind   []int  // field that takes the blind index
}

// Register reads the tags of a struct type, so that a mistake in them is found at
// start-up. Give it a value of the type or a pointer to one.
//
//	type Call struct {
//		Caller     string // subject key
//		CalleeID   string // subject key
//		Number     string `gdpr:"calls.number,index=phone,subject=Caller"`
//		NumberIndex []byte
//		Note       string `gdpr:"calls.note,subject=CalleeID"`
//	}
//
// A tag names the table and column. With index=DOMAIN, the blind index is put into
// the field of the same name with "Index" at its end, of type []byte or string
// (base64url). With subject=FIELD, the value belongs to the subject that the string
// FIELD names, so that each person's values in one record are sealed under their
// own key; without, to the subject given to SealStruct. Tagged fields are string
// (sealed as text) or []byte. Embedded structs are looked into.
func (v *Vault) Register(value any) error {
	t := reflect.TypeOf(value)
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return gdpr.Invalid("value", "must be a struct or a pointer to one")
	}
	list, err := v.readTags(t)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return gdpr.Invalid(t.String(), "has no field with a gdpr tag")
	}
	v.structs.mu.Lock()
	defer v.structs.mu.Unlock()
	if v.structs.m == nil {
		v.structs.m = map[reflect.Type][]structField{}
	}
	v.structs.m[t] = list
	return nil
}

func (v *Vault) readTags(t reflect.Type) ([]structField, error) {
	var list []structField
	seen := map[string]bool{}
	for _, f := range reflect.VisibleFields(t) {
		tag, ok := f.Tag.Lookup(tagName)
		if !ok || tag == "-" {
			continue
		}
		sf, err := v.readTag(t, f, tag)
		if err != nil {
			return nil, err
		}
		if seen[sf.name] {
			return nil, gdpr.Invalid(t.String()+"."+f.Name, "has the tag of another field: %s", sf.name)
		}
		seen[sf.name] = true
		list = append(list, sf)
	}
	return list, nil
}

func (v *Vault) readTag(t reflect.Type, f reflect.StructField, tag string) (structField, error) {
	where := t.String() + "." + f.Name
	parts := strings.Split(tag, ",")
	sf := structField{index: f.Index, name: parts[0]}
	switch {
	case !f.IsExported():
		return sf, gdpr.Invalid(where, "is not exported")
	case !isText(f.Type):
		return sf, gdpr.Invalid(where, "must be a string or []byte, not %s", f.Type)
	case checkPlace(sf.name+"/1") != nil || strings.Contains(sf.name, "/"):
		return sf, gdpr.Invalid(where, "needs a tag of the form table.column")
	case throughPointer(t, f.Index):
		return sf, gdpr.Invalid(where, "is reached through a pointer")
	}
	for _, p := range parts[1:] {
		key, value, _ := strings.Cut(p, "=")
		switch key {
		case "index":
			if _, ok := v.opts.Indexes[value]; !ok {
				return sf, gdpr.Invalid(where, "asks for the index %q, which Options.Indexes does not have", value)
			}
			blind, ok := t.FieldByName(f.Name + "Index")
			if !ok || !isText(blind.Type) || !blind.IsExported() || throughPointer(t, blind.Index) {
				return sf, gdpr.Invalid(where, "needs a field %sIndex of type []byte or string for its index", f.Name)
			}
			sf.domain, sf.blind = value, blind.Index
		case "subject":
			s, ok := t.FieldByName(value)
			if !ok || s.Type.Kind() != reflect.String || !s.IsExported() || throughPointer(t, s.Index) {
				return sf, gdpr.Invalid(where, "names the subject field %q, which is not an exported string", value)
			}
			if _, tagged := s.Tag.Lookup(tagName); tagged {
				return sf, gdpr.Invalid(where, "names the subject field %q, which is sealed itself", value)
			}
			sf.subject = s.Index
		default:
			return sf, gdpr.Invalid(where, "has the unknown option %q in its tag", key)
		}
	}
	return sf, nil
}

func isText(t reflect.Type) bool {
	return t.Kind() == reflect.String || t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
}

// throughPointer tells whether a field is promoted from an embedded pointer, which
// may be nil.
func throughPointer(t reflect.Type, index []int) bool {
	for _, i := range index[:len(index)-1] {
		if t = t.Field(i).Type; t.Kind() == reflect.Pointer {
			return true
		}
	}
	return false
}

// SealStruct seals the tagged fields of a struct in place and fills its index
// fields. The type must have been given to [Vault.Register]. If any field fails,
// the struct is left as it was. A field that this vault has sealed already is refused:
// in a transaction that may run again, seal a copy. Empty fields are sealed too, so that
// they do not stand out; a field whose subject field is empty must be empty itself and stays so.
func (v *Vault) SealStruct(ctx context.Context, subject, record string, pointer any) error {
	return v.eachField(pointer, func(s reflect.Value, f *structField) ([]update, error) {
		plain := bytesOf(s.FieldByIndex(f.index))
		who, err := f.owner(s, subject, len(plain))
		if err != nil || who == "" {
			return nil, err
		}
		sealed, err := v.Seal(ctx, who, f.name+"/"+record, plain)
		if err != nil {
			return nil, err
		}
		if isSealed(s.FieldByIndex(f.index), sealed) {
			return nil, gdpr.Invalid(f.name, "is sealed already; seal a copy in a function that may run again")
		}
		updates := []update{{f.index, sealed, Text}}
		if f.domain != "" {
			var blind []byte
			if len(plain) > 0 {
				if blind, err = v.Index(ctx, f.domain, string(plain)); err != nil {
					return nil, err
				}
			}
			updates = append(updates, update{f.blind, blind, base64.RawURLEncoding.EncodeToString})
		}
		return updates, nil
	})
}

// OpenStruct is the inverse of [Vault.SealStruct]. If any field does not open, the
// struct is left as it was; errors.Is tells why.
func (v *Vault) OpenStruct(ctx context.Context, subject, record string, pointer any) error {
	return v.eachField(pointer, func(s reflect.Value, f *structField) ([]update, error) {
		field := s.FieldByIndex(f.index)
		sealed := bytesOf(field)
		who, err := f.owner(s, subject, len(sealed))
		if err != nil || who == "" {
			return nil, err
		}
		if field.Kind() == reflect.String {
			if sealed, err = ParseText(string(sealed)); err != nil {
				return nil, err
			}
		}
		plain, err := v.Open(ctx, who, f.name+"/"+record, sealed)
		if err != nil {
			return nil, err
		}
		return []update{{f.index, plain, func(b []byte) string { return string(b) }}}, nil
	})
}

// update is a new value of a field.
type update struct {
	index []int
	value []byte
	text  func([]byte) string // for string fields
}

func (v *Vault) eachField(pointer any, f func(s reflect.Value, f *structField) ([]update, error)) error {
	p := reflect.ValueOf(pointer)
	if p.Kind() != reflect.Pointer || p.IsNil() || p.Elem().Kind() != reflect.Struct {
		return gdpr.Invalid("pointer", "must be a pointer to a struct")
	}
	s := p.Elem()
	v.structs.mu.RLock()
	list, ok := v.structs.m[s.Type()]
	v.structs.mu.RUnlock()
	if !ok {
		return gdpr.Invalid("pointer", "has a type that was not given to Register: %s", s.Type())
	}
	var updates []update
	for i := range list {
		u, err := f(s, &list[i])
		if err != nil {
			return fmt.Errorf("pseudonym: field %s: %w", list[i].name, err)
		}
		updates = append(updates, u...)
	}
	for _, u := range updates {
		u.set(s.FieldByIndex(u.index))
	}
	return nil
}

// owner returns whose value it is; "" if there is neither subject nor value. A value
// without a subject is refused: it would stay in clear.
func (f *structField) owner(s reflect.Value, subject string, size int) (string, error) {
	who := subject
	if f.subject != nil {
		who = s.FieldByIndex(f.subject).String()
	}
	if who == "" && (size > 0 || f.subject == nil) {
		return "", gdpr.Invalid(f.name, "has no subject; a value stays in clear without one")
	}
	return who, nil
}

// isSealed tells whether a field holds a value with the head of sealed, which no other
// value can have.
func isSealed(field reflect.Value, sealed []byte) bool {
	value := bytesOf(field)
	if field.Kind() == reflect.String {
		value, _ = ParseText(string(value))
	}
	return bytes.HasPrefix(value, sealed[:nonceAt])
}

func bytesOf(v reflect.Value) []byte {
	if v.Kind() == reflect.String {
		return []byte(v.String())
	}
	return v.Bytes()
}

func (u *update) set(v reflect.Value) {
	if v.Kind() == reflect.String {
		v.SetString(u.text(u.value))
		return
	}
	v.SetBytes(u.value)
}
