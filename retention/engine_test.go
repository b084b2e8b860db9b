package retention_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/retentiontest"
	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

func TestScenarios(t *testing.T) {
	retentiontest.Run(t, func(*testing.T) storage.Directory { return memstore.New(nil) })
}

func TestScenariosWithConflicts(t *testing.T) {
	retentiontest.Run(t, func(*testing.T) storage.Directory {
		return memstore.New(&memstore.Options{ConflictEvery: 2, Retries: 1000})
	})
}

func TestNew(t *testing.T) {
	store := memstore.New(nil).Tenant("acme")
	s, err := retention.ParseSchedule([]byte(retentiontest.Plain))
	require.NoError(t, err)
	host := &retentiontest.Host{Store: store}
	for _, o := range []retention.Options{
		{BatchRows: 10_001}, {BatchRows: -1}, {Shards: 65}, {Lease: time.Microsecond}, {PlanFor: -1},
		{Sources: []retention.Source{host, host}}, {Sources: []retention.Source{letters{host}}},
	} {
		e, err := retention.New(store, s, &o)
		require.ErrorIs(t, err, gdpr.ErrInvalid, "%+v", o)
		require.Nil(t, e)
	}
	purposes, err := retention.ParseSchedule([]byte(`{"version":"1","country":"DE","timeZone":"UTC","rules":[
	 {"id":"n","category":"invoice","kind":"maximum","purposes":["newsletter"],"ground":"GDPR art. 6(1)(a)"}]}`))
	require.NoError(t, err)
	_, err = retention.New(store, purposes, &retention.Options{Sources: []retention.Source{host}})
	require.ErrorIs(t, err, gdpr.ErrInvalid, "nobody could say that a purpose has lapsed")
	_, err = retention.New(nil, s, nil)
	require.ErrorIs(t, err, gdpr.ErrInvalid)
	_, err = retention.New(store, nil, nil)
	require.ErrorIs(t, err, gdpr.ErrInvalid)
	_, err = retention.New(store, s, nil)
	require.NoError(t, err)
}

// An error comes without a plan, whatever it is.
func TestOpenFails(t *testing.T) {
	store := memstore.New(nil).Tenant("acme")
	s, err := retention.ParseSchedule([]byte(retentiontest.Plain))
	require.NoError(t, err)
	e, err := retention.New(store, s, nil)
	require.NoError(t, err)
	p, err := e.Open(t.Context(), "none")
	require.ErrorIs(t, err, retention.ErrNotFound)
	require.Nil(t, p)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	p, err = e.Open(gone, "none")
	require.ErrorIs(t, err, context.Canceled)
	require.Nil(t, p)
}

type letters struct{ *retentiontest.Host }

func (letters) Category() string { return "letters" }
