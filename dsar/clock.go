package dsar

import (
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/calendar"
	"github.com/gdprkit/gdprkit/internal/deadline"
	"github.com/gdprkit/gdprkit/storage"
)

const (
	firstMonths    = 1 // GDPR art. 12(3), first sentence
	extendedMonths = 3 // one plus two further months, counted from the receipt at once
)

func newCalendar(c gdpr.Controller, o Deadlines) (*deadline.Calendar, error) {
	extra := map[calendar.Date]string{}
	for s, name := range o.Holidays {
		d, err := calendar.ParseDate(s)
		if err != nil {
			return nil, invalid("Deadlines.Holidays", "has a key that is not of the form 2006-01-02")
		}
		extra[d] = name
	}
	cal, err := deadline.NewCalendar(c.Country, c.Land, &deadline.Options{
		LiberationDay: o.LiberationDay, GoodFriday: o.GoodFriday, Extra: extra,
	})
	if err != nil {
		return nil, invalid("Controller.Country", "%s; give them in Options.Deadlines.Holidays", err)
	}
	return cal, nil
}

func (d *Desk) british() bool { return d.controller.Country == "GB" || d.controller.Country == "UK" }

// pauses reports whether a pause moves the due date at this controller.
func (d *Desk) pauses() bool { return d.o.Deadlines.Pauses || d.british() }

func (d *Desk) restarts() bool { return d.o.Deadlines.IdentityRestarts || d.british() }

// reckon sets the dates of r from its receipt, extension and pauses.
func (d *Desk) reckon(r *row) {
	months := firstMonths
	if r.extended != 0 {
		months = extendedMonths
	}
	received, clock := d.date(storage.Time(r.received)), d.date(storage.Time(r.clock))
	_, due := d.calendar.Months(clock, months, int(r.pauseDays))
	_, unpaused := d.calendar.Months(received, months, 0)
	_, notice := d.calendar.Months(clock, firstMonths, int(r.pauseDays))
	r.due = d.end(due)
	r.unpaused = d.end(unpaused)
	r.noticeDue = d.end(notice)
}

// pausedDays returns the days between question and answer by the option chosen.
func (d *Desk) pausedDays(asked, answered time.Time) int64 {
	if !d.pauses() {
		return 0
	}
	return int64(deadline.Paused(d.date(asked), d.date(answered), d.o.Deadlines.InclusivePauses))
}

// date returns the civil date of t at the controller's.
func (d *Desk) date(t time.Time) calendar.Date { return calendar.DateOf(t.In(d.loc)) }

// end returns the first instant after a day at the controller's.
func (d *Desk) end(day calendar.Date) int64 { return storage.Micros(day.AddDays(1).Start(d.loc)) }

// lastDay returns the civil date whose end is the instant us.
func (d *Desk) lastDay(us int64) string {
	if us == 0 {
		return ""
	}
	return d.day(storage.Time(us).Add(-time.Microsecond))
}
