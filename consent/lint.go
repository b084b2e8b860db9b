package consent

import (
	"fmt"
	"slices"
	"time"
)

// A Finding is something in a catalogue or table that is lawful at best with a good
// reason. Codes are stable.
type Finding struct {
	Code    string
	Purpose string
	Version int
	Text    string
}

// String returns "C101 news/1: text".
func (f Finding) String() string {
	return fmt.Sprintf("%s %s/%d: %s", f.Code, f.Purpose, f.Version, f.Text)
}

// staleAfter is how long a row of the ePrivacy table counts as checked.
const staleAfter = 366 * 24 * time.Hour

// Lint returns what a careful reader would ask about the purposes in force at a time
// and about the embedded tables.
func (c *Catalogue) Lint(at time.Time) []Finding {
	var all []Finding
	for _, id := range c.IDs() {
		if p := c.At(id, at); p != nil && !p.Closed {
			all = append(all, c.lint(p, at)...)
		}
	}
	for _, r := range ContactRules() {
		checked, err := time.Parse(time.DateOnly, r.Checked)
		if err != nil || at.Sub(checked) > staleAfter {
			all = append(all, Finding{Code: "C301", Text: "ePrivacy row " + r.Country + "/" + r.Channel + " was last checked on " + r.Checked})
		}
	}
	return all
}

func (c *Catalogue) lint(p *Purpose, at time.Time) (all []Finding) {
	add := func(broken bool, code, text string) {
		if broken {
			all = append(all, Finding{code, p.ID, p.Version, text})
		}
	}
	consent := p.Basis == Consent
	add(consent && p.ConditionOfService, "C101", "consent is a condition of the service, so it is hardly free (GDPR art. 7(4))")
	add(consent && p.Imbalance, "C102", "consent towards an employer or authority is hardly free (GDPR recital 43)")
	add(consent && !covers(p.WithdrawBy, p.GiveBy), "C103", "consent can be given in a way in which it cannot be withdrawn (GDPR art. 7(3))")
	add(consent && p.Validity == "", "C104", "consents never lapse; refresh them at suitable intervals (EDPB Guidelines 05/2020 para. 111)")
	add(consent && p.Child && !p.hasAudience("child"), "C105", "no words adapted to children (GDPR art. 12(1))")
	add(p.Basis == LegitimateInterest && p.Assessment == "", "C201", "legitimate interest without the reference of a balancing of interests (GDPR art. 6(1)(f))")
	add((len(p.Special) > 0 || p.Automated != nil) && p.Assessment == "", "C202", "special categories or automated decisions without the reference of an impact assessment (GDPR art. 35)")
	add(p.Existing && !p.OptOutOffered, "C203", "the existing-customer rule needs an opt-out at collection and in each message (ePrivacy directive art. 13(2))")
	add(p.Marketing && !consent && !p.Existing && slices.ContainsFunc(p.Channels, func(ch string) bool { return contains(electronic, ch) }), "C204",
		"electronic marketing without consent or the existing-customer rule is denied in most countries (ePrivacy directive art. 13)")
	add(p.Marketing && len(p.Channels) == 0, "C205", "marketing without channels: the ePrivacy rules cannot be applied")
	add(len(p.Data) == 0, "C206", "no categories of data: minimisation cannot be checked (GDPR art. 5(1)(c))")
	for i := range p.Recipients {
		r := &p.Recipients[i]
		add(!transfers().safe(r, at, true), "C207", "recipient "+r.ID+" is in a third country without a safeguard (GDPR arts. 44 to 49)")
	}
	for _, other := range p.Compatible {
		add(len(c.byID[other]) == 0, "C208", "compatible purpose "+other+" is not in the catalogue")
	}
	add(c.changedBasis(p), "C209", "the basis differs from that of the version before; persons who said no stay out (EDPB Guidelines 05/2020 para. 123)")
	return all
}

func (c *Catalogue) changedBasis(p *Purpose) bool {
	return slices.ContainsFunc(c.byID[p.ID], func(o *Purpose) bool { return o.Version == p.Version-1 && o.Basis != p.Basis })
}

// covers reports whether every way of want is in have; no ways given count as the same.
func covers(have, want []string) bool {
	for _, w := range want {
		if !contains(have, w) {
			return false
		}
	}
	return true
}
