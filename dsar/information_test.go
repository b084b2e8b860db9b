package dsar

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestInformationInALanguage(t *testing.T) {
	in := Information{Transfers: "clauses", Categories: map[string]CategoryInformation{"contact": {Title: "Contacts", Purposes: []string{"sales"}, Retention: "P2Y", NoRecipients: true}},
		Languages: map[string]Information{"nl": {Categories: map[string]CategoryInformation{"contact": {Title: "Contacten", Purposes: []string{"verkoop"}}}}}}
	nl := in.withOwn(3 * 365 * 24 * time.Hour).in("nl")
	require.Equal(t, CategoryInformation{Title: "Contacten", Purposes: []string{"verkoop"}, Retention: "P2Y", NoRecipients: true}, nl.Categories["contact"])
	require.Equal(t, "Verzoeken en hun dossiers", nl.Categories[OwnCategory].Title)
	require.Equal(t, "P3Y", nl.Categories[OwnCategory].Retention)
	require.Equal(t, "clauses", nl.Transfers)
	require.Equal(t, "Contacts", in.in("fr").Categories["contact"].Title, "what is not said in a language is told as it stands")
	require.Equal(t, "Demandes et leurs dossiers", in.withOwn(time.Hour).in("fr").Categories[OwnCategory].Title)
}

// A logged disclosure to a third country needs its safeguards told (GDPR art. 15(2)).
func TestTransfersThatWereMadeAreTold(t *testing.T) {
	in := Information{NoAutomated: true, NoTransfers: true}
	require.NoError(t, in.check(nil, "AP", nil, []Disclosed{{Country: "DE"}, {Country: ""}, {Country: "NO"}}))
	var inc *IncompleteError
	require.ErrorAs(t, in.check(nil, "AP", nil, []Disclosed{{Country: "US"}}), &inc)
	require.ErrorContains(t, inc, "15(2)")
	in.Transfers = "standard contractual clauses"
	require.NoError(t, in.check(nil, "AP", nil, []Disclosed{{Country: "US"}}))
}

// Every word of an own file has its translation, and every kind and step its word.
func TestOwnWords(t *testing.T) {
	for _, k := range kinds {
		require.Contains(t, ownNames, string(k))
	}
	for _, tr := range transitions {
		require.Contains(t, ownNames, string(tr.Event))
	}
	for _, s := range closed {
		require.Contains(t, ownNames, string(s))
	}
	got := ownWords("nl", []shownCell{{"kind", "access"}, {"steps.1.on", "2026-03-02"}, {"steps.1.step", "refuse"}, {"letters.1", "Dear"}})
	require.Equal(t, []shownCell{{"soort", "inzage"}, {"stap 1", "2026-03-02: afgewezen"}, {"brief 1", "Dear"}}, got)
	require.Equal(t, "7 jaar, 1 maand", periodWords("nl", "P7Y1M"))
	require.Equal(t, "1 year", periodWords("en", "P1Y"))
	for _, as := range []string{"P", "", "P1X", "two years"} {
		require.Equal(t, as, periodWords("en", as))
	}
}
