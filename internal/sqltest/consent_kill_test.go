package sqltest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/consenttest"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage"
)

// killedSubjects are the persons that the writers fight over.
const killedSubjects = 8

func auditedLedger(db storage.Directory) (*consent.Ledger, *audit.Log, error) {
	log, err := audit.New(db.Tenant("acme"), &audit.Options{Tokeniser: tokens{}})
	if err != nil {
		return nil, nil, err
	}
	c, err := consent.NewCatalogue(consenttest.Purposes()...)
	if err != nil {
		return nil, nil, err
	}
	l, err := consent.New(db.Tenant("acme"), c, &consent.Options{Auditor: log, Secret: consenttest.Secret()})
	return l, log, err
}

// keyedAct carries out act i of a writer, always the same one, and returns the id of
// its record. An import has none: it returns its report.
func keyedAct(ctx context.Context, l *consent.Ledger, writer string, i int) (string, error) {
	r := rand.New(rand.NewPCG(uint64(i), uint64(writer[0])))
	who := r.IntN(killedSubjects)
	subject := func(n int) string { return fmt.Sprint("s-", n) }
	a := consenttest.Give(subject(who), "news", []string{"email", "sms"}[r.IntN(2)], r.IntN(60))
	a.Key = fmt.Sprint(writer, "/", i)
	var rec consent.Record
	var err error
	switch r.IntN(10) {
	case 0, 1, 2, 3:
		if r.IntN(2) == 0 {
			a.Purpose, a.Channel = "survey", ""
		}
		rec, err = l.Give(ctx, a)
	case 4, 5:
		a.Channel = ""
		rec, err = l.Withdraw(ctx, a)
	case 6:
		a.Purpose, a.Channel = "security", ""
		rec, err = l.Object(ctx, a)
	case 7:
		a.Purpose = ""
		rec, err = l.ObjectMarketing(ctx, a)
	case 8:
		a.Other = subject(who ^ 1) // pairs, so that not all become one
		rec, err = l.Merge(ctx, a)
	default:
		report, err := l.Import(ctx, consent.ImportJob{ID: a.Key, Purpose: "news", Channel: "email", Source: "old", Batch: 4},
			consenttest.Flags(10, 0))
		return fmt.Sprint("import", report.Rows), err
	}
	return rec.ID, err
}

var _ = sqltest.Child("consent writer", func(c *sqltest.ChildProcess) error {
	l, _, err := auditedLedger(c.DB)
	if err != nil {
		return err
	}
	first, _ := strconv.Atoi(c.Args[1])
	last, _ := strconv.Atoi(c.Args[2])
	for i := first; i < last; i++ {
		id, err := keyedAct(c, l, c.Args[0], i)
		for errors.Is(err, storage.ErrConflict) {
			id, err = keyedAct(c, l, c.Args[0], i)
		}
		if err != nil {
			return fmt.Errorf("act %d: %w", i, err)
		}
		c.Say("%d %s", i, id)
	}
	return nil
})

// writers keeps two processes writing until each has done all its acts.
type writers struct {
	e       *sqltest.Engine
	dsn     string
	acts    int
	r       *rand.Rand
	done    map[string]int    // acts acknowledged by writer
	records map[string]string // record by key
	kills   int
}

// round starts both, kills each after some acknowledgements, and goes back a little,
// so that acts are repeated that were acknowledged and acts that were not.
func (w *writers) round(t *testing.T) {
	said := map[string]chan []string{}
	for _, name := range []string{"a", "b"} {
		if w.done[name] == w.acts {
			continue
		}
		from, lives := max(0, w.done[name]-w.r.IntN(3)), 2+w.r.IntN(min(w.acts/2, 25))
		delay := time.Duration(w.r.IntN(3000)) * time.Microsecond
		p := w.e.Spawn(t, "consent writer", w.dsn, name, strconv.Itoa(from), strconv.Itoa(w.acts))
		all := make(chan []string, 1)
		said[name] = all
		go func() { all <- listen(p, lives, delay) }()
	}
	for name, all := range said {
		lines := <-all
		for _, line := range lines {
			w.acknowledged(t, name, line)
		}
		if w.done[name] < w.acts {
			w.kills++
		}
	}
}

