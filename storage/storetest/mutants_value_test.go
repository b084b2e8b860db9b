package storetest

import (
	"context"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

// folded returns stores that take texts of one column for the same when fold does.
// A row keeps the first spelling, as an engine does.
func folded(column string, fold func(string) string) func() storage.Directory {
	var mu sync.Mutex
	first := map[string]string{}
	return arguments(func(c *storage.Column, arg any) any {
		s, ok := arg.(string)
		if !ok || c == nil || c.Name != column {
			return arg
		}
		mu.Lock()
		defer mu.Unlock()
		key := fold(s)
		if _, ok := first[key]; !ok {
			first[key] = s
		}
		return first[key]
	})
}

func texts(change func(c *storage.Column, s string) string) func() storage.Directory {
	return arguments(func(c *storage.Column, arg any) any {
		if s, ok := arg.(string); ok && c != nil {
			return change(c, s)
		}
		return arg
	})
}

func blobsOf(change func(c *storage.Column, b []byte) any) func() storage.Directory {
	return arguments(func(c *storage.Column, arg any) any {
		if b, ok := arg.([]byte); ok && c != nil && c.Kind == storage.Bytes {
			return change(c, b)
		}
		return arg
	})
}

func numbers(change func(n int64) int64) func() storage.Directory {
	return arguments(func(c *storage.Column, arg any) any {
		if v := reflect.ValueOf(arg); v.Kind() == reflect.Int || v.Kind() == reflect.Int64 {
			return change(v.Int())
		}
		return arg
	})
}

func foldAccents(s string) string {
	return strings.NewReplacer("\u00e9", "e", "e\u0301", "e", "ä", "a", "ß", "ss", "æ", "ae").Replace(s)
}

func fourBytes(s string) string {
	return strings.Map(func(r rune) rune {
		if r > 0xffff {
			return '?'
		}
		return r
	}, s)
}

var valueMutants = []mutant{
	{"compares keys without case", folded("id", strings.ToLower), []string{"text/keys that a collation takes for the same are different"}},
	{"compares keys without trailing spaces", folded("id", func(s string) string { return strings.TrimRight(s, " ") }),
		[]string{"text/keys that a collation takes for the same are different", "text/sorts and compares by bytes"}},
	{"compares keys without accents", folded("id", foldAccents), []string{"text/keys that a collation takes for the same are different"}},
	{"compares unique names without case", folded("name", strings.ToLower), []string{"text/unique constraints compare bytes"}},
	{"compares unique names without accents", folded("name", foldAccents), []string{"text/unique constraints compare bytes"}},
	{"normalises line ends", texts(func(_ *storage.Column, s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }),
		[]string{"text/comes back as it was"}},
	{"trims texts", texts(func(_ *storage.Column, s string) string { return strings.TrimSpace(s) }), []string{"text/comes back as it was"}},
	{"keeps three bytes per character", texts(func(_ *storage.Column, s string) string { return fourBytes(s) }),
		[]string{"text/comes back as it was", "text/keys that a collation takes for the same are different"}},
	{"repairs texts", texts(func(_ *storage.Column, s string) string {
		return strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "\x00", "")
	}), []string{"text/what no engine can keep is refused", "rollback/bad values are refused before anything is written", "claim/refuses bad values"}},
	{"cuts texts", texts(func(c *storage.Column, s string) string {
		if c.Size > 0 {
			return s[:min(len(s), c.Size)]
		}
		return s
	}), []string{"text/too long is refused, never cut"}},
	{"cuts bytes", blobsOf(func(c *storage.Column, b []byte) any {
		if c.Size > 0 {
			return b[:min(len(b), c.Size)]
		}
		return b
	}), []string{"bytes/too long is refused, never cut"}},
	{"cuts bytes at 64 KiB", blobsOf(func(_ *storage.Column, b []byte) any { return b[:min(len(b), 1<<16-1)] }),
		[]string{"bytes/every byte and a mebibyte come back"}},
	{"drops trailing zero bytes", blobsOf(func(_ *storage.Column, b []byte) any {
		return []byte(strings.TrimRight(string(b), "\x00"))
	}), []string{"bytes/sort and compare byte by byte"}},
	{"takes empty for nil", blobsOf(func(c *storage.Column, b []byte) any {
		if len(b) == 0 && c.Null {
			return nil
		}
		return b
	}), []string{"bytes/nil and empty differ where nil is allowed"}},
	{"takes nil for empty", arguments(func(c *storage.Column, arg any) any {
		if v := reflect.ValueOf(arg); c != nil && c.Null && (arg == nil || v.Kind() == reflect.Slice && v.IsNil()) {
			return []byte{}
		}
		return arg
	}), []string{"bytes/nil and empty differ where nil is allowed", "bytes/nil meets no condition", "bytes/rows with nil meet no unique constraint"}},
	{"takes nil for zero", arguments(func(c *storage.Column, arg any) any {
		if arg == nil && c != nil && !c.Null {
			return map[storage.Kind]any{storage.Int: 0, storage.Text: "", storage.Bytes: []byte{}}[c.Kind]
		}
		return arg
	}), []string{"bytes/nil is refused elsewhere"}},
	{"converts arguments", arguments(func(c *storage.Column, arg any) any {
		if s, ok := arg.(string); ok && c != nil && c.Kind == storage.Int {
			n, _ := strconv.Atoi(s)
			return n
		}
		return arg
	}), []string{"bytes/arguments of another kind are refused"}},
	{"gives out its own bytes", func() storage.Directory {
		var mu sync.Mutex
		own := map[string][]byte{}
		return stores(func(f *fake) {
			f.get = func(ctx context.Context, s *storage.Select, args []any, dest ...any) error {
				err := f.Store.Get(ctx, s, args, dest...)
				for _, d := range dest {
					if b, ok := d.(*[]byte); ok && err == nil && len(*b) > 0 {
						mu.Lock()
						key := string(*b)
						if own[key] == nil {
							own[key] = *b
						}
						*b = own[key]
						mu.Unlock()
					}
				}
				return err
			}
		})()
	}, []string{"bytes/are copied in and out"}},
	{"keeps numbers as float64", numbers(func(n int64) int64 { return int64(float64(n)) }), []string{"numbers/every int64 comes back and compares"}},
	{"keeps numbers in 32 bits", numbers(func(n int64) int64 { return int64(int32(n)) }), []string{"numbers/every int64 comes back and compares"}},
	{"keeps milliseconds", numbers(func(n int64) int64 {
		if n > 1e9 || n < -1e9 {
			return n / 1000 * 1000
		}
		return n
	}), []string{"numbers/times keep their microseconds"}},
	{"does not know named types", stores(func(f *fake) {
		f.apply = func(ctx context.Context, ops ...storage.Op) ([]int64, error) {
			for _, op := range ops {
				for _, a := range op.Args {
					if t := reflect.TypeOf(a); t != nil && t.PkgPath() != "" {
						return nil, gdpr.Invalid("arg", "is of a named type")
					}
				}
			}
			return f.Store.Apply(ctx, ops...)
		}
	}), []string{"numbers/named types go in and out"}},
	{"ignores destinations that do not fit", stores(func(f *fake) {
		f.get = func(ctx context.Context, s *storage.Select, args []any, dest ...any) error {
			err := f.Store.Get(ctx, s, args, dest...)
			if err != nil && strings.HasPrefix(err.Error(), "memstore:") {
				return nil
			}
			return err
		}
	}), []string{"numbers/a destination of another kind is an error"}},
}
