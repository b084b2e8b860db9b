package retention

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/internal/calendar"
)

// Finding is something in a schedule that is allowed and deserves a second look.
type Finding struct {
	Rule string // id of the rule, or empty
	Code string // stable name of the kind of finding, such as "stale-check"
	Text string
}

// staleAfter is how long a check of a rule against its source is good for.
var staleAfter = Period{Years: 1}

// Lint returns findings about a valid schedule, ordered by category and rule:
//
//	stale-check       a statutory rule was compared with its source more than a year ago, or never
//	whole-row-duty    a duty covers whole rows without a waiver: name its fields
//	no-maximum        nothing limits the use of a category before its duties end
//	not-in-force      no version of the rule is law today
//	shadowed-default  a default never counts, since the category has another maximum
//	confirmed-by-hand a rule that its pack ships disabled was confirmed by the controller
func (s *Schedule) Lint(at time.Time) []Finding {
	var out []Finding
	today := calendar.DateOf(at.In(s.loc))
	for _, name := range s.names {
		p := s.policies[name]
		ends, other := false, false
		for _, r := range p.rules {
			ends = ends || r.ends() || r.Then == Block
			other = other || r.ends() && r.Level != Default
		}
		if !ends {
			out = append(out, Finding{Code: "no-maximum", Text: fmt.Sprintf("category %q has no maximum: it stays in use until its duties end", name)})
		}
		for _, r := range p.rules {
			out = r.lint(out, today, other)
		}
	}
	return out
}

// Lint returns the findings of Schedule.Lint as of now, then what shows beside the
// sources, by category and rule:
//
//	no-source  no source delivers the category: nothing of it ever is due by itself
//	no-date    no source of the category has a date of any event of the rule: its period never begins
//
// Of a source that is not [Dated] every event counts as known.
func (e *Engine) Lint() []Finding {
	s := e.schedule
	out := s.Lint(e.now())
	for _, name := range s.names {
		known, all, some := map[string]bool{}, false, false
		for _, source := range e.opt.Sources {
			if source.Category() != name {
				continue
			}
			some = true
			dated, ok := source.(Dated)
			if !ok {
				all = true
				continue
			}
			for _, event := range dated.DatedBy() {
				known[event] = true
			}
		}
		if !some {
			out = append(out, Finding{Code: "no-source", Text: fmt.Sprintf("no source delivers category %q: nothing of it ever is due by itself", name)})
			continue
		}
		for _, r := range s.policies[name].rules {
			begins := all || len(r.Start.Events) == 0 || slices.ContainsFunc(r.Start.Events, func(event string) bool { return known[event] })
			if !begins {
				out = append(out, Finding{Rule: r.ID, Code: "no-date", Text: fmt.Sprintf("no source of category %q has a date of %s: the period never begins", name, strings.Join(r.Start.Events, " or "))})
			}
		}
	}
	return out
}

func (r *Rule) lint(out []Finding, today Date, other bool) []Finding {
	add := func(code, text string, args ...any) {
		out = append(out, Finding{Rule: r.ID, Code: code, Text: fmt.Sprintf(text, args...)})
	}
	if r.Level == Statutory {
		switch {
		case r.Checked == nil:
			add("stale-check", "was never compared with its source")
		case r.Checked.Add(staleAfter) < today:
			add("stale-check", "was last compared with its source on %s", *r.Checked)
		}
	}
	if r.Kind == Minimum && r.Level == Statutory && len(r.Fields) == 0 && r.Waiver == "" {
		add("whole-row-duty", "covers whole rows: name the fields that %s asks for, or give a waiver", r.Ground)
	}
	if !r.inForce(today) {
		add("not-in-force", "no version of it is law on %s", today)
	}
	if r.ends() && r.Level == Default && other {
		add("shadowed-default", "never counts: the category has another maximum")
	}
	if r.Confirmed != "" && r.From != "" {
		add("confirmed-by-hand", "%s was confirmed by the controller: %s", r.From, r.Confirmed)
	}
	return out
}
