package sqltest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/internal/dsartest"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage/journal"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// lived is a request of a kind as a process handles it from receipt to answer.
type lived struct {
	desk    *dsar.Desk
	kind    dsar.Kind
	subject string
}

// run goes on from wherever an earlier process was killed.
func (l lived) run(ctx context.Context) (*dsar.Request, error) {
	in := dsartest.Intake(l.kind)
	in.Key, in.Subjects, in.By = "form/"+l.subject, []string{l.subject}, "emp1"
	switch l.kind {
	case dsar.Objection:
		in.Purposes = []string{"profiling"} // art. 21(1), restricted meanwhile
	case dsar.Rectification:
		in.Changes = []dsar.Change{{Source: "near", Table: "rows", Key: "0001", Field: "txt", Value: "corrected"}, {Source: "far", Table: "rows", Key: "0002", Field: "txt", Value: "corrected"}}
	}
	for {
		r, err := l.desk.Receive(ctx, in) // the first time, or the request as it is now
		if err != nil || !r.State.Open() {
			return r, err
		}
		if err := l.step(ctx, r); err != nil {
			return nil, err
		}
	}
}

func (l lived) step(ctx context.Context, r *dsar.Request) (err error) {
	one, other := dsartest.By("emp1"), dsartest.By("emp2")
	switch {
	case r.State == dsar.StateReceived && r.Identity == dsar.Unverified:
		_, err = l.desk.Verify(ctx, r.ID, dsar.Proof{Act: one, Method: "login"})
	case r.State == dsar.StateReceived:
		_, err = l.desk.Plan(ctx, r.ID, one)
	case r.State == dsar.StatePlanned:
		_, err = l.desk.Approve(ctx, r.ID, r.PlanHash, other)
	case r.State == dsar.StateApproved, r.State == dsar.StateWorking:
		_, err = l.desk.Work(ctx, r.ID, one)
	default:
		err = l.answer(ctx, r, one)
	}
	return err
}

func (l lived) answer(ctx context.Context, r *dsar.Request, one dsar.Act) error {
	var done []dsar.Event
	for e, err := range l.desk.History(ctx, r.ID) {
		if err != nil {
			return err
		}
		done = append(done, e.Event)
	}
	reads := r.Kind == dsar.Access || r.Kind == dsar.Portability
	if reads && !slices.Contains(done, dsar.EventBundle) {
		if _, err := l.desk.Bundle(ctx, r.ID, new(dsartest.Discard), one); err != nil {
			return err
		}
	}
	if r.Kind == dsar.AutomatedDecision && !slices.Contains(done, dsar.EventReview) {
		v := dsar.Review{By: "emp3", Decision: "credit-1", Outcome: "changed", Reasons: "income was wrong", Heard: true}
		if _, err := l.desk.Review(ctx, r.ID, v, one); err != nil {
			return err
		}
	}
	if _, err := l.desk.Notify(ctx, r.ID, one); err != nil {
		return err
	}
	_, err := l.desk.Fulfil(ctx, r.ID, one)
	return err
}

// The child lives requests one after the other. Its arguments are the path of the
// journal and, for each request, its kind, its subject and the point of death, 0 for
// none.
var _ = sqltest.Child("dsar request", func(c *sqltest.ChildProcess) error {
	h := &host{doom: new(doom), db: c.DB, pool: c.Pool}
	d, done, err := h.desk(c.Args[0])
	if err != nil {
		return err
	}
	defer done()
	for args := c.Args[1:]; len(args) > 0; args = args[3:] {
		if h.left, err = strconv.Atoi(args[2]); err != nil {
			return err
		}
		if _, err := (lived{d, dsar.Kind(args[0]), args[1]}).run(c); err != nil {
			return err
		}
	}
	return nil
})

// killing is a database in which processes are killed.
type killing struct {
	*testing.T
	e       *sqltest.Engine
	dsn     string
	pool    *sql.DB
	db      *sqlstore.DB
	journal string
}

// A process is killed in the middle of a request of each kind, and again; others go
// on. What is left is that of the run without a kill. With GDPRKIT_LONG=1 it is
// killed at every point of the life of a request: at each call to the store and to
// the host, and at each return of the host.
//
// Compared are the request, its history, items, receipts, letters and notices, the
// rows of the host, the audit entries, what the bridges did, and the bundle by the
// content of its files. Left out is what is random in every run: the id of the
// request, the plan hash that contains it, the opening of a statement and with these
// the two sums of the files that name the request; and how often a source was tried,
// a recipient told, a key shredded, a block list written and a journal appended
// to, which a crash may repeat.
func TestDSARKill(t *testing.T) {
	for _, e := range sqltest.Engines() {
		if e.Name != "sqlite" && e.Name != "postgres-pgx" {
			continue
		}
		t.Run(e.Name, func(t *testing.T) {
			k := &killing{T: t, e: e, dsn: e.DSN(t), journal: filepath.Join(t.TempDir(), "journal")}
			k.pool = e.SQL(t, k.dsn)
			k.db = e.DB(t, k.pool, nil)
			for _, q := range hostTables {
				_, err := k.pool.ExecContext(t.Context(), q)
				require.NoError(t, err)
			}
			j, err := journal.Create(k.journal)
			require.NoError(t, err)
			require.NoError(t, j.Close())
			if os.Getenv("GDPRKIT_LONG") != "" {
				k.everywhere()
			} else {
				k.somewhere(2)
			}
		})
	}
}

