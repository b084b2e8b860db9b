package dsar

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Information is what a controller tells with an access answer beside the data
// (GDPR art. 15(1) and (2)). What is missing for a category of which records were
// found makes the answer fail.
type Information struct {
	// Categories maps each data category to what is told about it.
	Categories map[string]CategoryInformation
	// Automated describes automated decisions with legal effect, logic and
	// consequences included (art. 15(1)(h)); NoAutomated states that there are none.
	// One of them is needed.
	Automated   string
	NoAutomated bool
	// Transfers describes transfers to third countries with their safeguards (art.
	// 15(2)); NoTransfers states that there are none. One of them is needed.
	Transfers   string
	NoTransfers bool
	// Languages holds the same in other languages, by the language of the answer ("nl",
	// "en", "de", "fr"). What is not said there is told as it stands here.
	Languages map[string]Information
}

// in returns what is told in a language.
func (in Information) in(lang string) Information {
	t, ok := in.Languages[lang]
	if !ok {
		return in
	}
	in.Categories = maps.Clone(in.Categories)
	for name, c := range t.Categories {
		if in.Categories == nil {
			in.Categories = map[string]CategoryInformation{}
		}
		in.Categories[name] = c.or(in.Categories[name])
	}
	if t.Automated != "" {
		in.Automated = t.Automated
	}
	if t.Transfers != "" {
		in.Transfers = t.Transfers
	}
	return in
}

// or fills what c does not say from d.
func (c CategoryInformation) or(d CategoryInformation) CategoryInformation {
	if c.Title == "" {
		c.Title = d.Title
	}
	if len(c.Purposes) == 0 {
		c.Purposes = d.Purposes
	}
	if len(c.Basis) == 0 {
		c.Basis = d.Basis
	}
	if len(c.Recipients) == 0 && !c.NoRecipients {
		c.Recipients, c.NoRecipients = d.Recipients, d.NoRecipients
	}
	if c.Retention == "" {
		c.Retention = d.Retention
	}
	if c.Source == "" {
		c.Source = d.Source
	}
	return c
}

// CategoryInformation is what is told about one data category.
type CategoryInformation struct {
	Title      string   // for the reader. Default: the category's name.
	Purposes   []string // art. 15(1)(a)
	Basis      []string // grounds, told although only art. 13 asks for them
	Recipients []string // art. 15(1)(c), beside those logged as disclosures; or NoRecipients
	// NoRecipients states that nobody receives data of this category.
	NoRecipients bool
	Retention    string // period, as words or ISO 8601 such as "P7Y", or criteria, art. 15(1)(d)
	Source       string // where data not from the person came from, art. 15(1)(g)
}

// withOwn adds what is told about the desk's own files, unless the host says it.
func (in Information) withOwn(kept time.Duration) Information {
	if _, ok := in.Categories[OwnCategory]; ok {
		return in
	}
	c := maps.Clone(in.Categories)
	if c == nil {
		c = map[string]CategoryInformation{}
	}
	days := int(kept / (24 * time.Hour))
	period := fmt.Sprintf("P%dD", days)
	if days%365 == 0 {
		period = fmt.Sprintf("P%dY", days/365)
	}
	all := maps.Clone(in.Languages)
	if all == nil {
		all = map[string]Information{}
	}
	for lang, own := range ownCategory {
		own.Basis, own.NoRecipients, own.Retention = []string{"A6-1-c"}, true, period
		if lang == "en" {
			c[OwnCategory] = own
		}
		t := all[lang]
		t.Categories = maps.Clone(t.Categories)
		if t.Categories == nil {
			t.Categories = map[string]CategoryInformation{}
		}
		t.Categories[OwnCategory] = t.Categories[OwnCategory].or(own)
		all[lang] = t
	}
	in.Categories, in.Languages = c, all
	return in
}

// check returns what is missing for the categories found.
func (in *Information) check(found []*Section, authority string, disclosed map[string]bool, to []Disclosed) error {
	var missing []string
	done := map[string]bool{}
	for _, sec := range found {
		if done[sec.Category] {
			continue
		}
		done[sec.Category] = true
		c := in.Categories[sec.Category]
		miss := func(letter, what string) {
			missing = append(missing, fmt.Sprintf("15(1)(%s): %s of category %s", letter, what, sec.Category))
		}
		if len(c.Purposes) == 0 {
			miss("a", "purposes")
		}
		if len(c.Recipients) == 0 && !c.NoRecipients && !disclosed[sec.Category] {
			miss("c", "recipients")
		}
		if c.Retention == "" {
			miss("d", "retention")
		}
		if c.Source == "" && collected(found, sec.Category) {
			miss("g", "source")
		}
	}
	if authority == "" {
		missing = append(missing, "15(1)(f): Controller.Authority")
	}
	if in.Automated == "" && !in.NoAutomated {
		missing = append(missing, "15(1)(h): Information.Automated or NoAutomated")
	}
	if i := slices.IndexFunc(to, func(g Disclosed) bool { return outsideEEA(g.Country) }); i >= 0 && in.Transfers == "" {
		missing = append(missing, "15(2): Information.Transfers with the safeguards; data went to "+to[i].Country)
	} else if in.Transfers == "" && !in.NoTransfers {
		missing = append(missing, "15(2): Information.Transfers or NoTransfers")
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return fmt.Errorf("%w; see Options.Information", &IncompleteError{missing})
}

// eea are the states of the European Economic Area, to which a transfer is none.
const eea = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK"

func outsideEEA(country string) bool {
	return country != "" && !slices.Contains(strings.Fields(eea), strings.ToUpper(country))
}

// collected reports whether a category has data that came from somebody else
// without the column saying from whom.
func collected(found []*Section, category string) bool {
	for _, sec := range found {
		if sec.Category == category && slices.ContainsFunc(sec.Columns, func(c Column) bool { return c.Origin == FromThirdParty && c.From == "" }) {
			return true
		}
	}
	return false
}

// disclosed returns the categories with a logged recipient, and the disclosures of
// the request's subjects, at most as many as an answer shows.
func (d *Desk) disclosed(ctx context.Context, r *row) (map[string]bool, []Disclosed, error) {
	cats := map[string]bool{}
	var out []Disclosed
	for _, s := range r.subjects {
		for g, err := range d.Disclosures(ctx, s) {
			if err != nil {
				return nil, nil, err
			}
			for _, c := range g.Categories {
				cats[c] = true
			}
			if len(out) < maxShown {
				out = append(out, g)
			}
		}
	}
	return cats, out, nil
}
