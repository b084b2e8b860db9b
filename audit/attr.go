package audit

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/gdprkit/gdprkit/gdpr"
)

// collector turns slog attributes into values of a leaf. Personal text stays as
// it is until seal.
type collector struct {
	subject  string // of the entry
	actor    string
	loose    bool
	subjects []string // of the entry, in the order of leaf.sub
	values   []value
}

func (c *collector) add(prefix string, attrs []slog.Attr) error {
	for _, a := range attrs {
		if a.Equal(slog.Attr{}) {
			continue
		}
		key := prefix + a.Key
		if !isKey(key) {
			return gdpr.Invalid("Attr.Key", "must have 1 to 128 of the characters a-z, A-Z, 0-9, \".\", \"_\", \"-\"")
		}
		v, personal, err := c.resolve(key, a.Value)
		if err != nil {
			return err
		}
		if v.Kind() == slog.KindGroup {
			if err := c.add(key+".", v.Group()); err != nil {
				return err
			}
			continue
		}
		if err := c.put(key, v, personal); err != nil {
			return err
		}
	}
	return nil
}

// resolve follows LogValuer, but not into the values that only print redacted.
func (c *collector) resolve(key string, v slog.Value) (slog.Value, *gdpr.PersonalValue, error) {
	if v.Kind() == slog.KindLogValuer {
		switch x := v.Any().(type) {
		case gdpr.PersonalValue:
			return v, &x, nil
		case gdpr.Secret:
			return v, nil, gdpr.Invalid("Attr."+key, "is a secret; it does not belong in a log")
		}
		v = v.Resolve()
	}
	return v, nil, nil
}

func (c *collector) put(key string, v slog.Value, personal *gdpr.PersonalValue) error {
	for i := range c.values {
		if c.values[i].key == key {
			return gdpr.Invalid("Attr."+key, "is given twice")
		}
	}
	if len(c.values) == maxAttrs {
		return gdpr.Invalid("Attrs", "are more than %d", maxAttrs)
	}
	x := value{key: key}
	var err error
	if personal != nil {
		err = c.personal(&x, personal.Subject(), personal.Reveal())
	} else {
		err = c.plain(&x, v)
	}
	c.values = append(c.values, x)
	return err
}

// plain encodes what may stand in clear and treats every other text as personal.
func (c *collector) plain(x *value, v slog.Value) error {
	switch v.Kind() {
	case slog.KindInt64:
		x.kind, x.text = 'i', strconv.FormatInt(v.Int64(), 10)
	case slog.KindUint64:
		x.kind, x.text = 'i', strconv.FormatUint(v.Uint64(), 10)
	case slog.KindFloat64:
		x.kind, x.text = 'f', fmt.Sprintf("%016x", math.Float64bits(v.Float64()))
	case slog.KindBool:
		x.kind, x.on = 'b', v.Bool()
	case slog.KindTime:
		x.kind, x.text = 't', formatTime(v.Time())
	case slog.KindDuration:
		x.kind, x.text = 'd', strconv.FormatInt(int64(v.Duration()), 10)
	case slog.KindString:
		return c.personal(x, c.subject, v.String())
	default:
		return c.any(x, v.Any())
	}
	return nil
}

func (c *collector) any(x *value, a any) error {
	switch a := a.(type) {
	case nil:
		x.kind = 'n'
		return nil
	case gdpr.ClearValue:
		x.clear(string(a))
		return nil
	case []byte:
		if a == nil {
			x.kind = 'n'
			return nil
		}
		return c.personal(x, c.subject, string(a))
	case error:
		return gdpr.Invalid("Attr."+x.key, "is an error, whose text may hold anything; give a code")
	}
	switch v := reflect.ValueOf(a); v.Kind() {
	case reflect.String:
		return c.personal(x, c.subject, v.String())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		x.kind, x.text = 'i', strconv.FormatInt(v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		x.kind, x.text = 'i', strconv.FormatUint(v.Uint(), 10)
	case reflect.Bool:
		x.kind, x.on = 'b', v.Bool()
	case reflect.Float32, reflect.Float64:
		x.kind, x.text = 'f', fmt.Sprintf("%016x", math.Float64bits(v.Float()))
	default:
		return gdpr.Invalid("Attr."+x.key, "has type %T, which cannot be recorded", a)
	}
	return nil
}

func (x *value) clear(s string) {
	x.kind, x.text = 's', s
	if !utf8.ValidString(s) {
		x.kind = 'u'
	}
}

// personal notes a text to be sealed and adds its subject to those of the entry.
func (c *collector) personal(x *value, subject, text string) error {
	if subject == "" {
		return fmt.Errorf("%w: Attr.%s: the entry names no subject to seal it for; mark it with gdpr.Clear or gdpr.Personal", gdpr.ErrUnsealed, x.key)
	}
	if err := gdpr.CheckSubject("Attr."+x.key+".Subject", subject, c.loose); err != nil {
		return err
	}
	x.kind, x.text = 'p', text
	var err error
	x.sub, err = c.index(subject)
	return err
}

func (c *collector) index(subject string) (int, error) {
	for i, s := range c.subjects {
		if s == subject {
			return i, nil
		}
	}
	if len(c.subjects) == maxSubjects {
		return 0, gdpr.Invalid("Event.Subjects", "are more than %d", maxSubjects)
	}
	c.subjects = append(c.subjects, subject)
	return len(c.subjects) - 1, nil
}

// seal encrypts the personal values for the entry id.
func (c *collector) seal(ctx context.Context, s Sealer, id string) error {
	for i := range c.values {
		x := &c.values[i]
		if x.kind != 'p' {
			continue
		}
		sealed, err := s.Seal(ctx, c.subjects[x.sub], place(x.key, id), []byte(x.text))
		if err != nil {
			return fmt.Errorf("audit: seal Attr.%s: %w", x.key, err)
		}
		x.text = string(sealed)
	}
	return nil
}

// place is where a sealed value belongs; it opens nowhere else.
func place(key, id string) string { return "audit." + key + "/" + id }

func isKey(s string) bool {
	if len(s) == 0 || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		c := s[i] | 0x20
		if (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') && s[i] != '.' && s[i] != '_' && s[i] != '-' {
			return false
		}
	}
	return true
}

func formatTime(t time.Time) string {
	return strconv.FormatInt(t.Unix(), 10) + fmt.Sprintf(".%09d", t.Nanosecond())
}

// sealable reports a personal value that nobody can seal.
func (c *collector) sealable(s Sealer) error {
	for i := range c.values {
		if c.values[i].kind == 'p' && s == nil {
			return fmt.Errorf("%w: Attr.%s: give Options.Sealer, or mark it with gdpr.Clear if it is not personal", gdpr.ErrUnsealed, c.values[i].key)
		}
	}
	return nil
}
