package deadline

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/gdprkit/gdprkit/internal/calendar"
)

type vector struct {
	ID, Country, Subdivision, Kind, Received, Timezone string
	ReceivedAt                                         string `json:"received_at"`
	Nominal                                            string `json:"expected_nominal"`
	Due                                                string `json:"expected_due"`
	DueInclusive                                       string `json:"expected_due_inclusive"`
	HourRule                                           string `json:"expected_due_hour_rule"`
	AwareAt                                            string `json:"aware_at"`
	Asked                                              string `json:"clarification_requested"`
	Answered                                           string `json:"clarification_received"`
	IdentityReceived                                   string `json:"identity_received"`
}

func load(t *testing.T, name string, v any) {
	b, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, v))
}

func day(t *testing.T, s string) calendar.Date {
	d, err := calendar.ParseDate(s)
	require.NoError(t, err)
	return d
}

func TestVectors(t *testing.T) {
	var file struct{ Vectors []vector }
	load(t, "deadlines.json", &file)
	require.Len(t, file.Vectors, 88)
	for _, v := range file.Vectors {
		t.Run(v.ID, func(t *testing.T) { check(t, v) })
	}
}

func check(t *testing.T, v vector) {
	if v.Kind == "breach_72h" {
		aware, err := time.Parse(time.RFC3339, v.AwareAt)
		require.NoError(t, err)
		require.Equal(t, v.Due, Breach(aware, 72).Format(time.RFC3339))
		require.Equal(t, v.HourRule, BreachHourRule(aware, 72).Format(time.RFC3339))
		return
	}
	c, err := NewCalendar(v.Country, strings.TrimPrefix(v.Subdivision, v.Country+"-"), nil)
	require.NoError(t, err)
	var received calendar.Date
	if v.ReceivedAt != "" {
		at, err := time.Parse(time.RFC3339, v.ReceivedAt)
		require.NoError(t, err)
		loc, err := time.LoadLocation(v.Timezone)
		require.NoError(t, err)
		received = calendar.DateOf(at.In(loc))
	} else {
		received = day(t, v.Received)
	}
	var nominal, due calendar.Date
	switch v.Kind {
	case "dsar", "extension_notice", "no_action_notice", "art14_information":
		nominal, due = c.Months(received, 1, 0)
	case "dsar_extended":
		nominal, due = c.Months(received, 3, 0)
	case "dsar_identity_restart":
		nominal, due = c.Months(day(t, v.IdentityReceived), 1, 0)
	case "dsar_clarification_pause":
		asked, answered := day(t, v.Asked), day(t, v.Answered)
		nominal, due = c.Months(received, 1, Paused(asked, answered, false))
		_, inclusive := c.Months(received, 1, Paused(asked, answered, true))
		require.Equal(t, v.DueInclusive, inclusive.String())
	case "art36_consultation":
		nominal, due = c.Weeks(received, 8)
	case "art36_consultation_extended":
		nominal, due = c.Weeks(received, 14)
	default:
		t.Fatal("unknown kind", v.Kind)
	}
	require.Equal(t, v.Nominal, nominal.String())
	require.Equal(t, v.Due, due.String())
}

func TestContestedReadingsAreOptions(t *testing.T) {
	due := func(received string, o *Options) string {
		c, err := NewCalendar("NL", "", o)
		require.NoError(t, err)
		_, d := c.Months(day(t, received), 1, 0)
		return d.String()
	}
	require.Equal(t, "2026-05-05", due("2026-04-05", nil))                           // C01
	require.Equal(t, "2026-05-06", due("2026-04-05", &Options{LiberationDay: true})) // C01
	require.Equal(t, "2026-04-03", due("2026-03-03", nil))                           // C02
	require.Equal(t, "2026-04-07", due("2026-03-03", &Options{GoodFriday: true}))    // C02
	c, _ := NewCalendar("NL", "", nil)
	_, three := c.Months(day(t, "2025-01-31"), 3, 0)
	require.Equal(t, "2025-04-30", three.String()) // C03: one period
	aware, _ := time.Parse(time.RFC3339, "2026-04-02T17:30:00+02:00")
	require.Equal(t, "2026-04-05T15:30:00Z", Breach(aware, 72).Format(time.RFC3339)) // C04
}

func TestHolidayTablesAgreeWithVectors(t *testing.T) {
	var file struct {
		Holidays map[string]map[string][][2]string
	}
	load(t, "holidays.json", &file)
	for country, years := range file.Holidays {
		base, part, _ := strings.Cut(country, "-")
		c, err := NewCalendar(base, part, nil)
		require.NoError(t, err)
		for year, list := range years {
			want := map[string]bool{}
			for _, h := range list {
				want[h[0]] = true
			}
			for d := day(t, year+"-01-01"); d.String()[:4] == year; d++ {
				_, got := c.Holiday(d)
				if wd := d.Weekday(); wd == time.Saturday || wd == time.Sunday {
					continue // a weekend either way
				}
				require.Equal(t, want[d.String()], got, "%s %s", country, d)
			}
		}
	}
}

func TestOneOffDay(t *testing.T) {
	c, err := NewCalendar("SE", "", &Options{Extra: map[calendar.Date]string{calendar.Of(2026, time.June, 19): "Midsommarafton"}})
	require.NoError(t, err)
	_, due := c.Months(calendar.Of(2026, time.May, 19), 1, 0)
	require.Equal(t, "2026-06-22", due.String())
	_, err = NewCalendar("SE", "", nil)
	require.ErrorContains(t, err, "SE")
	_, err = NewCalendar("DE", "XX", nil)
	require.ErrorContains(t, err, "DE-XX")
}

func TestMonthsProperties(t *testing.T) {
	c, err := NewCalendar("DE", "BY", nil)
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		start := calendar.Of(2024, 1, 1).AddDays(rapid.IntRange(0, 2500).Draw(t, "day"))
		n := rapid.IntRange(1, 3).Draw(t, "months")
		paused := rapid.IntRange(0, 40).Draw(t, "paused")
		nominal, due := c.Months(start, n, paused)
		require.True(t, c.Working(due))
		require.GreaterOrEqual(t, int(due-nominal), 0)
		require.LessOrEqual(t, int(due-nominal), 5)
		_, later := c.Months(start, n, paused+1)
		require.GreaterOrEqual(t, int(later-due), 0)
	})
}
