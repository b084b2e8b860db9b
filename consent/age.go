package consent

import (
	_ "embed"
	"encoding/json"
	"sync"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/calendar"
)

//go:embed data/age.json
var ageJSON []byte

// An AgeRule is the age from which a person's own consent to an information society
// service counts (GDPR art. 8(1)), in one country.
type AgeRule struct {
	Country    string    `json:"country"`
	Name       string    `json:"name"`
	Age        int       `json:"age"`
	Source     string    `json:"source"`
	Confidence string    `json:"confidence"` // statute-read, secondary, unconfirmed
	Note       string    `json:"note,omitempty"`
	History    []AgeSpan `json:"history,omitempty"`
}

// An AgeSpan is an age that applied for a time; both days are included.
type AgeSpan struct {
	Age   int    `json:"age"`
	From  string `json:"from,omitempty"`  // 2006-01-02
	Until string `json:"until,omitempty"` // 2006-01-02
}

// defaultAge applies where the country is not known (GDPR art. 8(1)).
const defaultAge = 16

// jointConsent holds the countries where below the age child and holder of parental
// responsibility consent together (FR: loi 78-17 art. 45).
var jointConsent = []string{"FR"}

// Ages returns the embedded table, one rule per country, with its confidence.
func Ages() []AgeRule {
	rules, err := parseAges()
	if err != nil {
		panic(err) // embedded and tested
	}
	return rules
}

var parseAges = sync.OnceValues(func() ([]AgeRule, error) {
	var doc struct {
		Ages []AgeRule `json:"ages"`
	}
	err := json.Unmarshal(ageJSON, &doc)
	return doc.Ages, err
})

// ageTable is the rules by country.
type ageTable map[string]AgeRule

func newAgeTable(overrides []AgeRule) (ageTable, error) {
	t := ageTable{}
	for _, r := range Ages() {
		t[r.Country] = r
	}
	for _, r := range overrides {
		if !isCountry(r.Country) || r.Age < 13 || r.Age > 16 {
			return nil, gdpr.Invalid("Options.Ages", "must have a country and an age of 13 to 16 (GDPR art. 8(1))")
		}
		t[r.Country] = r
	}
	return t, nil
}

// threshold returns the age for a purpose and country on a day.
func (t ageTable) threshold(p *Purpose, country string, at time.Time) int {
	if age, ok := p.MinAge[country]; ok {
		return age
	}
	if country == "GB" {
		country = "UK" // the table has the name in common use
	}
	r, ok := t[country]
	if !ok {
		return defaultAge
	}
	day := calendar.DateOf(at.UTC()).String()
	for _, span := range r.History {
		if (span.From == "" || span.From <= day) && (span.Until == "" || day <= span.Until) {
			return span.Age
		}
	}
	return r.Age
}

// ageAt returns the lower bound of the age at another time of somebody who was at
// least age years old at on; 0: unknown. A person reaches an age at the start of the
// birthday; born on 29 February, on 1 March in common years, the safe side. On a day
// before that of on the next birthday may still have been to come.
func ageAt(age int, on, at time.Time) int {
	if age == 0 || calendar.DateOf(at.UTC()) == calendar.DateOf(on.UTC()) {
		return age
	}
	years := at.Year() - on.Year()
	if at.Before(on) {
		if reached(at, -years).Before(on) {
			years--
		}
		return max(age+years, 0)
	}
	if reached(on, years).After(at) {
		years--
	}
	return age + years
}

// reached returns when years have passed since on. [time.Time.AddDate] turns 29
// February into 1 March in common years.
func reached(on time.Time, years int) time.Time { return on.AddDate(years, 0, 0) }
