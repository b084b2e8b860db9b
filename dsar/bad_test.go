package dsar_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/dsartest"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

func TestBadIntakeNamesFieldAndRule(t *testing.T) {
	w := dsartest.NewWorld(t, memstore.New(nil))
	for name, c := range map[string]struct {
		field  string
		change func(*dsar.Intake)
	}{
		"unknown kind":      {"Intake.Kind", func(in *dsar.Intake) { in.Kind = "copy" }},
		"future":            {"Intake.Received", func(in *dsar.Intake) { in.Received = dsartest.Start.Add(time.Minute) }},
		"e-mail as subject": {"Intake.Subjects", func(in *dsar.Intake) { in.Subjects = []string{"anna@example.org"} }},
		"channel":           {"Intake.Channel", func(in *dsar.Intake) { in.Channel = "fax" }},
		"proxy, no mandate": {"Intake.Mandate", func(in *dsar.Intake) { in.Capacity = dsar.Proxy }},
		"erasure, ground":   {"Intake.Ground", func(in *dsar.Intake) { in.Kind = dsar.Erasure }},
		"restriction":       {"Intake.Ground", func(in *dsar.Intake) { in.Kind = dsar.Restriction; in.Ground = "A17-1-a" }},
		"withdrawal":        {"Intake.Purposes", func(in *dsar.Intake) { in.Kind = dsar.Withdrawal }},
		"rectification":     {"Intake.Changes", func(in *dsar.Intake) { in.Kind = dsar.Rectification; in.Text = "" }},
		"prose as ground":   {"Intake.Ground", func(in *dsar.Intake) { in.Ground = "anna wants it" }},
		"language":          {"Intake.Language", func(in *dsar.Intake) { in.Language = "nl\x00" }},
		"long language":     {"Intake.Language", func(in *dsar.Intake) { in.Language = strings.Repeat("n", 17) }},
		"key, no UTF-8":     {"Intake.Key", func(in *dsar.Intake) { in.Key = "form\xff" }},
		"key with NUL":      {"Intake.Key", func(in *dsar.Intake) { in.Key = "form\x00" }},
		"empty purpose":     {"Intake.Purposes", func(in *dsar.Intake) { in.Kind = dsar.Objection; in.Purposes = []string{""} }},
		"empty category":    {"Intake.Scope", func(in *dsar.Intake) { in.Scope.Categories = []string{""} }},
		"NUL in a field":    {"Intake.Scope", func(in *dsar.Intake) { in.Scope.Fields = []string{"name\x00"} }},
		"who":               {"Intake.By", func(in *dsar.Intake) { in.By = "jan@acme.example" }},
	} {
		t.Run(name, func(t *testing.T) {
			in := dsartest.Intake(dsar.Access)
			c.change(&in)
			_, err := w.Desk.Receive(context.Background(), in)
			var ie *gdpr.InvalidError
			require.ErrorAs(t, err, &ie)
			require.Equal(t, c.field, ie.Field)
			require.NotContains(t, err.Error(), "anna")
		})
	}
	for _, err := range w.Desk.List(context.Background(), dsar.Filter{}) {
		require.NoError(t, err)
		t.Fatal("something was written")
	}
}

func TestBadDisclosureNamesFieldAndRule(t *testing.T) {
	w := dsartest.NewWorld(t, memstore.New(nil))
	for field, change := range map[string]func(*dsar.Disclosed){
		"Disclosed.Basis":      func(g *dsar.Disclosed) { g.Basis = "because anna asked" },
		"Disclosed.Country":    func(g *dsar.Disclosed) { g.Country = "us" },
		"Disclosed.Key":        func(g *dsar.Disclosed) { g.Key = "\xff" },
		"Disclosed.Categories": func(g *dsar.Disclosed) { g.Categories = []string{"contact", ""} },
	} {
		g := dsar.Disclosed{Subject: "c1", Recipient: "Mailer Ltd", Country: "US", Categories: []string{"contact"}, Basis: "A6-1-f"}
		change(&g)
		var ie *gdpr.InvalidError
		require.ErrorAs(t, w.Desk.Disclose(context.Background(), g), &ie, field)
		require.Equal(t, field, ie.Field)
	}
	for range w.Desk.Disclosures(context.Background(), "c1") {
		t.Fatal("something was written")
	}
}

