package retention

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
)

//go:embed packs/*.json
var packFiles embed.FS

// PackRule is a rule of a country pack: a statutory period, or guidance of an
// authority, with where it was found and how sure that is.
type PackRule struct {
	Rule
	Country string `json:"-"` // ISO 3166-1, "EU" for the Union, "UK" for the United Kingdom
	// Confidence says how the row was checked: "seen" in the source, "secondary", ...
	Confidence string `json:"confidence"`
	// Disabled says why the rule is shipped disabled. A schedule may still use it
	// when Rule.Confirmed says who checked it, and when.
	Disabled string `json:"disabled,omitempty"`
}

// loadPacks reads the embedded packs once.
var loadPacks = sync.OnceValues(func() ([]PackRule, error) {
	files, err := packFiles.ReadDir("packs")
	if err != nil {
		return nil, err
	}
	var all []PackRule
	for _, f := range files {
		text, err := packFiles.ReadFile("packs/" + f.Name())
		if err != nil {
			return nil, err
		}
		var pack struct {
			Country string     `json:"country"`
			Rules   []PackRule `json:"rules"`
		}
		if err := json.Unmarshal(text, &pack); err != nil {
			return nil, fmt.Errorf("retention: pack %s: %w", f.Name(), err)
		}
		for i := range pack.Rules {
			pack.Rules[i].Country = pack.Country
		}
		all = append(all, pack.Rules...)
	}
	slices.SortFunc(all, func(a, b PackRule) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
})

// Packs returns the rules of the country packs, ordered by id. They are facts for
// a schedule to refer to (Rule.From), not a schedule: a rule covers what the
// controller says it covers.
func Packs() []PackRule {
	all, err := loadPacks()
	if err != nil {
		return nil // the embedded files are tested
	}
	return slices.Clone(all)
}

// inherit fills the rules that refer to a country pack.
func (c *checker) inherit() {
	for i := range c.def.Rules {
		r := &c.def.Rules[i]
		if r.From == "" {
			continue
		}
		packs := Packs()
		at, ok := slices.BinarySearchFunc(packs, r.From, func(p PackRule, id string) int { return cmp.Compare(p.ID, id) })
		if !ok {
			c.rule(i, "from", "%q is not a rule of a country pack", clip(r.From))
			continue
		}
		p := &packs[at]
		if country := strings.Replace(c.def.Country, "GB", "UK", 1); p.Country != "EU" && p.Country != country {
			c.rule(i, "from", "%s is a duty of %s; the controller bears those of %s", p.ID, p.Country, clip(c.def.Country))
		}
		if p.Disabled != "" && r.Confirmed == "" {
			c.rule(i, "confirmed", "%s is shipped disabled (%s); say who checked it and when", p.ID, p.Disabled)
		}
		r.take(&p.Rule)
	}
}

// take fills what is empty from a pack's rule.
func (r *Rule) take(p *Rule) {
	r.Title = cmp.Or(r.Title, p.Title)
	r.Category = cmp.Or(r.Category, p.Category)
	r.Kind = cmp.Or(r.Kind, p.Kind)
	r.Level = cmp.Or(r.Level, p.Level)
	r.Ground = cmp.Or(r.Ground, p.Ground)
	r.Basis = cmp.Or(r.Basis, p.Basis)
	r.Note = cmp.Or(r.Note, p.Note)
	if r.Period.IsZero() && len(r.Versions) == 0 {
		r.Period, r.Versions = p.Period, slices.Clone(p.Versions)
	}
	r.NoEnd = r.NoEnd || p.NoEnd
	r.Start.Anchor = cmp.Or(r.Start.Anchor, p.Start.Anchor)
	if len(r.Start.Events) == 0 {
		r.Start.Events = slices.Clone(p.Start.Events)
	}
	if r.Checked == nil {
		r.Checked = p.Checked
	}
}
