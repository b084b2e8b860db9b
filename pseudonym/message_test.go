package pseudonym_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/pseudonym"
)

// A message names the argument that is wrong and says how to mend it.
func TestMessagesSayHowToMend(t *testing.T) {
	ctx := t.Context()
	v := newVault(t, nil)
	good, err := v.Seal(ctx, "c-7", place, []byte("x"))
	require.NoError(t, err)
	open := func(b []byte) error { _, err := v.Open(ctx, "c-7", place, b); return err }
	sealing := func(subject, place string, plain []byte) error {
		_, err := v.Seal(ctx, subject, place, plain)
		return err
	}
	for _, c := range []struct {
		name string
		err  error
		says []string
	}{
		{"UnknownVersion", open(append([]byte{9}, good[1:]...)), []string{"unknown version", "newer release", "damaged"}},
		{"Unsealed", open([]byte("ada@example.org")), []string{"not sealed", "Seal"}},
		{"TextForm", open([]byte(pseudonym.Text(good))), []string{"sealed", "ParseText"}},
		{"Stream", open(append([]byte{2}, good[1:]...)), []string{"stream", "OpenReader"}},
		{"EmptySubject", sealing("", place, nil), []string{"subject", "empty"}},
		{"MailAsSubject", sealing("ada@example.org", place, nil), []string{"subject", "@", "key"}},
		{"EmptyPlace", sealing("c-7", "", nil), []string{"place", "empty", "pseudonym.Place"}},
		{"CutPlace", sealing("c-7", "contacts", nil), []string{"place", "table.column/record"}},
		{"Oversized", sealing("c-7", place, bytes.Repeat([]byte("x"), pseudonym.MaxValue+1)),
			[]string{"plain", "16777217", "16777216", "SealReader"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Log(c.err)
			for _, word := range c.says {
				require.ErrorContains(t, c.err, word)
			}
		})
	}
}
