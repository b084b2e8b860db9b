package pseudonym_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/pseudonymtest"
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// What Place is given must come back as it was: a table with a schema before it, or a
// column with a slash, would be another cell, and perhaps of another compartment.
func TestPlacesThatWouldBeOthers(t *testing.T) {
	v := pseudonymtest.NewVault(t, memstore.New(nil).Tenant("acme"), pseudonymtest.NewKMS(), nil)
	for _, p := range []string{
		pseudonym.Place("crm.contacts", "email", "7"), pseudonym.Place("contacts", "email/7", "8"),
		pseudonym.Place("contacts/x", "email", "7"), pseudonym.Place("", "email", "7"),
		pseudonym.Place("contacts", "", "7"), pseudonym.Place("contacts", "email", ""),
	} {
		_, err := v.Seal(t.Context(), "c-1", p, nil)
		require.ErrorIs(t, err, gdpr.ErrInvalid, p)
	}
	for _, p := range []string{pseudonym.Place("contacts", "data.email", "7"), pseudonym.Place("contacts", "email", "7/8.9")} {
		_, err := v.Seal(t.Context(), "c-1", p, nil)
		require.NoError(t, err, p)
	}
	for _, rule := range []string{"", "contacts/email", ".email", "contacts."} {
		_, err := pseudonym.New(memstore.New(nil).Tenant("acme"), pseudonymtest.NewKMS(),
			&pseudonym.Options{Compartments: map[string]string{rule: pseudonym.Proof}})
		require.ErrorIs(t, err, gdpr.ErrInvalid, "%q matches no place", rule)
	}
}

// Who takes what is kept for further subjects is told so without their names.
func TestKeepIsNotNamedInErrors(t *testing.T) {
	v := pseudonymtest.NewVault(t, memstore.New(nil).Tenant("acme"), pseudonymtest.NewKMS(), nil)
	err := v.Shred(t.Context(), "c-1", "c-2")
	require.ErrorIs(t, err, gdpr.ErrInvalid)
	require.NotContains(t, err.Error(), "c-2")
}
