package sqltest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/datamap"
	"github.com/gdprkit/gdprkit/datamap/datamaptest"
	"github.com/gdprkit/gdprkit/dsar"
	suite "github.com/gdprkit/gdprkit/internal/datamaptest"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// TestDatamapFacts has one test for each thing that real CRMs do with personal
// data and that a map must be able to say.
func TestDatamapFacts(t *testing.T) {
	facts := []struct {
		name string
		test func(c *crm)
	}{
		{"01 an address reached by a polymorphic link and shared by two goes with the last", factSharedAddress},
		{"02 e-mail and phone in JSON are found and redacted one by one", factJSON},
		{"03 a soft-deleted row is found and physically erased", factSoftDelete},
		{"04 locations outside the database are reached or named", factLocations},
		{"05 history tables follow their parent", factHistory},
		{"06 custom fields in a side table are mapped, new ones are noticed", factCustomFields},
		{"07 arrays of ids lose one element", factArrays},
		{"08 a restricting foreign key orders the work and leaves the row in place", factRestrict},
		{"09 a cascade never deletes what has a duty of its own", factCascade},
		{"10 dependents go before a foreign key that is set to null", factSetNull},
		{"11 copies in documents have a category and a clock of their own", factCopies},
		{"12 a date that every update moves is no clock, the latest related one is", factClock},
		{"13 replacements fit NOT NULL, UNIQUE and width", factReplacements},
		{"14 triggers are told and a callback lets the CRM write", factCallback},
		{"15 one person in several tables is proposed, not merged", factSeveralTables},
		{"16 staff are subjects and an owner is not the subject", factStaff},
		{"17 addresses can be suppressed before they are erased", factSuppression},
	}
	Each(t, func(t *testing.T, e *Engine) {
		if e.Name == "postgres-pq" {
			return // pgx covers PostgreSQL
		}
		db := e.Open(t)
		for _, f := range facts {
			t.Run(f.name, func(t *testing.T) { f.test(resetCRM(t, db)) })
		}
	})
}

func factSharedAddress(c *crm) {
	c.erase(alice)
	require.Len(c, cells(c, c.db, "SELECT id FROM mail_addresses WHERE id = ?", suite.UUID('m', 2)), 0, "hers alone is gone")
	require.Equal(c, "family@jansen.example", c.one("SELECT address FROM mail_addresses WHERE id = ?", suite.UUID('m', 1)), "the shared one stays")
	c.erase(bob)
	require.Empty(c, cells(c, c.db, "SELECT id FROM mail_addresses WHERE id = ?", suite.UUID('m', 1)), "until the last of them goes")
	require.Equal(c, "1", c.one("SELECT COUNT(*) FROM mail_links WHERE owner_type = 'Accounts'"), "a link of another kind with the same id is not hers")
}

func factJSON(c *crm) {
	for _, clue := range []datamap.Clue{{Phone: "06 1111-0001"}, {Email: "ONLY@alice.example"}, {Name: "alice-jansen alice", BirthDate: "1980-05-17"}} {
		m, err := c.live.Identify(c.Context(), clue)
		require.NoError(c, err)
		require.NotEmpty(c, m)
		require.Equal(c, alice, m[0].Subject, clue)
	}
	c.erase(alice)
	require.Equal(c, `[{"type":"work","number":null},{"type":"home","number":null}]`, compact(c.one("SELECT phones FROM people WHERE id = ?", alice[7:])))
	m, err := c.live.Identify(c.Context(), datamap.Clue{Phone: "+31 6 22220001"})
	require.NoError(c, err)
	require.Equal(c, []datamap.Match{{Subject: bob, Score: 0.4, Reasons: []string{"phone: people.phones"}}}, m)
}

// compact removes the spaces and the order that engines give to documents.
func compact(s string) string {
	s = strings.NewReplacer(": ", ":", ", ", ",").Replace(s)
	return strings.NewReplacer(`{"number":null,"type":"work"}`, `{"type":"work","number":null}`, `{"number":null,"type":"home"}`, `{"type":"home","number":null}`).Replace(s)
}

