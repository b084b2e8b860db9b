package dsartest

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/stretchr/testify/require"
)

// Run runs the scenarios over tenants of one database.
func Run(t *testing.T, open func(t *testing.T) storage.Directory) {
	dir := open(t)
	for _, s := range []struct {
		name string
		run  func(*testing.T, *World)
	}{
		{"EveryKindIsAnswered", everyKind},
		{"BundleHoldsEverySource", bundle},
		{"ErasureKeepsWhatADutyKeeps", erasure},
		{"ProcessorForwards", forwarding},
		{"OverdueIsEmptyNowAndNamesTheRequestLater", overdue},
		{"RegisterOfAPeriod", register},
		{"KeysMakeStepsIdempotent", keys},
		{"CopiesAreRecordedOnce", copies},
		{"HostRollsBack", rollback},
		{"RestrictionIsLiftedAfterNotice", restriction},
		{"ObjectionRestrictsAtOnce", objection},
		{"InterimRestrictionEndsWithTheObjection", interimRestriction},
		{"InterimRestrictionOfTwoObjections", interimOfTwo},
		{"CancelledHalfway", cancelledHalfway},
		{"WithdrawalSaysWhatStood", withdrawal},
		{"RectificationLeavesNoValueInTheLog", rectification},
		{"PortabilityHoldsWhatWasProvided", portability},
		{"TwoContactsOneRequest", twoContacts},
		{"FileExpiresLineStays", expiry},
		{"DossierHoldsTheWholeFile", dossier},
		{"AutomatedDecisionNeedsAReview", review},
		{"WildSources", wildSources},
		{"BreakGlassIsReviewedAfterwards", breakGlass},
		{"Codes", codes},
		{"CodesRunOut", codesRunOut},
		{"AttemptsSurviveRollback", attemptsSurviveRollback},
		{"TablesOfOneCategory", sharedCategory},
		{"FieldsThatWaitForADuty", fieldsThatWait},
		{"RestWaitsForTheAnswer", restBeforeTheAnswer},
	} {
		t.Run(s.name, func(t *testing.T) { s.run(t, NewWorld(t, dir)) })
	}
	for _, l := range lessons {
		t.Run("Lesson/"+l.name, func(t *testing.T) { l.run(t, NewWorld(t, dir)) })
	}
	for _, c := range combined {
		t.Run("Combined/"+c.name, func(t *testing.T) { c.run(t, NewWorld(t, dir)) })
	}
	t.Run("CodesTellNobodyWhoIsKnown", func(t *testing.T) { CodesTellNobodyWhoIsKnown(NewUniform(t, dir, nil)) })
	t.Run("FaultAfterEachStep", func(t *testing.T) { faults(t, dir, []dsar.Kind{dsar.Erasure}) })
}

// RunAll runs Run and the scenarios that make many worlds.
func RunAll(t *testing.T, open func(t *testing.T) storage.Directory) {
	Run(t, open)
	dir := open(t)
	t.Run("FaultAfterEachStepOfEachKind", func(t *testing.T) { faults(t, dir, Kinds) })
	t.Run("EveryStateAndEvent", func(t *testing.T) { everyPair(t, dir) })
	t.Run("Readmission", func(t *testing.T) { Readmission(t, open) })
	t.Run("NothingBeforeIdentity", func(t *testing.T) { nothingBeforeIdentity(t, dir) })
}

func everyKind(t *testing.T, w *World) {
	for _, k := range Kinds {
		r := w.Prepare(k)
		done, err := w.Finish(r.ID)
		require.NoError(t, err, k)
		require.Equal(t, dsar.StateFulfilled, done.State, k)
		require.NotNil(t, done.Letter, k)
		require.Contains(t, done.Letter.Text, r.ID)
	}
}

// Unzip returns the files of a bundle.
func Unzip(t *testing.T, b []byte) map[string]string {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	require.NoError(t, err)
	files := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		require.NoError(t, err)
		text, err := io.ReadAll(r)
		require.NoError(t, err)
		files[f.Name] = string(text)
	}
	return files
}

func bundle(t *testing.T, w *World) {
	ctx := context.Background()
	r := w.Prepare(dsar.Access)
	_, err := w.Desk.Work(ctx, r.ID, By("emp1"))
	require.NoError(t, err)
	var a, b bytes.Buffer
	m, err := w.Desk.Bundle(ctx, r.ID, &a, By("emp1"))
	require.NoError(t, err)
	_, err = w.Desk.Bundle(ctx, r.ID, &b, By("emp1"))
	require.NoError(t, err)
	require.True(t, bytes.Equal(a.Bytes(), b.Bytes()), "equal data makes equal bundles")
	files := Unzip(t, a.Bytes())
	require.Contains(t, files["data.json"], "anna@example.org")
	require.NotContains(t, files["data.json"], "bert@example.org")
	require.NotContains(t, files["data.json"], "Bert Other")
	require.Equal(t, 2, m.Redacted)
	require.Equal(t, dsar.SourceEmpty, m.Sections[len(m.Sections)-1].State)
	require.Contains(t, files["csv/002-notes.csv"], `"'=HYPERLINK(""http://x"")"`)
	require.Contains(t, files["index.html"], "Content-Security-Policy")
}

func erasure(t *testing.T, w *World) {
	ctx := context.Background()
	r := w.Prepare(dsar.Erasure)
	done, err := w.Finish(r.ID)
	require.NoError(t, err)
	require.Len(t, w.CRM.Rows("contacts"), 1, "the other contact stays")
	inv := w.CRM.Rows("invoices")
	require.Len(t, inv, 2)
	require.Nil(t, inv[0].Values[3], "a duty names fields: the phone number goes")
	require.Equal(t, "Anna de Vries", inv[0].Values[2])
	got := map[dsar.Outcome]int{}
	for i, err := range w.Desk.Items(ctx, r.ID) {
		require.NoError(t, err)
		got[i.Outcome]++
		if i.Outcome == dsar.Blocked {
			require.Equal(t, "NL-AWR-52", i.Ground)
			require.Equal(t, "rest-masked/free-text-remains", i.Evidence)
		}
	}
	require.Equal(t, map[dsar.Outcome]int{dsar.Erased: 3, dsar.Blocked: 1}, got)
	require.Contains(t, done.Letter.Text, "NL-AWR-52, tot 2033-01-01")
	require.True(t, w.Sealer.Shredded("c1"))
	require.Equal(t, 1, w.Journal.Len())
	require.NotContains(t, w.Audit.Text(), "anna")
}
