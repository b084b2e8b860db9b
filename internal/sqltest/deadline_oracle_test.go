package sqltest_test

import (
	"testing"
	"time"

	"github.com/rickar/cal/v2"
	"github.com/rickar/cal/v2/aa"
	"github.com/rickar/cal/v2/at"
	"github.com/rickar/cal/v2/be"
	"github.com/rickar/cal/v2/de"
	"github.com/rickar/cal/v2/fr"
	"github.com/rickar/cal/v2/gb"
	"github.com/rickar/cal/v2/ie"
	"github.com/rickar/cal/v2/nl"
	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/calendar"
	"github.com/gdprkit/gdprkit/internal/deadline"
)

// Working days of every country agree with github.com/rickar/cal on every day of
// 2024 to 2030. The oracle is used here only.
func TestDeadlineOracle(t *testing.T) {
	for country, holidays := range map[string][]*cal.Holiday{
		"NL": nl.Holidays, "BE": be.Holidays, "DE": de.Holidays, "FR": fr.Holidays, "LU": luxembourg, "AT": at.Holidays, "IE": ie.Holidays, "GB": gb.Holidays,
		"DE-BW": de.HolidaysBW, "DE-BY": de.HolidaysBY, "DE-BE": de.HolidaysBE, "DE-BB": de.HolidaysBB, "DE-HB": de.HolidaysHB, "DE-HH": de.HolidaysHH,
		"DE-HE": de.HolidaysHE, "DE-MV": de.HolidaysMV, "DE-NI": de.HolidaysNI, "DE-NW": de.HolidaysNW, "DE-RP": de.HolidaysRP, "DE-SL": de.HolidaysSL,
		"DE-SN": de.HolidaysSN, "DE-ST": de.HolidaysST, "DE-SH": de.HolidaysSH, "DE-TH": de.HolidaysTH,
	} {
		t.Run(country, func(t *testing.T) { compareYears(t, country, holidays) })
	}
}

// luxembourg is put together from the oracle's own computations, since the oracle
// has no table of it.
var luxembourg = []*cal.Holiday{
	aa.NewYear, aa.EasterMonday, aa.WorkersDay, aa.AscensionDay, aa.PentecostMonday, aa.AssumptionOfMary, aa.AllSaintsDay, aa.ChristmasDay, aa.ChristmasDay2,
	{Name: "Europe Day", Month: time.May, Day: 9, Func: cal.CalcDayOfMonth},
	{Name: "National Day", Month: time.June, Day: 23, Func: cal.CalcDayOfMonth},
}

// missing are days that the oracle's version does not know: the one-off holiday of
// Berlin in 2025, and 8 March in Mecklenburg-Vorpommern
// since 2023.
var missing = map[string][]*cal.Holiday{
	"DE-BE": {{Name: "80. Jahrestag der Befreiung", Month: time.May, Day: 8, StartYear: 2025, EndYear: 2025, Func: cal.CalcDayOfMonth}},
	"DE-MV": {{Name: "Frauentag", Month: time.March, Day: 8, StartYear: 2023, Func: cal.CalcDayOfMonth}},
}

func compareYears(t *testing.T, country string, holidays []*cal.Holiday) {
	oracle := cal.NewBusinessCalendar()
	oracle.AddHoliday(holidays...)
	oracle.AddHoliday(missing[country]...)
	base, part := country, ""
	if len(country) > 2 {
		base, part = country[:2], country[3:]
	}
	// The oracle counts what deadlines.md lists as contested in the Netherlands; ours
	// does by option.
	ours, err := deadline.NewCalendar(base, part, &deadline.Options{LiberationDay: true, GoodFriday: true})
	require.NoError(t, err)
	n := 0
	for d := time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC); d.Year() <= 2030; d = d.AddDate(0, 0, 1) {
		if wd := d.Weekday(); wd == time.Saturday || wd == time.Sunday {
			continue // no working day in either
		}
		day := calendar.DateOf(d)
		if ours.Working(day) != oracle.IsWorkday(d) {
			n++
			t.Errorf("%s %s: ours %v, oracle %v", country, day, ours.Working(day), oracle.IsWorkday(d))
		}
	}
	require.Zero(t, n)
}
