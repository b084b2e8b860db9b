package sqlstore

import (
	"database/sql"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/storage"
)

// coded is an error of an SQLite driver.
type coded struct {
	code int
	text string
}

func (e coded) Error() string { return e.text }
func (e coded) Code() int     { return e.code }

func TestErrorsSayWhatToDo(t *testing.T) {
	db, err := New(new(sql.DB), SQLite, nil)
	require.NoError(t, err)
	err = db.wrap(coded{1, "no such table: gdpr_consent"}, "gdpr_consent")
	require.ErrorIs(t, err, storage.ErrSchema)
	require.ErrorContains(t, err, "run Migrate")
	require.ErrorContains(t, db.wrap(coded{14, "unable to open anna's file"}, "connect"), "cannot be opened")
	require.ErrorContains(t, db.wrap(coded{1032, ""}, "connect"), "read-only")
	require.EqualError(t, db.wrap(errors.New("anna"), "connect"), "sqlstore: connect: other")
	other, err := New(new(sql.DB), MySQL, nil)
	require.NoError(t, err)
	require.ErrorContains(t, other.wrap(coded{1, "no such function: pg_advisory_xact_lock"}, "migration lock"), "is the dialect given to New")
	closed := errors.New("sql: database is closed") // as database/sql says it: see TestClosedPool of package sqltest
	require.ErrorContains(t, other.wrap(closed, "connect"), "the pool is closed")
	require.Equal(t, refusedLogin, remedy(Postgres, Other, "28P01"))
	require.Equal(t, noRight, remedy(MySQL, Other, "1142"))
}
