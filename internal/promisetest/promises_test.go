package promisetest

import (
	"context"
	"testing"

	"github.com/gdprkit/gdprkit/storage/memstore"
)

func TestPromises(t *testing.T) {
	Run(t, func(*testing.T) Place {
		db := memstore.New(nil)
		return Place{Directory: db, Host: func(ctx context.Context, f func(context.Context) error) error { return db.InTx(ctx, f) }}
	})
}
