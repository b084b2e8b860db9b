package dsar

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestStatesDocIsCurrent compares STATES.md with the table. Run it with
// GDPRKIT_WRITE=1 to write the file anew.
func TestStatesDocIsCurrent(t *testing.T) {
	if os.Getenv("GDPRKIT_WRITE") != "" {
		require.NoError(t, os.WriteFile("STATES.md", []byte(statesDoc()), 0o644))
	}
	b, err := os.ReadFile("STATES.md")
	require.NoError(t, err)
	require.Equal(t, statesDoc(), string(b))
}

// statesDoc returns the transition table as Markdown: the text of STATES.md.
func statesDoc() string {
	var b strings.Builder
	b.WriteString("# States of a request\n\nMade from the table in `states.go`; a test compares them. Every pair that is not listed is refused with a\n`*dsar.TransitionError`. Identity, grouping, assignment and extension are dimensions of their own.\n\n")
	b.WriteString("| event | from | to | identity needed | meaning |\n|---|---|---|---|---|\n")
	for _, t := range transitions {
		from, to, id := "(new)", string(t.To), ""
		if t.From != nil {
			names := make([]string, len(t.From))
			for i, s := range t.From {
				names[i] = string(s)
			}
			from = strings.Join(names, ", ")
		}
		if to == "" {
			to = "same"
		}
		if t.Identity {
			id = "yes"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", t.Event, from, to, id, t.Text)
	}
	b.WriteString("\n| state | ")
	for _, t := range transitions[1:] {
		b.WriteString(string(t.Event) + " | ")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(transitions)-1) + "\n")
	for _, s := range states {
		fmt.Fprintf(&b, "| %s |", s)
		for _, t := range transitions[1:] {
			cell := " "
			if to, _, ok := next(s, t.Event); ok {
				cell = " → " + string(to) + " "
				if to == s {
					cell = " ✓ "
				}
			}
			b.WriteString(cell + "|")
		}
		b.WriteString("\n")
	}
	return b.String()
}