func factSoftDelete(c *crm) {
	require.Len(c, collect(c, c.source, carol, dsar.Scope{})["people"], 1)
	_, cascades, err := c.source.Preview(c.Context(), carol, everything(c, c.source, carol))
	require.NoError(c, err)
	require.Equal(c, datamap.Cascades{"visits": 1}, cascades, "what the database deletes by itself is counted")
	require.Equal(c, dsar.Erased, c.erase(carol)["people/"+carol[7:]].Outcome)
	require.Empty(c, cells(c, c.db, "SELECT id FROM people WHERE id = ?", carol[7:]))
}

func factLocations(c *crm) {
	require.Equal(c, "cache/backups", c.live.Unreached()[0].Name)
	s := c.live.Sources()[1].(dsar.Eraser)
	require.Equal(c, "crm.uploads", s.Name())
	r, err := s.Erase(c.Context(), alice, everything(c, s, alice))
	require.NoError(c, err)
	require.Equal(c, dsar.Erased, r[0].Outcome)
	require.Equal(c, []string{alice}, c.cleared)
	require.Empty(c, everything(c, s, alice))
}

func factHistory(c *crm) {
	require.Len(c, collect(c, c.source, alice, dsar.Scope{})["people_audit"], 1)
	c.erase(alice)
	require.Equal(c, "1", c.one("SELECT COUNT(*) FROM people_audit"))
}

func factCustomFields(c *crm) {
	require.Equal(c, []string{alice[7:], "ALICE-77", "ALICE-38"}, collect(c, c.source, alice, dsar.Scope{})["people_extra"][0])
	c.exec("ALTER TABLE people_extra ADD COLUMN home_phone VARCHAR(20)")
	require.ErrorIs(c, c.live.Current(c.Context()), datamap.ErrChanged)
	findings, err := c.live.Check(c.Context())
	require.NoError(c, err)
	require.Contains(c, findings, datamap.Finding{Code: datamap.LooksPersonal, Table: "people_extra", Column: "home_phone", Detail: "column looks like phone by its name and is not in the map"})
}

func factArrays(c *crm) {
	c.erase(alice)
	require.Equal(c, `["`+bob[7:]+`"]`, c.one("SELECT contact_ids FROM deals WHERE id = 1"))
	require.Equal(c, "Roof", c.one("SELECT title FROM deals WHERE id = 1"), "the rest of a shared row is not hers")
	require.Equal(c, "[]", c.one("SELECT contact_ids FROM deals WHERE id = 2"))
	require.Equal(c, "Deal", c.one("SELECT title FROM deals WHERE id = 2"))
}

func factRestrict(c *crm) {
	got := c.erase(alice)
	require.Equal(c, dsar.Masked, got["people/"+alice[7:]].Outcome)
	require.Equal(c, "1980-01-01", c.one("SELECT birth_date FROM people WHERE id = ?", alice[7:])[:10])
	require.Equal(c, "12", c.one("SELECT postcode FROM people WHERE id = ?", alice[7:]))
	require.Equal(c, dsar.Erased, c.erase(frank)["people/"+frank[7:]].Outcome, "without invoices the row goes")
}

func factCascade(c *crm) {
	c.exec("DELETE FROM invoice_lines")
	c.exec("DELETE FROM invoices")
	c.exec("UPDATE people SET referred_by = NULL")
	require.Equal(c, "referenced-by:quotes", c.erase(alice)["people/"+alice[7:]].Evidence)
	require.Equal(c, "2", c.one("SELECT COUNT(*) FROM quotes"))
	c.open(suite.Map, time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC))
	require.Equal(c, dsar.Erased, c.erase(alice)["people/"+alice[7:]].Outcome, "after the duty it goes")
}

func factSetNull(c *crm) {
	c.erase(alice)
	require.Equal(c, [][]string{{"NULL", "NULL", "NULL", "NULL"}}, cells(c, c.db, "SELECT person_id , address , ip , opened_at FROM mail_stats WHERE id = 1"))
	require.Equal(c, "lost@nobody.example", c.one("SELECT address FROM mail_stats WHERE id = 3"), "what was lost before belongs to nobody")
}

