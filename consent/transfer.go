package consent

import (
	_ "embed"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gdprkit/gdprkit/internal/calendar"
)

//go:embed data/transfers.json
var transfersJSON []byte

// transferTable knows where data may go (GDPR chapter V).
type transferTable struct {
	EEA      []string       `json:"eea"`
	Adequacy []adequacyRule `json:"adequacy"`
}

type adequacyRule struct {
	Country string `json:"country"`
	From    string `json:"from"`
	Until   string `json:"until"`
	Whole   bool   `json:"whole"` // no organisation has to be certified or listed
}

var transfers = sync.OnceValue(func() *transferTable {
	t := new(transferTable)
	if err := json.Unmarshal(transfersJSON, t); err != nil {
		panic(err) // embedded and tested
	}
	return t
})

// safe reports whether a recipient may get data at a time: inside the EEA, under an
// adequacy decision (art. 45), with an appropriate safeguard (art. 46) or a
// derogation (art. 49). What depends on the organisation needs a reference.
func (t *transferTable) safe(r *Recipient, at time.Time, explicit bool) bool {
	if contains(t.EEA, r.Country) {
		return true
	}
	day := calendar.DateOf(at.UTC()).String()
	for _, a := range t.Adequacy {
		if a.Country == r.Country && a.From <= day && (a.Until == "" || day <= a.Until) && (a.Whole || r.Reference != "") &&
			(r.Tool == "" || r.Tool == "A45") {
			return a.Whole || r.Tool == "A45"
		}
	}
	switch {
	case r.Tool == "A49-1-a":
		return explicit
	case strings.HasPrefix(r.Tool, "A46-"), strings.HasPrefix(r.Tool, "A47"), strings.HasPrefix(r.Tool, "A49-"):
		return r.Reference != ""
	}
	return false
}

// changes returns when adequacy decisions begin or end after a time.
func (t *transferTable) changes(at time.Time) (days []time.Time) {
	for i := range t.Adequacy {
		a := &t.Adequacy[i]
		days = appendDay(days, a.From, 0, at)
		days = appendDay(days, a.Until, 1, at)
	}
	return days
}

// appendDay adds the beginning in UTC of the day that lies plus days after one of
// the tables, if it comes after a time. An empty day is none.
func appendDay(days []time.Time, day string, plus int, after time.Time) []time.Time {
	d, err := calendar.ParseDate(day)
	if err != nil {
		return days
	}
	if s := d.AddDays(plus).Start(time.UTC); s.After(after) && !slices.Contains(days, s) {
		days = append(days, s)
	}
	return days
}
