package promisetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit"
	"github.com/gdprkit/gdprkit/internal/retentiontest"
	"github.com/gdprkit/gdprkit/storage"
)

// act calls the method with arguments that it accepts, on the kit that it was made
// for and on that of another tenant.
type act func(ctx context.Context, k *gdprkit.Kit) (any, error)

// A promise is what a method does about a transaction.
type promise uint8

const (
	writes  promise = iota // in the host's transaction
	reads                  // also there, and changes nothing
	alone                  // writes, and refuses a transaction with storage.ErrInTx
	looks                  // reads, and refuses a transaction
	nothing                // touches no store, or is tested elsewhere
)

// method is the case of one method.
type method struct {
	promise
	ready func(h *house) act // prepares the house; nil with nothing
}

// Run checks every method.
func Run(t *testing.T, open func(t *testing.T) Place) {
	list := methods()
	t.Run("Complete", func(t *testing.T) { complete(t, list) })
	place := open(t)
	for _, name := range slices.Sorted(maps.Keys(list)) {
		m := list[name]
		if m.promise == nothing {
			continue
		}
		t.Run(name, func(t *testing.T) { place.check(t, m) })
	}
}

func methods() map[string]method {
	all := map[string]method{}
	for _, part := range []map[string]method{logMethods, vaultMethods, ledgerMethods, engineMethods, deskMethods} {
		maps.Copy(all, part)
	}
	return all
}

// complete holds the cases against the methods that there are.
func complete(t *testing.T, list map[string]method) {
	var exported []string
	kit := reflect.TypeFor[gdprkit.Kit]()
	for i := range kit.NumField() {
		if f := kit.Field(i); f.IsExported() {
			for j := range f.Type.NumMethod() {
				exported = append(exported, f.Name+"."+f.Type.Method(j).Name)
			}
		}
	}
	slices.Sort(exported)
	require.Equal(t, exported, slices.Sorted(maps.Keys(list)))
}

var errRollback = errors.New("the host rolls back")

func (p Place) check(t *testing.T, m method) {
	h, other := p.open(t, true), p.open(t, false)
	do := m.ready(h)
	before := h.dump()

	err := p.Host(h.ctx, func(ctx context.Context) error {
		if _, err := do(ctx, h.Kit); m.promise == alone || m.promise == looks {
			require.ErrorIs(t, err, storage.ErrInTx)
		} else {
			require.NoError(t, err)
		}
		return errRollback
	})
	require.ErrorIs(t, err, errRollback)
	require.Empty(t, changed(before, h.dump()), "after a rollback")

	// What the other tenant answers must not depend on the first one, and an error is
	// an answer too.
	answer, err := do(h.ctx, other.Kit)
	require.Empty(t, changed(before, h.dump()), "of the other tenant")
	text, _ := json.Marshal(answer)
	told := fmt.Sprintf("%+v %s %v", answer, text, err)
	require.NotContains(t, told, ada)
	require.NotContains(t, told, address)

	key := new(keying)
	commit := func() (answer any, err error) {
		ctx := context.WithValue(h.ctx, keying{}, key)
		if m.promise == alone || m.promise == looks {
			return do(ctx, h.Kit)
		}
		err = p.Host(ctx, func(ctx context.Context) (err error) {
			answer, err = do(ctx, h.Kit)
			return err
		})
		return answer, err
	}
	answer, err = commit()
	require.NoError(t, err)
	after := h.dump()
	diff := changed(before, after)
	switch m.promise {
	case reads, looks:
		require.Empty(t, diff, "by a reading method")
	case writes:
		require.NotEmpty(t, diff, "after a commit")
	}
	for _, line := range diff {
		require.True(t, strings.Contains(line, retentiontest.Invoice.Name) || !strings.Contains(line, ada), "in clear: %s", line)
	}

	if !key.taken {
		return
	}
	h.pass(time.Minute)
	again, err := commit()
	require.NoError(t, err, "repeated with its key")
	require.Empty(t, changed(after, h.dump()), "repeated with its key")
	require.Equal(t, inJSON(t, answer), inJSON(t, again), "repeated with its key")
}

func inJSON(t *testing.T, answer any) string {
	t.Helper()
	text, err := json.MarshalIndent(answer, "", " ")
	require.NoError(t, err)
	return string(text)
}

// keying hands a case the idempotency key of a call, and learns whether it takes one.
type keying struct{ taken bool }

// keyOf returns the idempotency key for a call with ctx, if any.
func keyOf(ctx context.Context) string {
	k, ok := ctx.Value(keying{}).(*keying)
	if !ok {
		return ""
	}
	k.taken = true
	return "key-1"
}
