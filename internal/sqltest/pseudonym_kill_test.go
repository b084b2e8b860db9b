package sqltest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/pseudonymtest"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/pseudonym/keyring"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/journal"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// openDir opens ring and journal in a directory, and a vault with them.
func openDir(dir string, s storage.Store, f *fuse) (*pseudonym.Vault, error) {
	return openWith(dir, s, f, pseudonym.Options{}, true)
}

func openWith(dir string, s storage.Store, f *fuse, o pseudonym.Options, withJournal bool) (*pseudonym.Vault, error) {
	secret, err := keyring.RawKey(make([]byte, 32))
	if err != nil {
		return nil, err
	}
	ring, err := keyring.Open(filepath.Join(dir, "ring"), secret, nil)
	if err != nil {
		return nil, err
	}
	file, err := journal.Open(filepath.Join(dir, "journal"))
	if err != nil {
		return nil, err
	}
	var j pseudonym.Journal = file
	var w pseudonym.KeyWrapper = ring
	if f != nil {
		s, j, w = &fusedStore{s, f}, &fusedJournal{file, f}, &fusedWrapper{ring, f}
	}
	if withJournal {
		o.Journal = j
	}
	return pseudonym.New(s, w, &o)
}

func makeDir(t *testing.T) string {
	dir := t.TempDir()
	secret, err := keyring.RawKey(make([]byte, 32))
	require.NoError(t, err)
	_, err = keyring.Create(filepath.Join(dir, "ring"), secret, nil)
	require.NoError(t, err)
	j, err := journal.Create(filepath.Join(dir, "journal"))
	require.NoError(t, err)
	require.NoError(t, j.Close())
	return dir
}

// Arguments: directory, step to die at, subject, tenant.
var _ = sqltest.Child("pseudonym-shred", func(c *sqltest.ChildProcess) error {
	f := new(fuse)
	v, err := openTenant(c.Args[0], c.DB, c.Args[3], f)
	if err != nil {
		return err
	}
	if err := v.Ready(c); err != nil {
		return err
	}
	n, err := strconv.Atoi(c.Args[1])
	if err != nil {
		return err
	}
	f.arm("", n)
	if err := v.Shred(c, c.Args[2], pseudonym.Proof); err != nil {
		return err
	}
	f.disarm()
	c.Say("done")
	return nil
})

// kill -9 at every step of Shred: afterwards the subject either opens as before, the
// decision not having been committed, or it is shredded for good.
func TestKillAtEveryStepOfShred(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		if e.Name == "postgres-pq" && !long() {
			return // the server of postgres-pgx
		}
		dsn := e.DSN(t)
		db := e.DB(t, e.SQL(t, dsn), nil)
		killShred(t, e, db, dsn, withJournal)
		killShred(t, e, db, dsn, withoutJournal)
	})
}

// The tenants of which one has a journal, and one shreds in a single transaction.
const (
	withJournal    = "acme"
	withoutJournal = "plain"
)

func openTenant(dir string, db *sqlstore.DB, tenant string, f *fuse) (*pseudonym.Vault, error) {
	return openWith(dir, db.Tenant(tenant), f, pseudonym.Options{}, tenant == withJournal)
}

