package deadline

import (
	"time"

	"github.com/gdprkit/gdprkit/internal/calendar"
)

// Months returns the last day of a period of n months from start: the nominal
// day, and the day on which it ends after pauses and weekends. The months are
// added at once, never one after the other: 31 January plus three months is 30
// April.
func (c *Calendar) Months(start calendar.Date, n, paused int) (nominal, due calendar.Date) {
	nominal = start.Add(calendar.Period{Months: n}).AddDays(paused)
	return nominal, c.Next(nominal)
}

// Weeks returns the last day of a period of n weeks from start (GDPR art. 36(2)).
func (c *Calendar) Weeks(start calendar.Date, n int) (nominal, due calendar.Date) {
	nominal = start.AddDays(7 * n)
	return nominal, c.Next(nominal)
}

// Paused returns how many days lie between the question and the answer. With
// inclusive set both end days count, the wording of the Data Protection Act 2018
// s. 54(3C)(b); without, the result is never later than the law allows.
func Paused(asked, answered calendar.Date, inclusive bool) int {
	n := max(0, int(answered-asked))
	if inclusive {
		n++
	}
	return n
}

// Breach returns the end of a period of h hours after the controller became
// aware (GDPR art. 33(1)), on the line of elapsed time: weekends, holidays and
// changes of the clock do not move it.
func Breach(aware time.Time, h int) time.Time { return aware.UTC().Add(time.Duration(h) * time.Hour) }

// BreachHourRule is Breach with the hour of the event not counted (Regulation
// 1182/71 art. 3(1)): the latest moment that can be defended.
func BreachHourRule(aware time.Time, h int) time.Time {
	return aware.UTC().Truncate(time.Hour).Add(time.Duration(h+1) * time.Hour)
}
