package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/storage"
)

type stateError string

func (e stateError) Error() string    { return "secret " + string(e) }
func (e stateError) SQLState() string { return string(e) }

type codeError int

func (e codeError) Error() string { return "no such table: secret" }
func (e codeError) Code() int     { return int(e) }

type numberError struct {
	Number  uint16
	Message string
}

func (e *numberError) Error() string { return e.Message }

type mattnError struct{ Code, ExtendedCode int }

func (mattnError) Error() string { return "secret" }

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		d    Dialect
		err  error
		want Class
	}{
		{SQLite, codeError(5), Busy}, {SQLite, codeError(517), Busy}, {SQLite, codeError(13), Failed},
		{SQLite, codeError(10 | 3<<8), Failed}, {SQLite, codeError(9), Failed}, {SQLite, codeError(2067), Duplicate},
		{SQLite, codeError(1811), Refused}, {SQLite, codeError(1), Schema}, {SQLite, mattnError{19, 1555}, Duplicate},
		{Postgres, stateError("40001"), Serialization}, {Postgres, stateError("40P01"), Deadlock},
		{Postgres, stateError("25P02"), Failed}, {Postgres, stateError("57P01"), Lost}, {Postgres, stateError("08006"), Lost},
		{Postgres, stateError("42601"), Other}, {Postgres, stateError("23505"), Duplicate}, {Postgres, stateError("42P01"), Schema},
		{MySQL, &numberError{Number: 1213}, Deadlock}, {MySQL, &numberError{Number: 1205}, Timeout},
		{MySQL, fmt.Errorf("x: %w", &numberError{Number: 1062}), Duplicate}, {MySQL, &numberError{Number: 1047}, Lost},
		{MySQL, errors.Join(io.ErrClosedPipe, &numberError{Number: 1644}), Refused},
		{MySQL, errors.New("invalid connection"), Lost}, {Postgres, io.ErrUnexpectedEOF, Lost}, {Postgres, driver.ErrBadConn, Lost},
		{Postgres, context.Canceled, Other}, {Postgres, errors.New("host"), Other},
	} {
		db := open(t, c.d)
		got, _ := db.classify(c.err)
		require.Equal(t, c.want, got, "%v %v", c.d, c.err)
		wrapped := db.wrap(c.err, "gdpr_note")
		require.ErrorIs(t, wrapped, c.err)
		require.NotContains(t, wrapped.Error(), "secret")
		again, _ := db.classify(wrapped)
		require.Equal(t, c.want, again)
	}
}

func TestSentinels(t *testing.T) {
	db := open(t, MySQL)
	require.ErrorIs(t, db.wrap(&numberError{Number: 1062}, "x"), storage.ErrDuplicate)
	require.ErrorIs(t, db.wrap(&numberError{Number: 1146}, "x"), storage.ErrSchema)
	require.ErrorIs(t, db.wrap(&numberError{Number: 1644}, "x"), ErrAppendOnly)
	require.EqualError(t, db.wrap(&numberError{Number: 1213, Message: "Deadlock on 'secret'"}, "gdpr_lease"), "sqlstore: gdpr_lease: deadlock (1213)")
	require.NoError(t, db.wrap(nil, "x"))
	require.Equal(t, "other", Other.String())
	require.Equal(t, "Class(99)", Class(99).String())
}

func TestNewRefuses(t *testing.T) {
	_, err := New(nil, SQLite, nil)
	require.ErrorContains(t, err, "sqlDB")
	_, err = New(open(t, SQLite).sql, 9, nil)
	require.ErrorContains(t, err, "dialect")
	_, err = New(open(t, SQLite).sql, MySQL, &Options{Schema: "x"})
	require.ErrorContains(t, err, "Options.Schema")
	require.Equal(t, "mysql Dialect(9)", fmt.Sprint(MySQL, " ", Dialect(9)))
}

func TestSQLiteDSN(t *testing.T) {
	require.Regexp(t, `^file:/a%20b/x\.db\?.*_txlock=immediate$`, SQLiteDSN("/a b/x.db"))
	require.Regexp(t, `^file:x\.db\?`, SQLiteDSN("x.db"))
}