func killShred(t *testing.T, e *sqltest.Engine, db *sqlstore.DB, dsn, tenant string) {
	t.Helper()
	ctx := t.Context()
	dir := makeDir(t)
	v, err := openTenant(dir, db, tenant, nil)
	require.NoError(t, err)
	require.NoError(t, v.Ready(ctx))
	other := mustSeal(t, v, "c-other")
	proof := pseudonym.Place("consent", "evidence", "1")
	stride := 1
	if e.Dialect != sqlstore.SQLite && !long() {
		stride = 6
	}
	survived, shredded := 0, 0
	for step := 1; ; step += stride {
		subject := fmt.Sprintf("c-%d", step)
		sealed := mustSeal(t, v, subject)
		_, err := v.Token(ctx, "subject", subject)
		require.NoError(t, err)
		kept, err := v.Seal(ctx, subject, proof, []byte("ticked"))
		require.NoError(t, err)
		p := e.Spawn(t, "pseudonym-shred", dsn, dir, strconv.Itoa(step), subject, tenant)
		err = p.Wait()

		after, openErr := openTenant(dir, db, tenant, nil)
		require.NoError(t, openErr)
		require.NoError(t, after.Ready(ctx), "step %d", step)
		r, reportErr := after.Report(ctx)
		require.NoError(t, reportErr)
		require.Zero(t, r.Pending, "step %d", step)
		_, openErr = after.Open(ctx, subject, restorePlace, sealed)
		switch {
		case openErr == nil:
			require.Error(t, err, "the child said that it was done")
			survived++
		default:
			require.ErrorIs(t, openErr, pseudonym.ErrShredded, "step %d", step)
			_, sealErr := after.Seal(ctx, subject, restorePlace, nil)
			require.ErrorIs(t, sealErr, pseudonym.ErrShredded)
			shredded++
		}
		_, openErr = after.Open(ctx, subject, proof, kept)
		require.NoError(t, openErr, "what was to be kept")
		_, openErr = after.Open(ctx, "c-other", restorePlace, other)
		require.NoError(t, openErr)
		if err == nil {
			break
		}
		require.Less(t, step, 500)
	}
	require.Positive(t, survived, "no step before the decision was tried")
	require.Positive(t, shredded, "no step after the decision was tried")
}

// Arguments: directory, step to die at.
var _ = sqltest.Child("pseudonym-rotate", func(c *sqltest.ChildProcess) error {
	f := new(fuse)
	v, err := openDir(c.Args[0], c.DB.Tenant("acme"), f)
	if err != nil {
		return err
	}
	if err := v.Ready(c); err != nil {
		return err
	}
	n, err := strconv.Atoi(c.Args[1])
	if err != nil {
		return err
	}
	f.arm("", n)
	return v.Rotate(c)
})

// allSettled tells that no rotation is under way.
func allSettled(r pseudonym.Report) bool {
	for _, e := range r.Epochs {
		if e.State == "ready" || e.State == "draining" {
			return false
		}
	}
	return true
}

func long() bool { return os.Getenv("GDPRKIT_LONG") != "" }

// kill -9 at every step of Rotate, while subjects are read and shredded: everything
// else opens, nothing comes back, and the next call resumes.
func TestKillAtEveryStepOfRotate(t *testing.T) {
	const keys = 500 // 100 000 in TestKillUnderReads
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		if e.Name == "postgres-pq" && !long() {
			return // the server of postgres-pgx
		}
		ctx := t.Context()
		dsn, dir := e.DSN(t), makeDir(t)
		s := e.DB(t, e.SQL(t, dsn), nil).Tenant("acme")
		v, err := openDir(dir, s, nil)
		require.NoError(t, err)
		require.NoError(t, v.Ready(ctx))
		sealed := map[string][]byte{}
		for done := 0; done < keys; done += 500 {
			require.NoError(t, s.InTx(ctx, func(ctx context.Context) error {
				for i := done; i < min(done+500, keys); i++ {
					subject := fmt.Sprintf("c-%d", i)
					b, err := v.Seal(ctx, subject, restorePlace, []byte("x"))
					if err != nil {
						return err
					}
					sealed[subject] = b
				}
				return nil
			}))
		}
		stride := 3
		if e.Dialect != sqlstore.SQLite && !long() {
			stride = 13
		}
		dead := map[string][]byte{}
		for step := 1; ; step += stride {
			before, reportErr := v.Report(ctx)
			require.NoError(t, reportErr)
			whole := allSettled(before)
			err := e.Spawn(t, "pseudonym-rotate", dsn, dir, strconv.Itoa(step)).Wait()
			after, openErr := openDir(dir, s, nil)
			require.NoError(t, openErr)
			require.NoError(t, after.Ready(ctx))
			n := 0
			for subject, b := range sealed {
				_, openErr := after.Open(ctx, subject, restorePlace, b)
				require.NoError(t, openErr, "step %d", step)
				if n++; n == 200 {
					break // another 200 each time
				}
			}
			for subject, b := range dead {
				_, openErr := after.Open(ctx, subject, restorePlace, b)
				require.ErrorIs(t, openErr, pseudonym.ErrShredded)
			}
			for subject, b := range sealed {
				require.NoError(t, after.Shred(ctx, subject))
				dead[subject] = b
				delete(sealed, subject)
				break
			}
			if err == nil && whole {
				break // it made a whole rotation and outlived its fuse
			}
			require.Less(t, step, 20*keys)
		}
		after, err := openDir(dir, s, nil)
		require.NoError(t, err)
		for subject, b := range sealed {
			_, err := after.Open(ctx, subject, restorePlace, b)
			require.NoError(t, err)
		}
		r, err := after.Report(ctx)
		require.NoError(t, err)
		current := r.Epochs[len(r.Epochs)-1]
		require.Equal(t, "current", current.State)
		for _, epoch := range r.Epochs[:len(r.Epochs)-1] {
			require.Zero(t, epoch.Keys)
			require.Equal(t, "retired", epoch.State)
		}
	})
}

