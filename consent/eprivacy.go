package consent

import (
	_ "embed"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/calendar"
)

//go:embed data/eprivacy.json
var eprivacyJSON []byte

// Regime is what the ePrivacy rules of a country ask for before a marketing message.
type Regime string

// The regimes.
const (
	OptIn        Regime = "opt_in"            // prior consent, art. 13(1)
	CustomerRule Regime = "existing_customer" // consent, or art. 13(2)
	OptOut       Regime = "opt_out"           // no objection
	Presumed     Regime = "presumed"          // presumed consent, recorded per person
	NoRegime     Regime = "none"              // not covered
)

// A ContactRule is one row of the dated table of ePrivacy rules. "*" matches all.
type ContactRule struct {
	Country   string `json:"country"` // ISO 3166-1, or "EU" where the country has no row
	Channel   string `json:"channel"`
	Addressee string `json:"addressee"`        // a Kind
	Relation  string `json:"relation"`         // customer, contract
	Sector    string `json:"sector,omitempty"` // of the controller: charity, lottery, press
	Rule      Regime `json:"rule"`
	// Strict says that the law may allow more, but that it or one of its conditions
	// could not be confirmed; decisions that follow the row say so ([ContactStrict]).
	Strict     bool   `json:"strict,omitempty"`
	From       string `json:"from,omitempty"`  // 2006-01-02, included
	Until      string `json:"until,omitempty"` // 2006-01-02, included
	Source     string `json:"source"`
	Checked    string `json:"checked"`    // 2006-01-02
	Confidence string `json:"confidence"` // statute-read, secondary, unconfirmed
}

// ContactRules returns the embedded table.
func ContactRules() []ContactRule {
	rules, err := parseRules()
	if err != nil {
		panic(err) // embedded and tested
	}
	return slices.Clone(rules)
}

var parseRules = sync.OnceValues(func() ([]ContactRule, error) {
	var doc struct {
		Rules []ContactRule `json:"rules"`
	}
	err := json.Unmarshal(eprivacyJSON, &doc)
	return doc.Rules, err
})

// electronic holds the channels that the table must decide about; any other, such as
// "post" or a counter, needs no ePrivacy rule.
var electronic = []string{"email", "sms", "phone", "push", "fax", "messenger", "social"}

// contactTable answers which regime applies.
type contactTable struct {
	rules   []ContactRule
	sectors []string
}

func newContactTable(extra []ContactRule, sectors []string) (*contactTable, error) {
	t := &contactTable{sectors: sectors}
	for _, r := range extra {
		switch r.Rule {
		case OptIn, CustomerRule, OptOut, Presumed, NoRegime:
		default:
			return nil, gdpr.Invalid("Options.ContactRules", "has an unknown rule")
		}
		if !isCountry(r.Country) || r.Channel == "" || r.Addressee == "" || r.Relation == "" {
			return nil, gdpr.Invalid("Options.ContactRules", "needs country, channel, addressee and relation in every row")
		}
	}
	t.rules = append(slices.Clone(extra), ContactRules()...) // the host's rows win a tie
	return t, nil
}

// regime returns the rule that applies.
func (t *contactTable) regime(country, channel string, kind Kind, relation string, at time.Time) Regime {
	rule, _ := t.find(country, channel, kind, relation, at)
	return rule
}

// find returns the most specific rule in force: the country's before the Union's,
// then sector, relation and addressee; strict says that the law may allow more. An
// electronic channel without a row is opt_in, and so is every electronic channel of a
// person whose country or kind is unsettled.
func (t *contactTable) find(country, channel string, kind Kind, relation string, at time.Time) (rule Regime, strict bool) {
	if !contains(electronic, channel) {
		return NoRegime, false
	}
	if country == unsettled || kind == unsettledKind {
		return OptIn, true
	}
	if kind == "" {
		kind = Consumer
	}
	day := calendar.DateOf(at.UTC()).String()
	rule, strict = OptIn, true
	rank := -1
	for i := range t.rules {
		r := &t.rules[i]
		if n := r.match(country, channel, string(kind), relation, t.sectors, day); n > rank {
			rule, strict, rank = r.Rule, r.Strict, n
		}
	}
	return rule, strict
}

// match returns how specific a matching rule is, or -1.
func (r *ContactRule) match(country, channel, kind, relation string, sectors []string, day string) int {
	if r.Channel != channel || r.From != "" && day < r.From || r.Until != "" && day > r.Until {
		return -1
	}
	n := 0
	switch r.Country {
	case country:
		n += 8
	case "EU":
	default:
		return -1
	}
	switch {
	case r.Sector == "":
	case contains(sectors, r.Sector):
		n += 4
	default:
		return -1
	}
	switch {
	case r.Relation == "*":
	case r.Relation == relation:
		n += 2
	default:
		return -1
	}
	switch {
	case r.Addressee == "*":
	case r.Addressee == kind:
		n++
	default:
		return -1
	}
	return n
}

// changes returns the days after at on which a rule for the channel begins or ends.
func (t *contactTable) changes(country, channel string, at time.Time) (days []time.Time) {
	for i := range t.rules {
		r := &t.rules[i]
		if r.Channel != channel || r.Country != country && r.Country != "EU" {
			continue
		}
		days = appendDay(days, r.From, 0, at)
		days = appendDay(days, r.Until, 1, at)
	}
	return days
}