func TestBadKeyOfAStep(t *testing.T) {
	w := dsartest.NewWorld(t, memstore.New(nil))
	r := w.Receive(dsar.Access)
	for _, key := range []string{"\xff", "a\x00", strings.Repeat("k", 129)} {
		_, err := w.Desk.Waive(context.Background(), r.ID, "known", dsar.Act{By: "emp1", Key: key})
		require.ErrorIs(t, err, gdpr.ErrInvalid)
	}
}

func TestUnsealedPersonalContentIsRefused(t *testing.T) {
	d, err := dsar.New(memstore.New(nil).Tenant("acme"), dsartest.Controller(), nil)
	require.NoError(t, err)
	_, err = d.Receive(context.Background(), dsartest.Intake(dsar.Access))
	require.ErrorIs(t, err, gdpr.ErrUnsealed)
	_, err = d.Receive(context.Background(), dsar.Intake{Kind: dsar.Access, Subjects: []string{"c1"}})
	require.NoError(t, err)
}

func TestNewChecks(t *testing.T) {
	store := memstore.New(nil).Tenant("acme")
	c := dsartest.Controller()
	for name, f := range map[string]func(*gdpr.Controller, *dsar.Options){
		"no time zone":    func(c *gdpr.Controller, _ *dsar.Options) { c.TimeZone = "" },
		"no holidays":     func(c *gdpr.Controller, _ *dsar.Options) { c.Country = "SE" },
		"short secret":    func(_ *gdpr.Controller, o *dsar.Options) { o.Secret = gdpr.NewSecret([]byte("x")) },
		"journal, no key": func(_ *gdpr.Controller, o *dsar.Options) { o.Journal = new(dsartest.Journal) },
		"two of a name": func(_ *gdpr.Controller, o *dsar.Options) {
			o.Sources = []dsar.Source{dsartest.NewCRM("a"), dsartest.NewCRM("a")}
		},
		"bad name":          func(_ *gdpr.Controller, o *dsar.Options) { o.Sources = []dsar.Source{dsartest.NewCRM("A b")} },
		"own name":          func(_ *gdpr.Controller, o *dsar.Options) { o.Sources = []dsar.Source{dsartest.NewCRM(dsar.OwnSource)} },
		"broken letters":    func(_ *gdpr.Controller, o *dsar.Options) { o.Letters = fstest.MapFS{"nl.tmpl": {Data: []byte("{{")}} },
		"bad extra holiday": func(_ *gdpr.Controller, o *dsar.Options) { o.Deadlines.Holidays = map[string]string{"1 May": "x"} },
	} {
		t.Run(name, func(t *testing.T) {
			c, o := c, dsar.Options{}
			f(&c, &o)
			_, err := dsar.New(store, c, &o)
			require.ErrorIs(t, err, gdpr.ErrInvalid)
		})
	}
}

func TestRefusalNeedsEveryItem(t *testing.T) {
	w := dsartest.NewWorld(t, memstore.New(nil))
	r := w.Receive(dsar.Access)
	_, err := w.Desk.Refuse(context.Background(), r.ID, dsar.Refusal{}, dsartest.By("emp1"))
	var inc *dsar.IncompleteError
	require.ErrorAs(t, err, &inc)
	require.Len(t, inc.Missing, 6, "the authority is the controller's")
	require.NotContains(t, err.Error(), "Options.", "what is missing is in the refusal")
	self := dsartest.RefusalOf()
	self.SignedBy = "emp1"
	_, err = w.Desk.Refuse(context.Background(), r.ID, self, dsartest.By("emp1"))
	require.ErrorIs(t, err, dsar.ErrFourEyes)
}

func TestAccessFailsNamingWhatIsMissing(t *testing.T) {
	w := dsartest.NewWorld(t, memstore.New(nil))
	w.Options.Information = dsar.Information{}
	w.Restart()
	r := w.Prepare(dsar.Access)
	_, err := w.Desk.Work(context.Background(), r.ID, dsartest.By("emp1"))
	require.NoError(t, err)
	out := new(dsartest.Discard)
	_, err = w.Desk.Bundle(context.Background(), r.ID, out, dsartest.By("emp1"))
	var inc *dsar.IncompleteError
	require.ErrorAs(t, err, &inc)
	require.ErrorContains(t, err, "see Options.Information")
	require.Contains(t, inc.Missing, "15(1)(a): purposes of category contact")
	require.Contains(t, inc.Missing, "15(1)(h): Information.Automated or NoAutomated")
	require.Contains(t, inc.Missing, "15(2): Information.Transfers or NoTransfers")
	require.Zero(t, out.N, "before the first byte")
	_, err = w.Desk.Fulfil(context.Background(), r.ID, dsartest.By("emp1"))
	require.ErrorIs(t, err, dsar.ErrIncomplete)
}

