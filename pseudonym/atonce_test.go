package pseudonym_test

import (
	"context"
	"fmt"
	"iter"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/internal/pseudonymtest"
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// counting counts the calls of a store, each of which is a round trip or more.
type counting struct {
	storage.Store
	calls []string
}

func (c *counting) Traits() storage.Traits { return storage.Traits{Durable: true} }

func (c *counting) Get(ctx context.Context, s *storage.Select, args []any, dest ...any) error {
	c.calls = append(c.calls, "get "+s.From.Name)
	return c.Store.Get(ctx, s, args, dest...)
}

func (c *counting) Scan(ctx context.Context, s *storage.Select, args []any) iter.Seq2[storage.Row, error] {
	c.calls = append(c.calls, "scan "+s.From.Name)
	return c.Store.Scan(ctx, s, args)
}

func (c *counting) Claim(ctx context.Context, s *storage.Claim, args []any, dest ...any) error {
	c.calls = append(c.calls, "claim "+s.Into.Name)
	return c.Store.Claim(ctx, s, args, dest...)
}

func (c *counting) Apply(ctx context.Context, ops ...storage.Op) ([]int64, error) {
	c.calls = append(c.calls, "apply "+ops[0].Write.Table.Name)
	return c.Store.Apply(ctx, ops...)
}

// A shred reads the keys of the subject and nothing else, also with an audit log that
// names subjects by tokens.
func TestShredReadsTheKeysOnly(t *testing.T) {
	for _, audited := range []bool{false, true} {
		t.Run(fmt.Sprintf("audited %t", audited), func(t *testing.T) {
			ctx := t.Context()
			plain := memstore.New(nil).Tenant("acme")
			s := &counting{Store: plain}
			v := pseudonymtest.NewVault(t, s, pseudonymtest.NewKMS(), nil)
			if audited {
				log, err := audit.New(plain, &audit.Options{Tokeniser: v})
				require.NoError(t, err)
				v.AuditTo(log)
			}
			require.NoError(t, v.Ready(ctx))
			for _, subject := range []string{"c-1", "c-2", "c-3"} {
				_, err := v.Seal(ctx, subject, place, []byte("x"))
				require.NoError(t, err)
			}
			_, err := v.Token(ctx, "audit", "c-3")
			require.NoError(t, err)
			for _, subject := range []string{"c-1", "c-2", "c-3"} {
				s.calls = nil
				require.NoError(t, v.Shred(ctx, subject))
				require.Equal(t, []string{"apply gdpr_key", "scan gdpr_key", "apply gdpr_key_head"}, s.calls)
			}
		})
	}
}

// Another process shreds in between: the next shred meets its head and looks first, and
// after the next check nothing needs to be looked at again.
func TestShredAfterThatOfAnotherProcess(t *testing.T) {
	ctx := t.Context()
	s, kms := &counting{Store: memstore.New(nil).Tenant("acme")}, pseudonymtest.NewKMS()
	v := pseudonymtest.NewVault(t, s, kms, nil)
	w := pseudonymtest.NewVault(t, s, kms, nil)
	seal := func(subject string) {
		_, err := v.Seal(ctx, subject, place, []byte("x"))
		require.NoError(t, err)
	}
	claims := func() (n int) {
		for _, c := range s.calls {
			if c == "claim gdpr_key_head" {
				n++
			}
		}
		s.calls = nil
		return n
	}
	for _, subject := range []string{"c-1", "c-2", "c-3", "c-4", "c-5"} {
		seal(subject)
	}
	require.NoError(t, w.Ready(ctx))
	claims()
	require.NoError(t, v.Shred(ctx, "c-1"))
	require.Zero(t, claims())
	require.NoError(t, w.Shred(ctx, "c-2"))
	require.Equal(t, 1, claims(), "w expected another head")
	require.NoError(t, w.Shred(ctx, "c-3"))
	require.Equal(t, 1, claims(), "w expects nothing while others shred")
	w.Invalidate()
	require.NoError(t, w.Shred(ctx, "c-4"))
	require.Zero(t, claims())
	require.NoError(t, v.Shred(ctx, "c-5"))
	r, err := w.Report(ctx)
	require.NoError(t, err)
	require.Equal(t, pseudonym.Report{Fences: 5, Tombstones: 25}, pseudonym.Report{Fences: r.Fences, Tombstones: r.Tombstones})
	fresh := pseudonymtest.NewVault(t, s, kms, nil)
	require.NoError(t, fresh.Ready(ctx))
}
