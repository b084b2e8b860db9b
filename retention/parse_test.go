package retention

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
)

const good = `{"version":"1","country":"DE","timeZone":"Europe/Berlin","rules":[
 {"id":"duty","from":"DE-invoice","category":"invoice","fields":["number","amount"]},
 {"id":"use","category":"invoice","kind":"maximum","period":"P2Y","start":{"events":["last_contact"]},"ground":"GDPR art. 6(1)(b)","basis":"b"}]}`

func TestParse(t *testing.T) {
	s, err := ParseSchedule([]byte(good))
	require.NoError(t, err)
	require.Equal(t, []string{"invoice"}, s.Categories())
	r := s.Rules("invoice")[0]
	require.Equal(t, "P8Y", r.Period.String())
	require.Equal(t, Statutory, r.Level)
	require.Equal(t, "UStG § 14b(1)", r.Ground)
	require.Len(t, s.Hash(), 64)
}

func TestParseFaults(t *testing.T) {
	one := func(rule string) string {
		return `{"version":"1","country":"DE","timeZone":"Europe/Berlin","rules":[` + rule + `]}`
	}
	use := `{"id":"u","category":"c","kind":"maximum","period":"P2Y","start":{"events":["e"]},"ground":"g"`
	for _, c := range []struct{ name, text, pointer, rule, reason string }{
		{"no JSON", `{`, "/", "", "not JSON"},
		{"two documents", good + good, "/", "", "follows"},
		{"no rules", one(``), "/rules", "", "minimum 1"},
		{"unknown member", one(use + `,"perios":"P1Y"}`), "/rules/0", "u", "perios"},
		{"unknown period", one(strings.Replace(use, "P2Y", "2 years", 1) + `}`), "/rules/0/period", "u", `"2 years" is not a period: write whole years, months, weeks or days of ISO 8601, such as "P7Y"`},
		{"fraction", one(strings.Replace(use, "P2Y", "P1.5Y", 1) + `}`), "/rules/0/period", "u", `"P1.5Y" is not a period`},
		{"unknown start rule", one(strings.Replace(use, `"events"`, `"anchor":"end_of_week","events"`, 1) + `}`), "/rules/0/start/anchor", "u", `"end_of_week" must be one of "event", "end_of_calendar_year"`},
		{"no ground", one(strings.Replace(use, `,"ground":"g"`, ``, 1) + `}`), "/rules/0", "u", "missing properties: 'ground': a rule needs kind and ground, or from"},
		{"unknown action", one(use + `,"then":"shred"}`), "/rules/0/then", "u", `"shred" must be one of "erase"`},
		{"no start", one(`{"id":"u","category":"c","kind":"maximum","period":"P2Y","ground":"g"}`), "/rules/0/start/events", "u", "no event"},
		{"same id", one(use + `},` + use + `}`), "/rules/1/id", "u", "/rules/0"},
		{"contradiction", one(use + `},` + strings.Replace(use, `"u"`, `"v"`, 1) + `,"then":"mask"}`), "/rules/1/then", "v", `"mask" contradicts "erase" of /rules/0 (u)`},
		{"anonymise", one(use + `,"then":"anonymise"}`), "/rules/0/assessment", "u", "mask"},
		{"limitation", one(strings.Replace(use, "maximum", "limitation", 1) + `}`), "/rules/0/reason", "u", "reason"},
		{"other country", one(`{"id":"u","from":"FR-accounting","category":"c"}`), "/rules/0/from", "u", "duty of FR"},
		{"unknown pack rule", one(`{"id":"u","from":"DE-nothing","category":"c"}`), "/rules/0/from", "u", "not a rule"},
		{"disabled", strings.Replace(one(`{"id":"u","from":"NL-payroll_id","category":"c"}`), "DE", "NL", 1), "/rules/0/confirmed", "u", "unconfirmed"},
		{"date", one(use + `,"checked":"2025-02-30"}`), "/rules/0", "u", "2025-02-30"},
		{"form of a date", one(use + `,"checked":"30.1.2025"}`), "/rules/0/checked", "u", `"30.1.2025" is not a date: write YYYY-MM-DD`},
		{"versions overlap", one(strings.Replace(use, `"period":"P2Y"`, `"versions":[{"period":"P1Y","to":"2025-01-01"},{"period":"P2Y","from":"2025-01-01"}]`, 1) + `}`), "/rules/0/versions/1", "u", "contradicts versions/0"},
		{"zone", strings.Replace(good, "Europe/Berlin", "Europe/Bonn", 1), "/timeZone", "", "IANA"},
		{"block without end", one(use + `,"then":"block"}`), "/rules/0/then", "u", "nothing ever ends"},
		{"purposes of a minimum", one(strings.Replace(use, "maximum", "minimum", 1) + `,"purposes":["p"]}`), "/rules/0/purposes", "u", "maximum"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseSchedule([]byte(c.text))
			require.ErrorIs(t, err, gdpr.ErrInvalid)
			var f *ScheduleError
			require.True(t, errors.As(err, &f), "%v", err)
			found := false
			for _, f := range faults(err) {
				found = found || f.Pointer == c.pointer && f.Rule == c.rule && strings.Contains(f.Error(), c.reason)
			}
			require.True(t, found, "%v", err)
			require.NotContains(t, err.Error(), "'from'", "not what is missing")
		})
	}
}

