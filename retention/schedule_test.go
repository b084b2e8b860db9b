package retention

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
)

func schedule(t testing.TB, country, yearEnd string, rules ...Rule) *Schedule {
	t.Helper()
	s, err := NewSchedule(Definition{Version: "test", Country: country, TimeZone: "Europe/Amsterdam", YearEnd: yearEnd, Rules: rules})
	require.NoError(t, err)
	return s
}

func period(s string) Period {
	p, err := ParsePeriod(s)
	if err != nil {
		panic(err)
	}
	return p
}

func day(s string) Date {
	d, err := ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

// min7 is a duty and max2 a purpose, both from "issued".
func rule(id string, kind Kind, p string, events ...string) Rule {
	return Rule{ID: id, Category: "c", Kind: kind, Period: period(p), Start: Start{Events: events}, Ground: "ground of " + id, Reason: "claims"}
}

func TestVectors(t *testing.T) {
	text, err := os.ReadFile("testdata/vectors.json")
	require.NoError(t, err)
	var file struct {
		Vectors []struct {
			ID, Rule string
			Input    map[string]any
			Start    string `json:"period_start"`
			Last     string `json:"last_day_kept"`
			From     string `json:"delete_from"`
		}
	}
	require.NoError(t, json.Unmarshal(text, &file))
	require.Len(t, file.Vectors, 17)
	for _, v := range file.Vectors {
		t.Run(v.ID, func(t *testing.T) {
			yearEnd := ""
			var event Date
			for name, value := range v.Input {
				if name == "year" {
					event = day(fmt.Sprintf("%v-06-01", value))
					continue
				}
				event = day(value.(string))
				if name == "business_year_end" {
					yearEnd = value.(string)[5:]
				}
			}
			r := Rule{ID: "r", From: v.Rule, Reason: "test"}
			if v.Rule == "BE-tax" { // to be checked again, so shipped disabled
				_, err := NewSchedule(Definition{Version: "1", Country: "BE", TimeZone: "UTC", Rules: []Rule{r}})
				require.ErrorContains(t, err, "re-check")
				r.Confirmed = "test"
			}
			s := schedule(t, v.Rule[:2], yearEnd, r)
			c := s.Rules(s.Categories()[0])[0]
			require.Equal(t, v.Start, s.start(&c, event).String())
			dates := map[string]time.Time{c.Start.Events[0]: event.Start(s.Location()).Add(12 * time.Hour)}
			free := day(v.From).Start(s.Location())
			d, err := s.Evaluate(c.Category, dates, free.Add(-time.Second))
			require.NoError(t, err)
			require.Equal(t, Active, d.State)
			require.Equal(t, free, d.Until().In(s.Location()))
			require.Equal(t, v.Last, day(v.From).AddDays(-1).String())
			next, state := d.Next()
			require.True(t, next.Equal(free))
			require.Equal(t, Due, state)
			d, err = s.Evaluate(c.Category, dates, free)
			require.NoError(t, err)
			require.Equal(t, Due, d.State)
			require.Equal(t, Erase, d.Action())
			require.Equal(t, c.Ground, d.Ground())
		})
	}
}

func TestPeriodTable(t *testing.T) {
	f, err := os.Open("testdata/periods.csv")
	require.NoError(t, err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	require.Greater(t, len(rows), 301)
	for i, row := range rows[1:] {
		name := fmt.Sprintf("line %d (%s)", i+2, strings.Join(row, " "))
		r := rule("r", Maximum, row[5], "e")
		r.Start.Anchor = Anchor(row[3])
		s, err := NewSchedule(Definition{Version: "1", Country: "NL", TimeZone: row[1], YearEnd: row[2], Rules: []Rule{r}})
		require.NoError(t, err, name)
		event, err := time.Parse(time.RFC3339, row[4])
		require.NoError(t, err)
		free, err := time.Parse(time.RFC3339, row[7])
		require.NoError(t, err)
		dates := map[string]time.Time{"e": event}
		before, err := s.Evaluate("c", dates, free.Add(-time.Microsecond))
		require.NoError(t, err)
		require.Equal(t, Active, before.State, name)
		require.True(t, before.Until().Equal(free), "%s: until %s", name, before.Until())
		after, err := s.Evaluate("c", dates, free)
		require.NoError(t, err)
		require.Equal(t, Due, after.State, name)
	}
}

func TestLawsThatChange(t *testing.T) {
	de := schedule(t, "DE", "", Rule{ID: "v", From: "DE-voucher"})
	be := schedule(t, "BE", "", Rule{ID: "t", From: "BE-tax", Confirmed: "test"}, Rule{ID: "i", From: "BE-invoice", Confirmed: "test"})
	for _, c := range []struct {
		s               *Schedule
		category, event string
		at, date        string
		want            State
	}{
		{de, "voucher", "created", "2024-12-31", "2014-07-01", Active}, // ten years, last day
		{de, "voucher", "created", "2025-01-01", "2014-07-01", Due},
		{de, "voucher", "created", "2024-12-31", "2015-07-01", Active}, // ten years would end in 2025
		{de, "voucher", "created", "2025-01-01", "2015-07-01", Due},    // eight since 2025
		{de, "voucher", "created", "2025-12-31", "2017-06-30", Active},
		{de, "voucher", "created", "2026-01-01", "2017-06-30", Due},
		{be, "tax", "booked", "2028-12-31", "2021-05-01", Active}, // 7 years
		{be, "tax", "booked", "2029-01-01", "2021-05-01", Due},
		{be, "tax", "booked", "2032-12-31", "2022-05-01", Active}, // 10 years
		{be, "tax", "booked", "2033-01-01", "2022-05-01", Due},
		{be, "invoice", "issued", "2029-12-31", "2022-12-31", Active},
		{be, "invoice", "issued", "2030-01-01", "2022-12-31", Due},
		{be, "invoice", "issued", "2030-01-01", "2023-01-01", Active},
		{be, "invoice", "issued", "2033-12-31", "2023-01-01", Active},
		{be, "invoice", "issued", "2034-01-01", "2023-01-01", Due},
	} {
		d, err := c.s.Evaluate(c.category, map[string]time.Time{c.event: day(c.date).Start(c.s.Location())}, day(c.at).Start(c.s.Location()))
		require.NoError(t, err)
		require.Equal(t, c.want, d.State, "%+v", c)
	}
}

func TestFormula(t *testing.T) {
	duty := rule("duty", Minimum, "P10Y", "issued")
	duty.Fields = []string{"number", "amount"}
	use := rule("use", Maximum, "P2Y", "last_contact")
	block := rule("block", Maximum, "P1Y", "last_contact")
	block.Then = Block
	check := rule("check", Maximum, "P6M", "verified")
	check.Then = Review
	claim := rule("claim", Limitation, "P5Y", "last_contact")
	fallback := rule("fallback", Maximum, "P1D", "issued")
	fallback.Level = Default
	law := rule("law", Maximum, "P3Y", "issued")
	law.Level = Statutory
	for _, c := range []struct {
		name   string
		rules  []Rule
		dates  string // event=date ...
		facts  Facts
		at     string
		state  State
		action Action
		rule   string
		until  string
	}{
		{"running", []Rule{duty, use}, "issued=2020-01-01 last_contact=2020-01-01", Facts{}, "2021-01-01", Active, Nothing, "duty", "2030-01-02"},
		{"blocked", []Rule{duty, use}, "issued=2020-01-01 last_contact=2020-01-01", Facts{}, "2022-01-02", Blocked, Block, "duty", "2030-01-02"},
		{"duty over, purpose over", []Rule{duty, use}, "issued=2020-01-01 last_contact=2020-01-01", Facts{}, "2030-01-02", Due, Erase, "use", "2022-01-02"},
		{"duty over, purpose runs", []Rule{duty, use}, "issued=2020-01-01 last_contact=2029-12-31", Facts{}, "2030-01-02", Active, Nothing, "use", "2032-01-01"},
		{"duty only", []Rule{duty}, "issued=2020-01-01", Facts{}, "2030-01-02", Due, Erase, "duty", "2030-01-02"},
		{"start of the duty unknown", []Rule{duty, use}, "last_contact=2000-01-01", Facts{}, "2030-01-02", Blocked, Block, "duty", ""},
		{"start of the purpose unknown", []Rule{use}, "", Facts{}, "2030-01-02", Active, Nothing, "use", ""},
		{"stop wins", []Rule{use}, "last_contact=2000-01-01", Facts{Stop: "A18-1-c"}, "2030-01-02", Stopped, Nothing, "", ""},
		{"lapsed", []Rule{duty, withPurpose(use)}, "issued=2000-01-01", Facts{Lapsed: true}, "2030-01-02", Due, Erase, "use", ""},
		{"lapsed inside a duty", []Rule{duty, withPurpose(use)}, "issued=2029-01-01", Facts{Lapsed: true}, "2030-01-02", Blocked, Block, "duty", "2039-01-02"},
		{"asked for", []Rule{duty, use}, "issued=2000-01-01", Facts{Asked: true}, "2030-01-02", Due, Erase, "", ""},
		{"asked for inside a duty", []Rule{duty, use}, "issued=2029-01-01", Facts{Asked: true}, "2030-01-02", Blocked, Block, "duty", "2039-01-02"},
		{"block first", []Rule{block, use}, "last_contact=2028-06-01", Facts{}, "2029-06-02", Blocked, Block, "block", "2029-06-02"},
		{"then erase", []Rule{block, use}, "last_contact=2028-01-01", Facts{}, "2030-01-02", Due, Erase, "use", "2030-01-02"},
		{"review", []Rule{check, use}, "verified=2029-01-01 last_contact=2029-12-01", Facts{}, "2030-01-02", Active, Review, "check", "2029-07-02"},
		{"claims hold back", []Rule{claim, use}, "last_contact=2027-01-01", Facts{}, "2030-01-02", Blocked, Block, "claim", "2032-01-02"},
		{"a statutory maximum goes before claims", []Rule{claim, law}, "issued=2026-01-01 last_contact=2027-01-01", Facts{}, "2030-01-02", Due, Erase, "law", "2029-01-02"},
		{"a statutory maximum waits for a duty", []Rule{duty, claim, law}, "issued=2026-01-01 last_contact=2027-01-01", Facts{}, "2030-01-02", Blocked, Block, "duty", "2036-01-02"},
		{"a default yields", []Rule{fallback, use}, "issued=2000-01-01 last_contact=2029-01-01", Facts{}, "2030-01-02", Active, Nothing, "use", "2031-01-02"},
		{"a default alone counts", []Rule{fallback}, "issued=2000-01-01", Facts{}, "2030-01-02", Due, Erase, "fallback", "2000-01-03"},
		{"the latest known start counts", []Rule{rule("m", Maximum, "P1Y", "a", "b")}, "a=2020-01-01 b=2029-06-01", Facts{}, "2030-01-02", Active, Nothing, "m", "2030-06-02"},
		{"an unknown second start", []Rule{rule("m", Maximum, "P1Y", "a", "b")}, "a=2020-01-01", Facts{}, "2030-01-02", Due, Erase, "m", "2021-01-02"},
		{"before 1970", []Rule{rule("m", Maximum, "P1Y", "a", "b")}, "a=1960-01-01", Facts{}, "2030-01-02", Due, Erase, "m", "1961-01-02"},
		{"without end", []Rule{{ID: "never", Category: "c", Kind: Minimum, NoEnd: true, Ground: "g"}, use}, "last_contact=2000-01-01", Facts{}, "2030-01-02", Blocked, Block, "never", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := schedule(t, "NL", "", c.rules...)
			at := day(c.at).Start(s.Location())
			cond, err := s.On(at).Condition("c")
			require.NoError(t, err)
			dates := map[string]time.Time{}
			for _, pair := range strings.Fields(c.dates) {
				name, value, _ := strings.Cut(pair, "=")
				dates[name] = day(value).Start(s.Location())
			}
			f := cond.Facts(dates)
			f.Stop, f.Lapsed, f.Asked = c.facts.Stop, c.facts.Lapsed, c.facts.Asked
			d := cond.Evaluate(&f)
			require.Equal(t, c.state.String(), d.State.String())
			require.Equal(t, c.action, d.Action())
			if c.rule == "" {
				require.Nil(t, d.Rule())
			} else {
				require.Equal(t, c.rule, d.Rule().ID)
			}
			require.NotEmpty(t, d.Ground())
			if c.until == "" {
				require.Zero(t, d.Until())
			} else {
				require.Equal(t, c.until, d.Until().Format(time.DateOnly))
			}
			if c.state == Blocked && c.rule == "duty" && len(c.rules) == 2 {
				fields, all := d.Keep()
				require.False(t, all)
				require.Equal(t, []string{"amount", "number"}, fields)
			}
		})
	}
}

func withPurpose(r Rule) Rule {
	r.Purposes = []string{"newsletter"}
	return r
}

func TestUnknownCategory(t *testing.T) {
	_, err := schedule(t, "NL", "", rule("r", Maximum, "P1Y", "e")).Evaluate("letters", nil, time.Now())
	require.ErrorIs(t, err, ErrUnknownCategory)
	require.ErrorIs(t, err, gdpr.ErrInvalid)
}
