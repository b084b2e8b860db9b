package consent

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
)

func TestAgeTable(t *testing.T) {
	doc, err := os.ReadFile("data/age.json")
	require.NoError(t, err)
	var want struct{ Ages []AgeRule }
	require.NoError(t, json.Unmarshal(doc, &want))
	require.Equal(t, want.Ages, Ages())
	require.Len(t, Ages(), 31)
	for _, r := range Ages() {
		require.Contains(t, []string{"statute-read", "secondary", "unconfirmed"}, r.Confidence, r.Country)
	}
	table, err := newAgeTable(nil)
	require.NoError(t, err)
	p := &Purpose{MinAge: map[string]int{"AT": 15}}
	date := func(s string) time.Time { d, _ := time.Parse(time.DateOnly, s); return d }
	for _, c := range []struct {
		country, day string
		age          int
	}{
		{"BE", "2026-01-01", 13}, {"NL", "2026-01-01", 16}, {"DE", "2026-01-01", 16}, {"FR", "2026-01-01", 15}, {"IT", "2026-01-01", 14},
		{"DK", "2023-12-31", 13}, {"DK", "2024-01-01", 15}, {"SI", "2023-01-25", 16}, {"SI", "2023-01-26", 15},
		{"UK", "2026-01-01", 13}, {"GB", "2026-01-01", 13}, {"", "2026-01-01", 16}, {"ZZ", "2026-01-01", 16}, {"AT", "2026-01-01", 15},
	} {
		require.Equal(t, c.age, table.threshold(p, c.country, date(c.day)), "%s on %s", c.country, c.day)
	}
	_, err = newAgeTable([]AgeRule{{Country: "NL", Age: 12}})
	require.ErrorIs(t, err, gdpr.ErrInvalid)
}

func TestAgeIsReachedAtTheStartOfTheDay(t *testing.T) {
	on := time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)
	require.Equal(t, 12, ageAt(12, on, time.Date(2025, 2, 28, 23, 59, 59, 0, time.UTC)))
	require.Equal(t, 13, ageAt(12, on, time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)), "1 March in common years, the safe side")
	require.Equal(t, 16, ageAt(12, on, time.Date(2028, 2, 29, 0, 0, 0, 0, time.UTC)))
	require.Equal(t, 0, ageAt(0, on, on.AddDate(9, 0, 0)))
}

func TestContactRulesAreDatedAndOverridable(t *testing.T) {
	for _, r := range ContactRules() {
		require.NotEmpty(t, r.Source)
		_, err := time.Parse(time.DateOnly, r.Checked)
		require.NoError(t, err)
		require.Contains(t, []string{"statute-read", "secondary", "unconfirmed"}, r.Confidence)
	}
	own := ContactRule{Country: "NL", Channel: "email", Addressee: "business_contact", Relation: "*", Rule: OptOut, Source: "counsel", Checked: "2026-12-01"}
	table, err := newContactTable([]ContactRule{own}, nil)
	require.NoError(t, err)
	require.Equal(t, OptOut, table.regime("NL", "email", BusinessContact, "", day(0)))
	own.Rule = "whatever"
	_, err = newContactTable([]ContactRule{own}, nil)
	require.ErrorIs(t, err, gdpr.ErrInvalid)
	charity, err := newContactTable(nil, []string{"charity"})
	require.NoError(t, err)
	require.Equal(t, CustomerRule, charity.regime("NL", "phone", Consumer, "customer", day(200)))
	require.Equal(t, OptIn, charity.regime("SE", "messenger", Consumer, "", day(0)), "an electronic channel without a row")
	require.Equal(t, NoRegime, charity.regime("SE", "counter", Consumer, "", day(0)))
}

