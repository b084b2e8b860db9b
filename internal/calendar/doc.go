// Package calendar counts the periods of statutes: civil dates without a time of
// day, ISO 8601 periods of years, months, weeks and days, addition that clamps to
// the end of a month, ends of calendar and financial years, and the instant at
// which a civil day begins in a time zone.
//
// A [Date] has no zone. It becomes an instant only through [Date.Start], which is
// right also where a change of the clock removes or repeats midnight.
package calendar
