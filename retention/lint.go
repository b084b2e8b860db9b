package retention

import (
	"fmt"
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