func factCopies(c *crm) {
	var names []string
	for _, s := range c.live.Sweeps() {
		names = append(names, s.Name()+"="+s.Category())
	}
	require.Contains(c, names, "crm.invoices=invoice")
	require.Contains(c, names, "crm.invoices.delivery=delivery")
	c.erase(alice)
	require.Equal(c, [][]string{{"ALICE street 1", "NULL"}}, cells(c, c.db, "SELECT bill_street , ship_street FROM invoices WHERE id = 2"))
}

func factClock(c *crm) {
	m, err := datamap.Parse([]byte(strings.Replace(suite.Map, "created: created_at", "created: modified_at", 1)))
	require.NoError(c, err)
	l, err := datamap.Open(c.Context(), c.db, m, c.options(time.Now()))
	require.NoError(c, err)
	findings, err := l.Check(c.Context())
	require.NoError(c, err)
	codes := make(map[datamap.Code]bool)
	for _, f := range findings {
		codes[f.Code] = true
	}
	require.True(c, codes[datamap.MovingDate])
	for rec, err := range c.source.Collect(c.Context(), alice, dsar.Scope{Categories: []string{"contact"}, Fields: []string{"given_name"}}) {
		require.NoError(c, err)
		require.Equal(c, time.Date(2024, 3, 3, 0, 0, 0, 0, time.UTC), rec.Dates["last_invoice"])
		require.Equal(c, time.Date(2024, 1, 2, 9, 30, 0, 0, time.UTC), rec.Dates["last_call"], "the call of an account with the same id does not count")
	}
}

func factReplacements(c *crm) {
	c.erase("staff:1")
	c.erase("staff:2")
	rows := cells(c, c.db, "SELECT login , mail , full_name , password_hash , hired_on FROM staff ORDER BY id")
	require.Regexp(c, `^erased-[0-9a-z]{13}$`, rows[0][0])
	require.NotEqual(c, rows[0][:2], rows[1][:2])
	require.Regexp(c, `^[0-9a-z]{13}@erased\.invalid$`, rows[0][1])
	require.Equal(c, "NULL", rows[0][3])
	require.Equal(c, "2015-01-01", rows[0][4][:10])
	for old, new := range map[string]string{
		"{name: login, erase: random}":                      "{name: login, erase: nullify}",
		"{name: mail, is: email, erase: {do: random, value": "{name: mail, is: email, erase: {do: random, value: \"{}@a-domain-that-is-much-too-long.invalid\"}}\n      - {name: hired_on, erase: {do: fixed, value",
	} {
		require.Contains(c, c.refused(old, new), "staff.")
	}
	require.Contains(c, c.refused("{name: login, erase: random}", "{name: login, erase: {do: fixed, value: x}}"), "unique")
	require.Contains(c, c.refused("[{name: [loyalty_no, shoe_size]}]", "[{name: loyalty_no, erase: {do: fixed, value: far too long to fit here}}]"), "more than 20 characters")
}

func factCallback(c *crm) {
	text := strings.Replace(suite.Map, "{name: notes, origin: derived, free_text: true}", "{name: notes, free_text: true, erase: {do: callback, call: notes}}", 1)
	text = strings.Replace(text, "    via: [{on: parent_id, to: people.id, where: {parent_type: People}}]\n", "    erase: in_place\n    via: [{on: parent_id, to: people.id, where: {parent_type: People}}]\n", 1)
	text = strings.Replace(text, "{name: [started_at, duration_s]}", "{name: [started_at, duration_s], erase: {do: keep, ground: A6-1-f}}", 1)
	if c.db.Dialect() == sqlstore.SQLite {
		c.exec("CREATE TRIGGER calls_touch AFTER UPDATE ON calls BEGIN SELECT 1; END")
	}
	c.open(text, time.Now())
	c.erase(alice)
	require.Equal(c, []datamap.Call{{Subject: alice, Table: "calls", Key: suite.UUID('c', 1), Columns: []string{"notes"}}}, c.called)
	if c.db.Dialect() == sqlstore.SQLite {
		findings, err := c.live.Check(c.Context())
		require.NoError(c, err)
		require.Contains(c, findings, datamap.Finding{Code: datamap.HasTrigger, Table: "calls", Detail: "triggers fire on what an erasure writes: calls_touch", Note: true})
	}
}

