package dsartest

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/gdprkit/gdprkit/storage"
)

// Tap is a store that names each of its calls to Hook: reads and writes before they
// are carried out; of a transaction "begin", "commit" before the commit and
// "committed" after it.
type Tap struct {
	storage.Store
	Hook func(call string)
}

// InTx implements storage.Store.
func (s *Tap) InTx(ctx context.Context, f func(context.Context) error) error {
	s.Hook("begin")
	err := s.Store.InTx(ctx, func(ctx context.Context) error {
		err := f(ctx)
		if err == nil {
			s.Hook("commit")
		}
		return err
	})
	if err == nil {
		s.Hook("committed")
	}
	return err
}

// Get implements storage.Store.
func (s *Tap) Get(ctx context.Context, q *storage.Select, args []any, dest ...any) error {
	s.Hook("get " + q.From.Name)
	return s.Store.Get(ctx, q, args, dest...)
}

// Scan implements storage.Store.
func (s *Tap) Scan(ctx context.Context, q *storage.Select, args []any) iter.Seq2[storage.Row, error] {
	s.Hook("scan " + q.From.Name)
	return s.Store.Scan(ctx, q, args)
}

// Claim implements storage.Store.
func (s *Tap) Claim(ctx context.Context, c *storage.Claim, args []any, dest ...any) error {
	s.Hook("claim " + c.Into.Name)
	return s.Store.Claim(ctx, c, args, dest...)
}

// Apply implements storage.Store.
func (s *Tap) Apply(ctx context.Context, ops ...storage.Op) ([]int64, error) {
	var b strings.Builder
	for _, op := range ops {
		fmt.Fprintf(&b, " %d:%s", op.Write.Verb, op.Write.Table.Name)
	}
	s.Hook("apply" + b.String())
	return s.Store.Apply(ctx, ops...)
}
