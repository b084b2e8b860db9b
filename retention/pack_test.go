package retention

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write PERIODS.md")

// TestPeriodsPage checks that PERIODS.md is what the packs say.
func TestPeriodsPage(t *testing.T) {
	page := periodsPage()
	if *update {
		require.NoError(t, os.WriteFile("PERIODS.md", []byte(page), 0o644))
	}
	text, err := os.ReadFile("PERIODS.md")
	require.NoError(t, err)
	require.Equal(t, page, string(text), "run: go test ./retention -run TestPeriodsPage -update")
}

func periodsPage() string {
	var b strings.Builder
	b.WriteString(`# Periods of the country packs

Generated from ` + "`packs/*.json`" + ` (go test ./retention -run TestPeriodsPage -update). A schedule uses a row by
` + "`\"from\": \"<id>\"`" + `. Rows marked *disabled* also need ` + "`\"confirmed\": \"<who, when>\"`" + `. None of this is legal advice: the
controller's counsel signs the schedule.

- A *minimum* is a duty to keep, a *maximum* a limit, a *limitation* a choice that needs a reason. A statute binds
  ("statutory"); a "purpose" row is guidance or practice of an authority; a "default" is policy.
- A period begins at the latest of the events named that is known, moved to the anchor before the colon if there is one.
  While none is known, nothing is due. "P0D" ends with the event itself.
- "In force": "starts from" and "starts to" choose by the first day of the period; "from" and "to" by the day on which the
  row is judged.
- Confidence: "seen" was compared with the source on the day "checked"; "seen in part" only as far as the note or the cell
  says; "secondary" rests on somebody's summary; "policy" and "rule" name no period of law; "unconfirmed" is disabled.

| id | what | period | starts | kind, level | source | confidence | in force | checked | note |
|---|---|---|---|---|---|---|---|---|---|
`)
	for _, p := range Packs() {
		force, periods := "", []string{p.Period.String()}
		if len(p.Versions) > 0 {
			periods = nil
			for _, v := range p.Versions {
				periods = append(periods, v.Period.String())
				force += v.describe()
			}
		}
		if p.NoEnd {
			periods = []string{"no end"}
		}
		start := strings.Join(p.Start.Events, ", ")
		if p.Start.Anchor != "" {
			start = string(p.Start.Anchor) + ": " + start
		}
		note := p.Note
		if p.Disabled != "" {
			note = strings.TrimSuffix("**disabled** ("+p.Disabled+") "+note, " ")
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s, %s | %s | %s | %s | %s | %s |\n", p.ID, p.Title, strings.Join(periods, ", then "),
			start, p.Kind, p.Level, p.Ground, p.Confidence, strings.TrimSuffix(force, "; "), *p.Checked, note)
	}
	return b.String()
}

func (v *Version) describe() string {
	s := v.Period.String()
	for _, part := range []struct {
		word string
		date *Date
	}{{"from", v.From}, {"to", v.To}, {"starts from", v.StartFrom}, {"starts to", v.StartTo}} {
		if part.date != nil {
			s += fmt.Sprintf(" %s %s", part.word, *part.date)
		}
	}
	return s + "; "
}

func TestPacksAreValid(t *testing.T) {
	require.Len(t, Packs(), 58)
	for _, p := range Packs() {
		zone, country := "Europe/Brussels", p.Country
		if country == "EU" {
			country = "BE"
		}
		_, err := NewSchedule(Definition{Version: "1", Country: country, TimeZone: zone,
			Rules: []Rule{{ID: "r", From: p.ID, Confirmed: "test", Reason: "claims"}}})
		require.NoError(t, err, p.ID)
		require.NotEmpty(t, p.Confidence)
		require.NotNil(t, p.Checked)
		_, err = NewSchedule(Definition{Version: "1", Country: country, TimeZone: zone, Rules: []Rule{{ID: "r", From: p.ID, Reason: "claims"}}})
		if strings.Contains(p.Confidence, "unconfirmed") || p.Disabled != "" {
			require.Error(t, err, p.ID)
		}
	}
}
