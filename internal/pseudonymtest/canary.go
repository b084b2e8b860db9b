package pseudonymtest

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
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

// canaries puts strings through the whole API and looks for them in every table,
// error, log line and print.
func canaries(t *testing.T, open Open) {
	ctx := t.Context()
	s := open(t).Tenant("acme")
	kms := &spy{KMS: NewKMS()}
	var logged bytes.Buffer
	o := &pseudonym.Options{Logger: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})),
		KeyBound: time.Nanosecond}
	v := NewVault(t, s, kms, o)
	var out []string
	say := func(err error) {
		if err != nil {
			out = append(out, err.Error(), fmt.Sprintf("%+v %#v", err, err))
		}
	}
	sealed, err := v.Seal(ctx, canarySubject, place, []byte(canaryValue))
	require.NoError(t, err)
	_, err = v.Index(ctx, "email", canaryValue)
	require.NoError(t, err)
	_, err = v.Token(ctx, "subject", canarySubject)
	require.NoError(t, err)
	require.NoError(t, v.Rotate(ctx))
	_, err = v.Open(ctx, "other", place, sealed)
	say(err)
	_, err = v.Open(ctx, canarySubject, place+"0", sealed)
	say(err)
	_, err = v.Open(ctx, canarySubject, place, []byte(canaryValue))
	say(err)
	_, err = v.Index(ctx, "phone", canaryValue)
	say(err)
	kms.Deny(true)
	_, err = NewVault(t, s, kms, o).Open(ctx, canarySubject, place, sealed)
	say(err)
	kms.Deny(false)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	say(NewVault(t, s, kms, o).Shred(cancelled, canarySubject))
	dump(t, s, &out, true)
	require.NoError(t, v.Shred(ctx, canarySubject))
	require.NoError(t, v.Work(ctx))
	_, err = v.Open(ctx, canarySubject, place, sealed)
	say(err)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		out = append(out, fmt.Sprintf(verb, v))
	}
	b, err := json.Marshal(v) //lint:ignore SA9005 that nothing comes out is what is tested
	require.NoError(t, err)
	out = append(out, string(b))
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("vault", "vault", v)
	dump(t, s, &out, false)
	report, err := v.Report(ctx)
	require.NoError(t, err)
	out = append(out, fmt.Sprintf("%+v", report), logged.String())
	require.NotEmpty(t, kms.keys)
	for _, text := range out {
		require.NotContains(t, text, canaryValue)
		require.NotContains(t, text, hex.EncodeToString([]byte(canaryValue)))
		require.NotContains(t, text, canarySubject)
		for _, k := range kms.keys {
			require.NotContains(t, text, string(k))
			require.NotContains(t, text, hex.EncodeToString(k))
			require.NotContains(t, text, strings.Trim(fmt.Sprint(k), "[]"))
		}
	}
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