// somewhere kills a process at random points of each kind, times in a row.
func (k *killing) somewhere(times int) {
	type life struct {
		want    killEnd
		subject string
	}
	lives := make([]life, len(dsartest.Kinds))
	var kills []string
	for i, kind := range dsartest.Kinds {
		points := 0
		lives[i].want, points = k.undisturbed(kind)
		lives[i].subject = k.fill(kind, "killed-"+string(kind))
		for range times {
			at := strconv.Itoa(1 + rand.IntN(points*3/4))
			kills = append(kills, string(kind), lives[i].subject, at)
		}
	}
	k.Log("killed at", kills)
	for n := 0; n < len(kills); n += 3 {
		// The former request goes to its end first, unless it is killed again.
		args := []string{kills[n], kills[n+1], kills[n+2]}
		if n > 0 && kills[n-2] != kills[n+1] {
			args = append([]string{kills[n-3], kills[n-2], "0"}, args...)
		}
		k.spawn(args...)
	}
	k.spawn(kills[len(kills)-3], kills[len(kills)-2], "0")
	for i, kind := range dsartest.Kinds {
		require.Equal(k, lives[i].want, k.end(kind, lives[i].subject), kind)
	}
}

// everywhere kills a process at each point of each kind.
func (k *killing) everywhere() {
	for _, kind := range dsartest.Kinds {
		want, points := k.undisturbed(kind)
		var former []string
		killed := 0
		for n := 1; ; n++ {
			subject := k.fill(kind, fmt.Sprintf("%s-%d", kind, n))
			died := k.spawn(append(former, string(kind), subject, strconv.Itoa(n))...)
			if n > 1 {
				require.Equal(k, want, k.end(kind, former[1]), "%s killed at point %d", kind, n-1)
			}
			if !died {
				break
			}
			killed++
			former = []string{string(kind), subject, "0"}
		}
		k.Logf("%s: killed at %d points", kind, killed)
		require.Equal(k, points, killed, "every point of the undisturbed run")
	}
}

// spawn runs a child and reports whether it was killed.
func (k *killing) spawn(args ...string) bool {
	err := k.e.Spawn(k, "dsar request", k.dsn, append([]string{k.journal}, args...)...).Wait()
	if err != nil {
		require.ErrorContains(k, err, "signal: killed")
	}
	return err != nil
}

// undisturbed lives a request of a kind in this process, and counts its points.
func (k *killing) undisturbed(kind dsar.Kind) (killEnd, int) {
	subject := k.fill(kind, "free-"+string(kind))
	h := k.host()
	d, done, err := h.desk(k.journal)
	require.NoError(k, err)
	_, err = lived{d, kind, subject}.run(k.Context())
	require.NoError(k, err)
	require.NoError(k, done())
	points, e := h.points, k.end(kind, subject)
	require.Equal(k, map[bool]int{true: 1}[kind == dsar.Erasure], e.Replayed, kind)
	return e, points
}

// fill gives a subject rows at the host, more than go into one batch where that
// matters, and a recipient.
func (k *killing) fill(kind dsar.Kind, subject string) string {
	n := 3
	if kind == dsar.Erasure || kind == dsar.Access {
		n = dsar.MaxBatch + 1
	}
	var values []string
	for i := range n {
		values = append(values, fmt.Sprintf("('near', '%s', '%04d', 'note %d', 0)", subject, i, i))
	}
	for i := range 3 {
		values = append(values, fmt.Sprintf("('far', '%s', '%04d', 'mail %d', 0)", subject, i, i))
	}
	_, err := k.pool.ExecContext(k.Context(), "INSERT INTO host_rows VALUES "+strings.Join(values, ","))
	require.NoError(k, err)
	d, done, err := k.host().desk(k.journal)
	require.NoError(k, err)
	require.NoError(k, d.Disclose(k.Context(), dsar.Disclosed{Subject: subject, Recipient: "mailer", Categories: []string{"note"}, Basis: "A6-1-f", At: dsartest.Start}))
	require.NoError(k, done())
	return subject
}

// killEnd is what a request leaves behind, without what is random in every run.
type killEnd struct {
	Request, History, Items, Receipts, Letters, Notices, Rows, Did, Repeated, Audit, Bundle string
	Replayed                                                                                int // rows of an old backup that Replay erased
}

var opening = regexp.MustCompile(`[A-Za-z0-9_-]{43}`)