// TestPlanSaysWhatTheAnswerLacks: before anybody approves, and mending it leaves the
// plan as it is.
func TestPlanSaysWhatTheAnswerLacks(t *testing.T) {
	ctx, plan := context.Background(), func(w *dsartest.World, kind dsar.Kind) (string, *dsar.Plan) {
		r := w.Prepare(kind)
		p, err := w.Desk.Plan(context.Background(), r.ID, dsartest.By("emp1"))
		require.NoError(t, err)
		return r.ID, p
	}
	w := dsartest.NewWorld(t, memstore.New(nil))
	_, p := plan(w, dsar.Access)
	require.Empty(t, p.Missing)
	w.Options.Information = dsar.Information{}
	w.Restart()
	id, p := plan(w, dsar.Access)
	require.Contains(t, p.Missing, "15(1)(a): purposes of category contact")
	require.Contains(t, p.Missing, "15(2): Information.Transfers or NoTransfers")
	w.Options.Information = dsartest.Information()
	w.Restart()
	_, err := w.Desk.Approve(ctx, id, p.Hash, dsartest.By("emp2"))
	require.NoError(t, err)
}

func TestEncryptWrapsTheArchive(t *testing.T) {
	w := dsartest.NewWorld(t, memstore.New(nil))
	w.Options.Encrypt = func(out io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(out), nil }
	w.Restart()
	r := w.Prepare(dsar.Access)
	_, err := w.Desk.Work(context.Background(), r.ID, dsartest.By("emp1"))
	require.NoError(t, err)
	var b bytes.Buffer
	_, err = w.Desk.Bundle(context.Background(), r.ID, &b, dsartest.By("emp1"))
	require.NoError(t, err)
	z, err := gzip.NewReader(&b)
	require.NoError(t, err)
	plain, err := io.ReadAll(z)
	require.NoError(t, err)
	require.Contains(t, dsartest.Unzip(t, plain), "data.json")
}

func TestLettersInEveryLanguageAndOverridden(t *testing.T) {
	w := dsartest.NewWorld(t, memstore.New(nil))
	w.Options.Letters = fstest.MapFS{"fr.tmpl": {Data: []byte(`{{define "received"}}Bonjour, réf. {{.Request.ID}}{{end}}`)}}
	w.Restart()
	want := map[string]string{"nl": "wij hebben uw verzoek ontvangen", "en-GB": "we have received", "de": "Wir haben Ihren Antrag erhalten", "fr": "Bonjour, réf.", "pt": "we have received"}
	for lang, text := range want {
		in := dsartest.Intake(dsar.Access)
		in.Language = lang
		r, err := w.Desk.Receive(context.Background(), in)
		require.NoError(t, err)
		require.Contains(t, r.Letter.Text, text)
	}
	for _, lang := range []string{"nl", "en", "de", "fr"} {
		for _, k := range dsartest.Kinds {
			in := dsartest.Intake(k)
			in.Language = lang
			r, err := w.Desk.Receive(context.Background(), in)
			require.NoError(t, err)
			_, err = w.Desk.Waive(context.Background(), r.ID, "known", dsartest.By("emp1"))
			require.NoError(t, err)
			if k == dsar.Access {
				r, err = w.Desk.Refuse(context.Background(), r.ID, dsartest.RefusalOf(), dsartest.By("emp1"))
				require.NoError(t, err)
				require.Contains(t, r.Letter.Text, "Rechtbank Amsterdam")
				continue
			}
			w.Approve(r.ID)
			done, err := w.Finish(r.ID)
			require.NoError(t, err, "%s %s", lang, k)
			require.NotContains(t, done.Letter.Text, "<no value>")
		}
	}
}