func faults(err error) []*ScheduleError {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*ScheduleError
		for _, e := range joined.Unwrap() {
			all = append(all, faults(e)...)
		}
		return all
	}
	var f *ScheduleError
	if errors.As(err, &f) {
		return []*ScheduleError{f}
	}
	return nil
}

func TestLint(t *testing.T) {
	s, err := ParseSchedule([]byte(good))
	require.NoError(t, err)
	require.Empty(t, s.Lint(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)))
	codes := func(s *Schedule, year int) (codes []string) {
		for _, f := range s.Lint(time.Date(year, 12, 1, 0, 0, 0, 0, time.UTC)) {
			codes = append(codes, f.Code)
		}
		return codes
	}
	require.Equal(t, []string{"stale-check"}, codes(s, 2028))
	fallback := rule("d", Maximum, "P1Y", "e")
	fallback.Level = Default
	require.Equal(t, []string{"shadowed-default"}, codes(build(t, fallback, rule("m", Maximum, "P1Y", "e")), 2026))
	require.Equal(t, []string{"no-maximum", "stale-check", "whole-row-duty"}, codes(build(t, rule("m", Minimum, "P1Y", "e")), 2026))
}

func FuzzParseSchedule(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(`{"version":"1","country":"BE","timeZone":"UTC","yearEnd":"02-29","rules":[{"id":"a","from":"BE-tax","confirmed":"x"},{"id":"b","category":"tax","kind":"maximum","versions":[{"period":"P1000Y","startFrom":"9999-12-31"}],"start":{"events":["booked","e"],"anchor":"end_of_business_year"},"ground":"g","then":"mask","purposes":["p"]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := ParseSchedule(text)
		if err != nil {
			return
		}
		for _, at := range []time.Time{{}, time.Unix(0, 0), time.Date(2024, 2, 29, 1, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 0, 0, 0, time.UTC)} {
			s.Lint(at)
			for _, name := range s.Categories() {
				c, err := s.On(at).Condition(name)
				if err != nil {
					t.Fatal(err)
				}
				for _, us := range []int64{0, 1, -1 << 62, 1 << 53, at.UnixMicro()} {
					fact := Facts{Lapsed: us == 1}
					for i := range fact.At {
						fact.At[i] = us
					}
					d := c.Evaluate(&fact)
					d.Next()
					d.Until()
					d.Keep()
					_, _ = d.Ground(), d.Fields()
				}
				for find := FindDue; find <= FindAll; find++ {
					q := Query{Condition: c, Find: find}
					q.SQL("mysql", func(e string) Column { return Column{Expr: "x", Civil: find == FindDue} }, 1)
				}
			}
		}
	})
}