func (k *killing) end(kind dsar.Kind, subject string) (e killEnd) {
	ctx := k.Context()
	d, done, err := k.host().desk(k.journal)
	require.NoError(k, err)
	defer func() { require.NoError(k, done()) }()
	r, err := lived{d, kind, subject}.run(ctx)
	require.NoError(k, err)
	require.Equal(k, dsar.StateFulfilled, r.State)
	plain := strings.NewReplacer(r.ID, "ID", subject, "SUBJECT", r.PlanHash, "PLAN").Replace
	sum := ""
	for h, err := range d.History(ctx, r.ID) {
		require.NoError(k, err)
		if h.Event == dsar.EventBundle {
			h.Code, sum = "MANIFEST", h.Code
		}
		e.History += plain(fmt.Sprintln(h.N, h.At, h.Event, h.State, h.By, h.Code, h.Due))
	}
	for i, err := range d.Items(ctx, r.ID) {
		require.NoError(k, err)
		e.Items += plain(fmt.Sprintln(i))
	}
	receipts, err := d.Receipts(ctx, r.ID)
	require.NoError(k, err)
	for _, c := range receipts {
		c.Attempts = 0
		e.Receipts += fmt.Sprintln(c)
	}
	for l, err := range d.Letters(ctx, r.ID) {
		require.NoError(k, err)
		e.Letters += opening.ReplaceAllString(plain(fmt.Sprintln(l.Name, l.Language, l.Template, l.Text)), "OPENING")
	}
	for n, err := range d.Notices(ctx, r.ID) {
		require.NoError(k, err)
		e.Notices += fmt.Sprintln(n)
	}
	r.Letter = nil
	e.Request = plain(fmt.Sprintf("%+v", *r))
	e.Rows = k.text("SELECT source, k, txt, restricted FROM host_rows WHERE subject = '" + subject + "' ORDER BY source, k")
	e.Did = k.text("SELECT what FROM host_did WHERE subject = '" + subject + "' AND what NOT LIKE '%again%' ORDER BY what")
	e.Repeated = k.text("SELECT DISTINCT what FROM host_did WHERE subject = '" + subject + "' AND what LIKE '%again%' ORDER BY what")
	// A copy that was begun and cut off has an entry of its own, as it must.
	e.Audit = plain(k.text("SELECT entry FROM host_audit WHERE request = '" + r.ID + "' AND entry NOT LIKE 'request.bundle_started%' ORDER BY entry"))
	if kind == dsar.Access || kind == dsar.Portability {
		e.Bundle = k.bundle(d, r.ID, sum, plain)
	}
	e.Replayed = k.replay(subject)
	return e
}

func (k *killing) text(query string) string {
	rows, err := k.pool.QueryContext(k.Context(), query)
	require.NoError(k, err)
	defer rows.Close()
	cols, err := rows.Columns()
	require.NoError(k, err)
	cells, ptrs := make([]string, len(cols)), make([]any, len(cols))
	for i := range cells {
		ptrs[i] = &cells[i]
	}
	var b strings.Builder
	for rows.Next() {
		require.NoError(k, rows.Scan(ptrs...))
		fmt.Fprintln(&b, cells)
	}
	require.NoError(k, rows.Err())
	return b.String()
}

// bundle makes the copy once more: its manifest, and with it every file, is that
// which left when the request was answered. It returns the sum of the files.
func (k *killing) bundle(d *dsar.Desk, id, sum string, plain func(string) string) string {
	var b bytes.Buffer
	_, err := d.Bundle(k.Context(), id, &b, dsartest.By("emp1"))
	require.NoError(k, err)
	files := dsartest.Unzip(k.T, b.Bytes())
	require.Equal(k, sum, hexSum(files["manifest.json"]), "the same bundle, byte for byte")
	manifest := plain(files["manifest.json"])
	all := ""
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range files {
			if !yield(name) {
				return
			}
		}
	}) {
		if name == "manifest.json" {
			continue
		}
		if strings.Contains(files[name], id) {
			manifest = strings.Replace(manifest, hexSum(files[name]), "SUM", 1)
		}
		all += name + "\n" + plain(files[name])
	}
	return hexSum(all + manifest)
}

func hexSum(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

// replay brings a row back as an old backup does. That of an erased person goes
// again, since the erasure stands in the journal.
func (k *killing) replay(subject string) int {
	_, err := k.pool.ExecContext(k.Context(), "INSERT INTO host_rows VALUES ('near', '"+subject+"', 'old', 'old', 0)")
	require.NoError(k, err)
	h := k.host()
	h.list = []string{subject}
	d, done, err := h.desk(k.journal)
	require.NoError(k, err)
	r, err := d.Replay(k.Context(), dsartest.By("emp1"))
	require.NoError(k, err)
	require.NoError(k, done())
	return r.Items
}

func (k *killing) host() *host { return &host{doom: new(doom), db: k.db, pool: k.pool} }
