package storage

import "context"

// TxKey is the context key under which a store keeps its transaction. DB is the
// address of the database, so that a store joins only the transaction of its own.
type TxKey struct{ DB any }

type hooksKey struct{}

// Hooks collects what is to run after an owned transaction has committed. Stores
// put one into the context ([WithHooks]) for each attempt and call [Hooks.Run]
// after the commit.
type Hooks struct{ fs []func() }

// WithHooks returns a context for one attempt of an owned transaction.
func WithHooks(ctx context.Context) (context.Context, *Hooks) {
	h := new(Hooks)
	return context.WithValue(ctx, hooksKey{}, h), h
}

// WithoutHooks returns a context in which [AfterCommit] reports false: the
// transaction belongs to the host and nobody sees its commit.
func WithoutHooks(ctx context.Context) context.Context {
	return context.WithValue(ctx, hooksKey{}, (*Hooks)(nil))
}

// Run calls the functions in the order in which they were given.
func (h *Hooks) Run() {
	for _, f := range h.fs {
		f()
	}
}

// AfterCommit has f called once, after the innermost transaction that a store
// began has committed, in the goroutine that called InTx. An attempt that is
// rolled back forgets its functions. It reports false, and does nothing, when ctx
// holds no such transaction: with a transaction of the host nobody here sees the
// commit.
func AfterCommit(ctx context.Context, f func()) bool {
	h, _ := ctx.Value(hooksKey{}).(*Hooks)
	if h == nil {
		return false
	}
	h.fs = append(h.fs, f)
	return true
}

// Detach returns a context that keeps the values of ctx but none of its
// transactions, deadline or cancellation, for a goroutine that outlives the call.
func Detach(ctx context.Context) context.Context {
	return detached{context.WithoutCancel(ctx)}
}

type detached struct{ context.Context }

func (d detached) Value(key any) any {
	switch key.(type) {
	case TxKey, hooksKey:
		return nil
	}
	return d.Context.Value(key)
}
