package pseudonym_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/pseudonym"
)

func TestNormalisers(t *testing.T) {
	for _, c := range []struct {
		name     string
		f        pseudonym.Normaliser
		in, want string // want "": refused
	}{
		{"plain", pseudonym.NormaliseEmail, "ada@example.org", "ada@example.org"},
		{"spaces and domain", pseudonym.NormaliseEmail, " Ada.L+tag@EXAMPLE.Org\n", "Ada.L+tag@example.org"},
		{"dots and tags stay", pseudonym.NormaliseEmailFold, "Ada.L+Tag@Example.org", "ada.l+tag@example.org"},
		{"composed", pseudonym.NormaliseEmail, "zoe\u0308@example.org", "zo\u00eb@example.org"},
		{"umlaut domain", pseudonym.NormaliseEmail, "a@M\u00dcNCHEN.de", "a@m\u00fcnchen.de"},
		{"quoted at", pseudonym.NormaliseEmail, `"a@b"@Example.org`, `"a@b"@example.org`},
		{"no at", pseudonym.NormaliseEmail, "ada", ""},
		{"no local part", pseudonym.NormaliseEmail, "@example.org", ""},
		{"no domain", pseudonym.NormaliseEmail, "ada@", ""},
		{"control", pseudonym.NormaliseEmail, "ada\x00@example.org", ""},
		{"not UTF-8", pseudonym.NormaliseEmail, "\xff@example.org", ""},
		{"empty", pseudonym.NormaliseEmail, "", ""},
		{"E.164", pseudonym.NormalisePhone, "+31201234567", "+31201234567"},
		{"written", pseudonym.NormalisePhone, "+31 (0)20-123.45 67", "+31201234567"},
		{"double zero", pseudonym.NormalisePhone, "0031 20 1234567", "+31201234567"},
		{"national", pseudonym.NormalisePhone, "020 1234567", ""},
		{"letters", pseudonym.NormalisePhone, "+31 20 CALLME", ""},
		{"too long", pseudonym.NormalisePhone, "+1234567890123456", ""},
		{"too short", pseudonym.NormalisePhone, "+1234567", ""},
		{"zero country", pseudonym.NormalisePhone, "+0123456789", ""},
		{"exact", pseudonym.NormaliseExact, " NL 1234 ", "NL 1234"},
		{"exact empty", pseudonym.NormaliseExact, "  ", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.f(c.in)
			if c.want == "" {
				require.ErrorIs(t, err, gdpr.ErrInvalid)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got)
			again, err := c.f(got)
			require.NoError(t, err)
			require.Equal(t, got, again, "applied twice")
		})
	}
}

// Every character, in the local part and in the domain: the short way for printable
// ASCII gives what the long one does.
func TestNormaliseEmailOfEveryCharacter(t *testing.T) {
	for r := rune(0); r < 0x180; r++ {
		for _, s := range []string{"a" + string(r) + "b@example.org", "ab@exa" + string(r) + "mple.org"} {
			got, err := pseudonym.NormaliseEmail(s)
			if unicode.IsControl(r) {
				require.ErrorIs(t, err, gdpr.ErrInvalid, "%q", s)
				continue
			}
			require.NoError(t, err, "%q", s)
			at := strings.LastIndexByte(s, '@')
			require.Equal(t, norm.NFC.String(s[:at]+strings.ToLower(s[at:])), got)
		}
	}
}