// What could not be confirmed denies, says so, and gives way to a row of the host.
func TestUnconfirmedContactRulesDenyAndSaySo(t *testing.T) {
	for _, r := range ContactRules() {
		if r.Confidence == "unconfirmed" || r.Strict {
			require.Equal(t, OptIn, r.Rule, r.Source)
			require.True(t, r.Strict, r.Source)
		}
	}
	held := func(edit func(*Options), country string) Decision {
		b := open(t, edit)
		_, err := b.Describe(ctx, Person{Subject: "c-1", Country: country, At: day(1)})
		require.NoError(t, err)
		_, err = b.Establish(ctx, Act{Subject: "c-1", Purpose: "offers", Channel: "email", At: day(1), Ground: ExistingCustomer, Reference: "order-1"})
		require.NoError(t, err)
		return b.check(t, "c-1", "offers", "email")
	}
	says := func(d Decision) bool {
		return slices.ContainsFunc(d.Chain, func(s Step) bool { return s.Code == ContactStrict && !s.Denies })
	}
	for _, country := range []string{"LU", "AT"} {
		d := held(nil, country)
		require.False(t, d.Allowed, country)
		require.True(t, says(d), country)
		d = held(func(o *Options) {
			o.ContactRules = []ContactRule{{Country: country, Channel: "email", Addressee: "*", Relation: "customer", Rule: CustomerRule, Source: "counsel"}}
		}, country)
		require.True(t, d.Allowed, country)
		require.False(t, says(d), country)
	}
	d := held(nil, "NL")
	require.True(t, d.Allowed)
	require.False(t, says(d))
}

func TestStaleRowsAreAFinding(t *testing.T) {
	c, err := NewCatalogue()
	require.NoError(t, err)
	require.Empty(t, c.Lint(day(0)))
	require.Len(t, c.Lint(day(2000)), len(ContactRules()))
}

func TestCatalogueFromJSON(t *testing.T) {
	doc, err := json.Marshal(map[string]any{"purposes": fixture()})
	require.NoError(t, err)
	c, err := ParseCatalogue(doc)
	require.NoError(t, err)
	want, err := NewCatalogue(fixture()...)
	require.NoError(t, err)
	require.Equal(t, want, c)
	for bad, where := range map[string]string{
		`{`:               "Catalogue",
		`{"purposes":{}}`: "Catalogue/purposes",
		`{"purposes":[{"id":"a","version":1,"basis":"A6-1-g"}]}`:                           "/purposes/0/basis",
		`{"purposes":[{"id":"a","version":1,"basis":"A6-1-b","colour":"red"}]}`:            "/purposes/0",
		`{"purposes":[{"id":"A B","version":1,"basis":"A6-1-b"}]}`:                         "/purposes/0/id",
		`{"purposes":[{"id":"a","version":1,"basis":"A6-1-b","since":"tomorrow"}]}`:        "/purposes/0/since",
		`{"purposes":[{"id":"a","version":1,"basis":"A6-1-b","validity":"P1X"}]}`:          "Validity",
		`{"purposes":[{"id":"a","version":1,"basis":"A6-1-a"}]}`:                           "Texts",
		`{"purposes":[{"id":"a","version":1,"basis":"A6-1-b","minAge":{"NL":12}}]}`:        "minAge",
		`{"purposes":[{"id":"a","version":1,"basis":"A6-1-b","$ref":"http://x.example"}]}`: "/purposes/0",
	} {
		_, err := ParseCatalogue([]byte(bad))
		require.ErrorIs(t, err, gdpr.ErrInvalid, bad)
		require.ErrorContains(t, err, where, bad)
	}
}

func FuzzParseCatalogue(f *testing.F) {
	doc, err := json.Marshal(map[string]any{"purposes": fixture()[:3]})
	require.NoError(f, err)
	f.Add(doc)
	f.Add([]byte(`{"purposes":[]}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		c, err := ParseCatalogue(doc)
		if err == nil {
			c.Lint(day(0))
		} else {
			require.ErrorIs(t, err, gdpr.ErrInvalid)
		}
	})
}

// No other spelling of a token is taken for it.
func FuzzTokens(f *testing.F) {
	b := open(f, nil)
	link, err := b.WithdrawalLink(ctx, "c-1", "news", "email")
	require.NoError(f, err)
	p, err := b.Request(ctx, giving("c-1", "optin", "email", 1))
	require.NoError(f, err)
	good := string(p.Token.Reveal())
	f.Add(uint8(4), uint8('A'), "")
	f.Add(uint8(46), uint8('B'), "x")
	f.Add(uint8(0), uint8('g'), "=")
	f.Add(uint8(0), uint8('g'), "\r\n")
	f.Fuzz(func(t *testing.T, at, to uint8, tail string) {
		alter := func(s string) string {
			c := []byte(s)
			c[int(at)%len(c)] = to
			return string(c) + tail
		}
		if s := alter(link); s != link {
			require.ErrorIs(t, b.Unsubscribe(ctx, s), ErrToken)
		}
		if s := alter(good); s != good {
			_, err := b.Confirm(ctx, s, nil)
			require.ErrorIs(t, err, ErrToken)
		}
		require.ErrorIs(t, b.Unsubscribe(ctx, tail), ErrToken)
	})
}