// listen returns what a process says until it ends or is killed, some time after it
// said so many lines.
func listen(p *sqltest.Process, lives int, delay time.Duration) (lines []string) {
	for line := range p.Lines {
		if lines = append(lines, line); len(lines) == lives {
			time.Sleep(delay)
			p.Kill()
		}
	}
	if err := p.Wait(); err != nil && len(lines) < lives {
		lines = append(lines, "failed "+err.Error())
	}
	return lines
}

func (w *writers) acknowledged(t *testing.T, name, line string) {
	require.False(t, strings.HasPrefix(line, "failed"), line)
	at, id, ok := strings.Cut(line, " ")
	if !ok || len(id) < 6 {
		return // cut off by the kill
	}
	i, err := strconv.Atoi(at)
	require.NoError(t, err)
	key := name + "/" + at
	if first, again := w.records[key]; again {
		require.Equal(t, first, id, "repeated, %s gives another record", key)
	}
	w.records[key] = id
	w.done[name] = max(w.done[name], i+1)
}

// Two processes give, withdraw, object, merge and import on the same persons and are
// killed at random. Each acknowledged act is there once, each event has one audit
// entry and each entry its event, the kept state is what the records add up to, and
// the SQL view says what Check says.
func TestConsentKill(t *testing.T) {
	acts := 20
	if os.Getenv("GDPRKIT_LONG") != "" {
		acts = 600
	}
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		if e.Name == "postgres-pq" && os.Getenv("GDPRKIT_LONG") == "" {
			t.Skip("the same engine as with pgx; GDPRKIT_LONG=1 runs it too")
		}
		dsn := e.DSN(t)
		pool := e.SQL(t, dsn)
		db := e.DB(t, pool, nil)
		l, log, err := auditedLedger(db)
		require.NoError(t, err)
		require.NoError(t, log.Open(t.Context()))
		require.NoError(t, l.Publish(t.Context()))
		w := &writers{e: e, dsn: dsn, acts: acts, r: rand.New(rand.NewPCG(uint64(acts), 3)), done: map[string]int{}, records: map[string]string{}}
		for w.done["a"] < acts || w.done["b"] < acts {
			w.round(t)
		}
		t.Logf("%d acts, %d kills", len(w.records), w.kills)
		require.Positive(t, w.kills)
		requireOnce(t, l, log, w)
		rows := effects(t, pool, "acme")
		for _, s := range killedPersons() {
			require.NoError(t, l.Verify(t.Context(), s), s)
			for _, p := range consenttest.Pairs()[:4] {
				d := consenttest.Check(t, l, s, p[0], p[1])
				require.Equal(t, d.Allowed, rows[[3]string{s, p[0], p[1]}].allowed == 1, "%s %v", s, p)
			}
		}
	})
}

func killedPersons() (all []string) {
	for i := range killedSubjects {
		all = append(all, fmt.Sprint("s-", i))
	}
	for i := range 10 {
		all = append(all, fmt.Sprintf("old-%07d", i))
	}
	return all
}

// requireOnce demands each acknowledged record once, and one audit entry per event.
func requireOnce(t *testing.T, l *consent.Ledger, log *audit.Log, w *writers) {
	events, imported := map[string]int{}, 0
	for _, s := range killedPersons() {
		for rec, err := range l.History(t.Context(), s) {
			require.NoError(t, err)
			if rec.Via == "import" {
				imported++
				continue
			}
			events[rec.ID]++
		}
	}
	owners := map[string]string{}
	for key, id := range w.records {
		if strings.HasPrefix(id, "import") {
			require.Equal(t, "import10", id)
			continue
		}
		require.Equal(t, 1, events[id], key)
		require.Empty(t, owners[id], "%s and %s share a record", owners[id], key)
		owners[id] = key
	}
	require.Equal(t, 10, imported, "each flag once, by whichever run was first")
	_, err := log.Sealed(t.Context())
	require.NoError(t, err)
	entries, flags := map[string]int{}, 0
	for x, err := range log.Entries(t.Context(), audit.Filter{}) {
		require.NoError(t, err)
		for _, a := range x.Attrs {
			switch {
			case a.Key == "record":
				entries[string(a.Value.Any().(gdpr.ClearValue))]++
			case a.Key == "records" && x.Action == "consent.imported":
				flags += int(a.Value.Int64())
			}
		}
	}
	require.Equal(t, events, entries, "one entry for each event")
	require.Equal(t, imported, flags)
	_, err = log.Verify(t.Context())
	require.NoError(t, err)
}
