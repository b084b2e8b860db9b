package sqltest_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

const readerBound = 300 * time.Millisecond

// Arguments: directory, sealed value as text. It opens the value again and again,
// and says the time of the last success.
var _ = sqltest.Child("pseudonym-reader", func(c *sqltest.ChildProcess) error {
	v, err := openBound(c.Args[0], c.DB)
	if err != nil {
		return err
	}
	sealed, err := pseudonym.ParseText(c.Args[1])
	if err != nil {
		return err
	}
	var last time.Time
	for n := 0; ; n++ {
		began := time.Now()
		_, err := v.Open(c, "c-1", restorePlace, sealed)
		switch {
		case err == nil:
			last = began // it had not been read for longer than that
			if n == 100 {
				c.Say("reading")
			}
		case errors.Is(err, pseudonym.ErrShredded):
			c.Say("%d", last.UnixNano())
			return nil
		default:
			return err
		}
	}
})

func openBound(dir string, db *sqlstore.DB) (*pseudonym.Vault, error) {
	return openWith(dir, db.Tenant("acme"), nil, pseudonym.Options{KeyBound: readerBound}, true)
}

// L0 and L1: readers in two processes during a shred. In the process that shredded
// nothing opens once Shred has returned, in the other not after KeyBound.
func TestReadersDuringShred(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		ctx := t.Context()
		dsn, dir := e.DSN(t), makeDir(t)
		db := e.DB(t, e.SQL(t, dsn), nil)
		v, err := openBound(dir, db)
		require.NoError(t, err)
		sealed := mustSeal(t, v, "c-1")
		child := e.Spawn(t, "pseudonym-reader", dsn, dir, pseudonym.Text(sealed))
		require.Equal(t, "reading", <-child.Lines)

		type result struct {
			began time.Time
			err   error
		}
		done := make(chan result, 4)
		for range 4 {
			go func() {
				var last time.Time
				for {
					began := time.Now()
					_, err := v.Open(ctx, "c-1", restorePlace, sealed)
					if err != nil {
						done <- result{last, err}
						return
					}
					last = began
				}
			}()
		}
		time.Sleep(20 * time.Millisecond)
		require.NoError(t, v.Shred(ctx, "c-1"))
		returned := time.Now()
		for range 4 {
			r := <-done
			require.ErrorIs(t, r.err, pseudonym.ErrShredded)
			require.True(t, r.began.Before(returned), "a call that began after Shred had returned opened the value")
		}
		line := <-child.Lines
		require.NoError(t, child.Wait())
		ns, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
		require.NoError(t, err)
		late := time.Unix(0, ns).Sub(returned)
		require.LessOrEqual(t, late, readerBound, "the other process opened it after KeyBound")
		t.Logf("last opening in the other process %v after Shred had returned", late)
	})
}