// Host transactions around the making of keys, committed, rolled back and rolled
// back in part: no ciphertext in the host's table is without its key.
func TestRollbacksAroundKeys(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		ctx := t.Context()
		db := e.Open(t)
		s := db.Tenant("acme")
		kms := pseudonymtest.NewKMS()
		v := pseudonymtest.NewVault(t, s, kms, nil)
		require.NoError(t, v.Ready(ctx))
		blob := map[sqlstore.Dialect]string{sqlstore.SQLite: "BLOB", sqlstore.Postgres: "BYTEA", sqlstore.MySQL: "BLOB"}[e.Dialect]
		_, err := db.SQL().Exec("CREATE TABLE host (id INTEGER PRIMARY KEY, subject VARCHAR(40), sealed " + blob + ")")
		require.NoError(t, err)
		insert := "INSERT INTO host VALUES (?, ?, ?)"
		if e.Dialect == sqlstore.Postgres {
			insert = "INSERT INTO host VALUES ($1, $2, $3)"
		}
		undo := errors.New("undo")
		for i := range 60 {
			subject := fmt.Sprintf("c-%d", i/3) // met again after a rollback
			tx, err := db.SQL().Begin()
			require.NoError(t, err)
			in := db.WithTx(ctx, tx)
			if i%4 == 1 && e.Dialect != sqlstore.Postgres { // a step that fails and is swallowed
				require.ErrorIs(t, s.InTx(in, func(ctx context.Context) error {
					_, err := v.Seal(ctx, subject, restorePlace, nil)
					return errors.Join(err, undo)
				}), undo)
			}
			b, err := v.Seal(in, subject, pseudonym.Place("host", "sealed", strconv.Itoa(i)), []byte(subject))
			require.NoError(t, err)
			_, err = tx.Exec(insert, i, subject, b)
			require.NoError(t, err)
			if i%3 == 0 || i%5 == 0 {
				require.NoError(t, tx.Rollback())
			} else {
				require.NoError(t, tx.Commit())
			}
		}
		fresh := pseudonymtest.NewVault(t, s, kms, nil)
		rows, err := db.SQL().Query("SELECT id, subject, sealed FROM host")
		require.NoError(t, err)
		defer rows.Close()
		n := 0
		for rows.Next() {
			var id int
			var subject string
			var b []byte
			require.NoError(t, rows.Scan(&id, &subject, &b))
			plain, err := fresh.Open(ctx, subject, pseudonym.Place("host", "sealed", strconv.Itoa(id)), b)
			require.NoError(t, err)
			require.Equal(t, subject, string(plain))
			n++
		}
		require.NoError(t, rows.Err())
		require.Positive(t, n)
	})
}