func factSeveralTables(c *crm) {
	var got []datamap.Proposal
	for p, err := range c.live.Duplicates(c.Context()) {
		require.NoError(c, err)
		got = append(got, p)
	}
	require.Contains(c, got, datamap.Proposal{A: alice, B: "prospect:" + suite.UUID('l', 2), Score: 0.7, Reasons: []string{"email"}})
	require.Len(c, collect(c, c.source, alice, dsar.Scope{})["prospects"], 1, "a converted lead is hers, one that only shares an address is not")
	require.Len(c, cells(c, c.db, "SELECT id FROM people"), 4, "nothing is merged")
}

func factStaff(c *crm) {
	got := collect(c, c.source, "staff:1", dsar.Scope{})
	require.Len(c, got, 1)
	require.Equal(c, []string{"1", "DAVE", "DAVE Desk", "dave@DAVE.example"}, got["staff"][0][:4])
	require.Len(c, got["staff"][0], 5, "the password is erased but never exported")
	var subjects []string
	for s, err := range c.source.Subjects(c.Context()) {
		require.NoError(c, err)
		subjects = append(subjects, s)
	}
	require.Len(c, subjects, 4+3+2)
	n, err := c.source.RestrictSource(c.Context(), bob, dsar.Scope{}, true)
	require.NoError(c, err)
	require.Equal(c, 1, n)
	require.Equal(c, "1", c.one("SELECT SUM( restricted ) FROM people"))
	_, err = c.source.RestrictSource(c.Context(), bob, dsar.Scope{}, false)
	require.NoError(c, err)
	require.Equal(c, "0", c.one("SELECT SUM( restricted ) FROM people"))
}

func factSuppression(c *crm) {
	held := func() (out []datamap.Identifier) {
		for id, err := range c.live.Identifiers(c.Context(), alice) {
			require.NoError(c, err)
			out = append(out, id)
		}
		return out
	}
	require.Equal(c, []datamap.Identifier{{Is: "email", Value: "family@jansen.example"}, {Is: "email", Value: "only@ALICE.example"},
		{Is: "phone", Value: "+31 6 1111 0001"}, {Is: "phone", Value: "ALICE-010-1110002"}}, held())
	c.erase(alice)
	require.Empty(c, held())
	require.Equal(c, "1", c.one("SELECT opted_out FROM mail_addresses WHERE id = ?", suite.UUID('m', 1)), "an opt-out of a shared address stands")
}

func TestDatamapCoverageNamesANewColumn(t *testing.T) {
	Each(t, func(t *testing.T, e *Engine) {
		c := openCRM(t, e)
		m, err := datamap.Parse([]byte(suite.Map))
		require.NoError(t, err)
		covers := func(m *datamap.Map) *recorder {
			r := &recorder{TB: t}
			datamaptest.CoverageWith(r, c.db, m, c.options(time.Now()))
			return r
		}
		require.Empty(t, covers(m).errors)
		c.exec("ALTER TABLE calls ADD COLUMN customer_iban VARCHAR(34)")
		c.exec("ALTER TABLE calls ADD COLUMN flag2 VARCHAR(4)")
		got := strings.Join(covers(m).errors, "\n")
		require.Contains(t, got, "looks-personal: calls.customer_iban")
		require.Contains(t, got, "unmapped-column: calls.flag2")
		c.exec("CREATE TABLE newsletter_log (id INTEGER PRIMARY KEY, rcpt VARCHAR(80))")
		c.exec("INSERT INTO newsletter_log VALUES (1, 'someone@example.org'), (2, 'other@example.org')")
		got = strings.Join(covers(m).errors, "\n")
		require.Contains(t, got, "unmapped-table: newsletter_log")
		require.Contains(t, got, "looks-personal: newsletter_log.rcpt: column looks like e-mail by its values")

		m.Waivers = append(m.Waivers, datamap.Waiver{Tables: []string{"calls"}, Columns: []string{"customer_iban", "flag2"}, Reason: "filled by nobody yet"},
			datamap.Waiver{Tables: []string{"newsletter_log"}, Reason: "truncated every night"})
		require.Empty(t, covers(m).errors)
		m.Waivers[len(m.Waivers)-1].Reason = ""
		require.Contains(t, strings.Join(covers(m).errors, "\n"), "waiver needs")
		m.Waivers[len(m.Waivers)-1].Reason = "truncated every night"
		c.exec("DROP TABLE calls")
		require.Contains(t, strings.Join(covers(m).errors, "\n"), "calls: table is not in the live schema")
	})
}

