package dsar

import (
	"context"
	"fmt"
	"maps"
	"slices"
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
}

// CategoryInformation is what is told about one data category.
type CategoryInformation struct {
	Title      string   // for the reader. Default: the category's name.
	Purposes   []string // art. 15(1)(a)
	Basis      []string // grounds, told although only art. 13 asks for them
	Recipients []string // art. 15(1)(c), beside those logged as disclosures; or NoRecipients
	// NoRecipients states that nobody receives data of this category.
	NoRecipients bool
	Retention    string // period or criteria, art. 15(1)(d)
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
	c[OwnCategory] = CategoryInformation{
		Purposes: []string{"GDPR art. 12, art. 5(2)"}, Basis: []string{"A6-1-c"}, NoRecipients: true,
		Retention: fmt.Sprintf("P%dD", int(kept/(24*time.Hour))),
	}
	in.Categories = c
	return in
}

// check returns what is missing for the categories found.
func (in *Information) check(found []*Section, authority string, disclosed map[string]bool) error {
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
	if in.Transfers == "" && !in.NoTransfers {
		missing = append(missing, "15(2): Information.Transfers or NoTransfers")
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return &IncompleteError{missing}
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