func TestParseIntake(t *testing.T) {
	in, err := dsar.ParseIntake(strings.NewReader(`{"kind":"erasure","ground":"A17-1-b","received":"2026-03-01T10:00:00Z","contact":"anna@example.org","identities":{"email":"anna@example.org"}}`))
	require.NoError(t, err)
	require.Equal(t, dsar.Erasure, in.Kind)
	for name, c := range map[string][2]string{
		"unknown field": {`{"kind":"access","subjects":["c1"]}`, "additionalProperties"},
		"unknown kind":  {`{"kind":"anna"}`, "Intake.kind"},
		"bad ground":    {`{"kind":"erasure","ground":"anna"}`, "Intake.ground"},
		"no kind":       {`{}`, "required"},
		"not JSON":      {`{"kind":`, "Intake"},
		"two values":    {`{"kind":"access"} {}`, "one JSON value"},
		"too large":     {`{"text":"` + strings.Repeat("anna", 70_000) + `"}`, "bytes"},
		"personal name": {`{"kind":"access","identities":{"anna de vries":"x"}}`, "Intake.identities"},
		"not a date":    {`{"kind":"access","received":"anna"}`, "Intake"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := dsar.ParseIntake(strings.NewReader(c[0]))
			require.ErrorIs(t, err, gdpr.ErrInvalid)
			require.ErrorContains(t, err, c[1])
			require.NotContains(t, err.Error(), "anna")
		})
	}
	require.Contains(t, dsar.IntakeSchema(), "2020-12")
}

func FuzzParseIntake(f *testing.F) {
	f.Add([]byte(`{"kind":"access"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, err := dsar.ParseIntake(bytes.NewReader(b))
		require.True(t, err == nil || errors.Is(err, gdpr.ErrInvalid))
	})
}

func TestPeriodsPerJurisdiction(t *testing.T) {
	uk := dsartest.Controller()
	uk.Country, uk.TimeZone = "GB", "Europe/London"
	w := dsartest.NewWorld(t, memstore.New(nil))
	d, err := dsar.New(w.Store, uk, &w.Options)
	require.NoError(t, err)
	ctx := context.Background()
	r, err := d.Receive(ctx, dsartest.Intake(dsar.Access))
	require.NoError(t, err)
	w.Wait(24 * time.Hour)
	_, err = d.Pause(ctx, r.ID, dsar.Pausing{Reason: dsar.PauseIdentity, Question: "who?"}, dsartest.By("emp1"))
	require.NoError(t, err)
	w.Wait(9 * 24 * time.Hour)
	got, err := d.Resume(ctx, r.ID, time.Time{}, dsartest.By("emp1"))
	require.NoError(t, err)
	require.Equal(t, "2026-04-13", got.DueDate, "restarts on 12 March: 12 April is a Sunday")
	require.Equal(t, "2026-04-02", got.UnpausedDate)
	// In the Netherlands a pause is recorded and moves nothing unless admitted.
	n := w.Receive(dsar.Access)
	_, err = w.Desk.Pause(ctx, n.ID, dsar.Pausing{Reason: dsar.PauseIdentity}, dsartest.By("emp1"))
	require.NoError(t, err)
	w.Wait(5 * 24 * time.Hour)
	got, err = w.Desk.Resume(ctx, n.ID, time.Time{}, dsartest.By("emp1"))
	require.NoError(t, err)
	require.Equal(t, got.UnpausedDate, got.DueDate)
}

// The journal has the erasure before the first row goes: without it nothing goes.
func TestJournalComesFirst(t *testing.T) {
	w := dsartest.NewWorld(t, memstore.New(nil))
	r := w.Prepare(dsar.Erasure)
	w.Journal.Err = errors.New("volume is full")
	_, err := w.Desk.Work(context.Background(), r.ID, dsartest.By("emp1"))
	require.ErrorIs(t, err, w.Journal.Err)
	require.Zero(t, w.CRM.Erased())
	w.Journal.Err = nil
	_, err = w.Finish(r.ID)
	require.NoError(t, err)
	for rec, err := range w.Journal.Read(context.Background(), 0) {
		require.NoError(t, err)
		require.NotContains(t, strings.ReplaceAll(string(rec), r.ID, ""), "c1")
		require.NotContains(t, string(rec), "anna")
	}
}

// No personal value stands in clear in an audit entry, whatever is done.
func TestNoPersonalDataInTheLog(t *testing.T) {
	w := dsartest.NewWorld(t, memstore.New(nil))
	for _, k := range dsartest.Kinds {
		r := w.Prepare(k)
		_, err := w.Finish(r.ID)
		require.NoError(t, err)
	}
	for _, canary := range []string{"anna", "Anna", "c1", "Graag", "emp1"} {
		for _, line := range strings.Split(w.Audit.Text(), "\n") {
			for _, word := range strings.Fields(line) {
				if strings.HasPrefix(word, "request=") || strings.HasPrefix(word, "commitment=") || strings.HasPrefix(word, "code=") || strings.HasPrefix(word, "plan=") {
					continue // random or a hash
				}
				require.NotContains(t, word, canary, line)
			}
		}
	}
}