// recorder is a test that notes its errors.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}
func (r *recorder) Logf(string, ...any) {}
func (r *recorder) Helper()             {}

func TestDatamapMinimisationAndPurpose(t *testing.T) {
	For(t, sqlstore.SQLite, func(t *testing.T, e *Engine) {
		c := openCRM(t, e)
		err := c.live.ValidateInput("people", map[string]any{"given_name": "Ann", "religion": "none", "postcode": "1234AB"})
		require.EqualError(t, err, "gdpr: people.religion: is declared by no purpose")
		require.NoError(t, c.live.ValidateInput("people", map[string]any{"given_name": "Ann", "phones": "[]", "deleted": "0", "birth_date": "2000-01-31"}))
		require.ErrorContains(t, c.live.ValidateInput("people", map[string]any{"given_name": strings.Repeat("x", 41)}), "more than 40 characters")
		require.ErrorContains(t, c.live.ValidateInput("people", map[string]any{"birth_date": "soon"}), "people.birth_date: is not a date")
		require.ErrorContains(t, c.live.ValidateInput("people", map[string]any{"given_name": nil}), "must have a value")
		require.Error(t, c.live.ValidateInput("countries", map[string]any{"code": "NL"}))

		require.NoError(t, c.live.Permit("service", "people", "given_name"))
		require.ErrorIs(t, c.live.Permit("newsletter", "people", "given_name"), datamap.ErrPurpose)
		require.ErrorIs(t, c.live.Permit("unheard-of", "people", "given_name"), datamap.ErrPurpose)
		fields, err := c.live.Fields("newsletter")
		require.NoError(t, err)
		for _, f := range fields {
			require.Contains(t, []string{"mail_addresses", "mail_stats"}, f.Table)
			require.NoError(t, c.live.Permit("newsletter", f.Table, f.Column))
		}
		_, err = c.live.Fields("unheard-of")
		require.Error(t, err)

		var page strings.Builder
		require.NoError(t, c.live.Describe(&page))
		for _, want := range []string{"## people", "Kept under NL-AWR-52, P7Y from issued", "| phones $[*].number | contact | sales, service | provided |", "cache/backups", "Belongs to person by mail_addresses.id = mail_links.mail_id, then mail_links.owner_id = people.id."} {
			require.Contains(t, page.String(), want)
		}
	})
}

func TestDatamapRectify(t *testing.T) {
	Each(t, func(t *testing.T, e *Engine) {
		c := openCRM(t, e)
		change := func(table, key, field, value string) dsar.Outcome {
			r, err := c.source.Rectify(t.Context(), alice, []dsar.Change{{Source: "crm", Table: table, Key: key, Field: field, Value: value}})
			require.NoError(t, err)
			return r[0].Outcome
		}
		require.Equal(t, dsar.Rectified, change("people", alice[7:], "family_name", "O'Jansen; DROP TABLE people"))
		require.Equal(t, "O'Jansen; DROP TABLE people", c.one("SELECT family_name FROM people WHERE id = ?", alice[7:]))
		require.Equal(t, dsar.Rectified, change("people", alice[7:], "birth_date", ""))
		require.Equal(t, dsar.Rectified, change("invoices", "2", "total", "21.00"))
		require.Equal(t, dsar.Failed, change("invoices", "2", "total", "x"))
		require.Equal(t, dsar.Failed, change("people", alice[7:], "id", "x"))
		require.Equal(t, dsar.Failed, change("people", alice[7:], "nothing", "x"))
		require.Equal(t, dsar.Failed, change("people", alice[7:], "given_name", strings.Repeat("é", 41)))
		require.Equal(t, dsar.NotHeld, change("people", bob[7:], "given_name", "x"), "not hers")
	})
}
