package pseudonymtest

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// spy is a key wrapper that remembers the tenant keys which pass through it, as a
// test of what must not be found anywhere.
type spy struct {
	*KMS
	keys [][]byte
}

func (s *spy) Wrap(ctx context.Context, ref string, key, additional []byte) ([]byte, error) {
	s.keys = append(s.keys, bytes.Clone(key))
	return s.KMS.Wrap(ctx, ref, key, additional)
}

const (
	canarySubject = "canary-subject-4711"
	canaryValue   = "canary-value@example.org"
)

// canaries puts strings through every method of a vault, in each state that it can
// be in, and looks for them in every table, error, log line and print.
func canaries(t *testing.T, open Open) {
	ctx := t.Context()
	s := open(t).Tenant("acme")
	kms := &spy{KMS: NewKMS()}
	var logged bytes.Buffer
	o := &pseudonym.Options{Logger: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})),
		KeyBound: time.Nanosecond}
	c := &canary{v: NewVault(t, s, kms, o)}
	c.prepare(t)
	var out []string
	every := func(ctx context.Context, v *pseudonym.Vault, but ...string) {
		for _, name := range methods() {
			call := calls[name]
			require.NotNil(t, call, "no case for Vault.%s", name)
			if slices.Contains(but, name) {
				continue
			}
			for _, x := range call(ctx, c, v) {
				if err, ok := x.(error); ok {
					out = append(out, err.Error())
				}
				out = append(out, fmt.Sprintf("%v %+v %#v %s", x, x, x, x))
				if b, err := json.Marshal(x); err == nil {
					out = append(out, string(b))
				}
			}
		}
	}
	kms.Deny(true)
	every(ctx, NewVault(t, s, kms, o)) // nothing can be unwrapped
	kms.Deny(false)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	every(cancelled, NewVault(t, s, kms, o))
	guarded := *o
	guarded.Guard = refusal{}
	every(ctx, NewVault(t, s, kms, &guarded), "Destroy", "Shred")
	every(ctx, c.v, "Destroy", "Shred", "AuditTo", "PruneTombstones") // what lives
	dump(t, s, &out, true)
	every(ctx, c.v) // it is shredded, readmitted and written on the way, in the order of the names
	require.NoError(t, c.v.Shred(ctx, canarySubject))
	require.NoError(t, c.v.Work(ctx))
	every(ctx, c.v) // what is shredded
	require.NoError(t, c.v.Shred(ctx, canarySubject))
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("vault", "vault", c.v)
	dump(t, s, &out, false)
	out = append(out, logged.String())
	require.NotEmpty(t, kms.keys)
	for _, text := range out {
		for _, word := range []string{canaryValue, canarySubject} {
			require.NotContains(t, text, word)
			require.NotContains(t, text, hex.EncodeToString([]byte(word)))
			require.NotContains(t, text, strings.Trim(fmt.Sprint([]byte(word)), "[]"))
		}
		for _, k := range kms.keys {
			require.NotContains(t, text, string(k))
			require.NotContains(t, text, hex.EncodeToString(k))
			require.NotContains(t, text, strings.Trim(fmt.Sprint(k), "[]"))
		}
	}
}

// refusal is a guard that denies.
type refusal struct{}

func (refusal) Allow(context.Context, string, string, ...slog.Attr) error { return errors.New("no") }

// methods are those of a vault, by name.
func methods() (names []string) {
	v := reflect.TypeFor[*pseudonym.Vault]()
	for i := range v.NumMethod() {
		names = append(names, v.Method(i).Name)
	}
	return names
}

// dump appends every row of the vault's tables. While the subject lives, its key
// stands in the columns that are declared to hold one, and is taken out.
func dump(t *testing.T, s storage.Store, out *[]string, alive bool) {
	for _, table := range schema.Tables() {
		if !strings.HasPrefix(table.Name, "gdpr_key") {
			continue
		}
		sel := &storage.Select{From: table, Order: table.Key}
		for _, c := range table.Columns {
			sel.Columns = append(sel.Columns, c.Name)
		}
		for row, err := range s.Scan(t.Context(), sel, nil) {
			require.NoError(t, err)
			values := make([]any, len(table.Columns))
			for i, c := range table.Columns {
				switch c.Kind {
				case storage.Int:
					values[i] = new(int64)
				case storage.Text:
					values[i] = new(string)
				case storage.Bytes:
					values[i] = new([]byte)
				}
			}
			require.NoError(t, row.Scan(values...))
			for i, c := range table.Columns {
				switch x := values[i].(type) {
				case *string:
					if !(alive && c.Category == "subject key") {
						*out = append(*out, *x)
					}
				case *[]byte:
					*out = append(*out, string(*x), hex.EncodeToString(*x))
				}
			}
		}
	}
}

// noTx: what must commit on its own refuses to run inside a transaction.
func noTx(t *testing.T, open Open) {
	ctx := t.Context()
	s := open(t).Tenant("acme")
	v := NewVault(t, s, NewKMS(), nil)
	require.NoError(t, v.Ready(ctx))
	err := s.InTx(ctx, func(ctx context.Context) error {
		_, replay := v.Replay(ctx, "x")
		for _, err := range []error{v.Ready(ctx), v.Work(ctx), v.Rotate(ctx), replay} {
			if !errors.Is(err, storage.ErrInTx) {
				return fmt.Errorf("%v is not ErrInTx", err)
			}
		}
		return nil
	})
	require.NoError(t, err)
}
