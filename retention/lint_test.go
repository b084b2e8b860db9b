package retention

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/storage/memstore"
)

// dated is a source that only says what it delivers.
type dated struct {
	Source
	events []string
}

func (dated) Name() string        { return "crm" }
func (dated) Category() string    { return "c" }
func (s dated) DatedBy() []string { return s.events }

// undated does not say which dates it has.
type undated struct{ Source }

func (undated) Name() string     { return "other" }
func (undated) Category() string { return "c" }

// An event that is misspelt, or that the tables do not have, is told: nothing would
// ever be due, or a duty would never end.
func TestEngineLint(t *testing.T) {
	codes := func(sources ...Source) (codes []string) {
		s := build(t, rule("m", Maximum, "P1Y", "e", "f"))
		e, err := New(memstore.New(nil).Tenant("acme"), s, &Options{Sources: sources})
		require.NoError(t, err)
		for _, f := range e.Lint() {
			codes = append(codes, f.Code+" "+f.Rule)
		}
		return codes
	}
	require.Equal(t, []string{"no-source "}, codes())
	require.Equal(t, []string{"no-date m"}, codes(dated{events: []string{"E", "other"}}))
	require.Empty(t, codes(dated{events: []string{"f"}}))
	require.Empty(t, codes(dated{}, undated{}))
}
