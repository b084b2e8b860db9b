package calendar

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func date(t testing.TB, s string) Date {
	t.Helper()
	d, err := ParseDate(s)
	require.NoError(t, err)
	return d
}

func TestParsePeriod(t *testing.T) {
	for s, want := range map[string]Period{
		"P7Y": {Years: 7}, "P6M": {Months: 6}, "P4W": {Weeks: 4}, "P0D": {}, "P1Y2M3W4D": {1, 2, 3, 4}, "P24M": {Months: 24},
	} {
		p, err := ParsePeriod(s)
		require.NoError(t, err, s)
		require.Equal(t, want, p)
		require.Equal(t, s, p.String())
	}
	for _, s := range []string{"", "P", "7Y", "P-1Y", "P1.5Y", "PT1H", "P1DT1H", "P1D1Y", "P1Y1Y", "P1X", "PY", "P1", "P9999999D", "P1001Y", " P1Y", "p1y", "P1Y\n"} {
		_, err := ParsePeriod(s)
		require.Error(t, err, s)
	}
}

func TestAddClamps(t *testing.T) {
	for _, c := range [][3]string{
		{"2025-01-31", "P1M", "2025-02-28"}, {"2024-01-31", "P1M", "2024-02-29"}, {"2024-02-29", "P7Y", "2031-02-28"},
		{"2024-02-29", "P4Y", "2028-02-29"}, {"2025-08-31", "P6M", "2026-02-28"}, {"2025-03-31", "P6M", "2025-09-30"},
		{"2026-02-10", "P4W", "2026-03-10"}, {"2025-12-31", "P8Y", "2033-12-31"}, {"2025-12-31", "P1D", "2026-01-01"},
		{"2024-01-31", "P1M1D", "2024-03-01"}, {"1900-02-28", "P1D", "1900-03-01"}, {"2000-02-28", "P1D", "2000-02-29"},
		{"9999-12-31", "P1D", "9999-12-31"}, {"2024-11-30", "P3M", "2025-02-28"},
	} {
		p, err := ParsePeriod(c[1])
		require.NoError(t, err)
		require.Equal(t, c[2], date(t, c[0]).Add(p).String(), "%s + %s", c[0], c[1])
	}
}

func TestYearEnds(t *testing.T) {
	require.Equal(t, "2025-12-31", date(t, "2025-03-15").EndOfYear().String())
	require.Equal(t, "2026-03-31", date(t, "2025-04-10").EndOfBusinessYear(time.March, 31).String())
	require.Equal(t, "2025-03-31", date(t, "2025-03-31").EndOfBusinessYear(time.March, 31).String())
	require.Equal(t, "2025-02-28", date(t, "2025-01-01").EndOfBusinessYear(time.February, 29).String())
	require.Equal(t, "2024-02-29", date(t, "2023-03-01").EndOfBusinessYear(time.February, 29).String())
}

func TestStartOfDay(t *testing.T) {
	for _, c := range []struct{ zone, day, want string }{
		{"Europe/Berlin", "2025-03-30", "2025-03-29T23:00:00Z"},
		{"Europe/Berlin", "2025-03-31", "2025-03-30T22:00:00Z"},
		{"Europe/Berlin", "2025-10-26", "2025-10-25T22:00:00Z"},
		{"Europe/Berlin", "2025-10-27", "2025-10-26T23:00:00Z"},
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"}, // midnight skipped
		{"America/Havana", "2024-11-03", "2024-11-03T04:00:00Z"},    // midnight repeated
		{"Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"},      // day skipped
		{"Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"},
		{"UTC", "2024-02-29", "2024-02-29T00:00:00Z"},
	} {
		loc, err := time.LoadLocation(c.zone)
		require.NoError(t, err)
		require.Equal(t, c.want, date(t, c.day).Start(loc).UTC().Format(time.RFC3339), "%s %s", c.zone, c.day)
	}
}

func TestDateAgreesWithTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Date(rapid.Int32Range(int32(MinDate), int32(MaxDate)).Draw(t, "d"))
		want := time.Unix(int64(d)*86400, 0).UTC()
		y, m, day := d.Civil()
		require.Equal(t, want.Format(time.DateOnly), d.String())
		require.Equal(t, d, Of(y, m, day))
		require.Equal(t, want.Weekday(), d.Weekday())
		back, err := ParseDate(d.String())
		require.NoError(t, err)
		require.Equal(t, d, back)
	})
}

func TestStartIsTheFirstInstant(t *testing.T) {
	zones := []string{"Europe/Amsterdam", "America/Sao_Paulo", "America/Havana", "Pacific/Apia", "Asia/Beirut", "Africa/Cairo", "Atlantic/Azores"}
	rapid.Check(t, func(t *rapid.T) {
		loc, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		require.NoError(t, err)
		d := Date(rapid.Int32Range(0, 25000).Draw(t, "d"))
		s := d.Start(loc)
		require.GreaterOrEqual(t, DateOf(s), d)
		require.Less(t, DateOf(s.Add(-time.Nanosecond)), d)
	})
}

func TestAddIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Period{rapid.IntRange(0, 40).Draw(t, "y"), rapid.IntRange(0, 40).Draw(t, "m"), rapid.IntRange(0, 9).Draw(t, "w"), rapid.IntRange(0, 99).Draw(t, "d")}
		a := Date(rapid.Int32Range(-30000, 60000).Draw(t, "a"))
		b := a.AddDays(rapid.IntRange(0, 800).Draw(t, "n"))
		require.LessOrEqual(t, a.Add(p), b.Add(p))
		require.LessOrEqual(t, a, a.Add(p))
	})
}

func FuzzParsePeriod(f *testing.F) {
	f.Add("P1Y2M3W4D")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePeriod(s)
		if err != nil {
			return
		}
		again, err := ParsePeriod(p.String())
		if err != nil || again != p {
			t.Fatalf("%q does not survive a round trip", s)
		}
	})
}
