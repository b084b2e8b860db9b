package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"reflect"
	"strconv"
	"strings"

	"github.com/gdprkit/gdprkit/storage"
)

// Class says what an error of the database means for the transaction.
type Class uint8

// The classes. After Busy, Deadlock, Serialization and Timeout, and after Lost
// before COMMIT, an owned transaction is rolled back and its function runs again.
const (
	Other         Class = iota // the statement failed
	Busy                       // SQLite: somebody else holds the write lock
	Deadlock                   // the engine rolled the transaction back to end a deadlock, or Galera's certification failed
	Serialization              // the engine rolled it back because of another one's writes
	Timeout                    // a lock was not had in time
	Duplicate                  // a unique constraint is met
	Refused                    // an append-only table refused to be changed
	Schema                     // a table or column is missing
	Lost                       // the connection broke
	Failed                     // the transaction cannot go on: disk full, interrupted, aborted before
)

var classNames = [...]string{"other", "busy", "deadlock", "serialization", "lock timeout", "duplicate", "append-only", "schema", "connection lost", "failed"}

// String returns the name of the class in lower case.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return "Class(" + strconv.Itoa(int(c)) + ")"
}

// conflict reports whether the engine's word is that nothing was written, so that
// the transaction may run again.
func (c Class) conflict() bool { return c >= Busy && c <= Timeout }

// An engineError wraps an error of a driver. Its text has the engine's code and
// the table, but not the driver's text, which may hold values.
type engineError struct {
	class    Class
	what     string // "gdpr_lease", "commit"
	code     string
	sentinel error // of package storage, or nil
	cause    error
	remedy   string // may be empty
}

func (e *engineError) Error() string {
	s := "sqlstore: " + e.what + ": " + e.class.String()
	if e.code != "" {
		s += " (" + e.code + ")"
	}
	if e.remedy != "" {
		s += "; " + e.remedy
	}
	return s
}

func (e *engineError) Unwrap() []error {
	if e.sentinel == nil {
		return []error{e.cause}
	}
	return []error{e.sentinel, e.cause}
}

// sentinel of a class, outside the retries of InTx.
func (c Class) sentinel() error {
	switch c {
	case Duplicate:
		return storage.ErrDuplicate
	case Schema:
		return storage.ErrSchema
	case Refused:
		return ErrAppendOnly
	}
	return nil
}

// classify looks at the engine's code only.
func (db *DB) classify(err error) (Class, string) {
	if c := db.opts.Classify; c != nil {
		if class := c(err); class != Other {
			return class, ""
		}
	}
	var own *engineError
	if errors.As(err, &own) {
		return own.class, own.code
	}
	switch db.dialect {
	case SQLite:
		if code, ok := sqliteCode(err); ok {
			return sqliteClass(code, err), strconv.Itoa(code)
		}
	case Postgres:
		var s interface{ SQLState() string }
		if errors.As(err, &s) {
			return postgresClass(s.SQLState()), s.SQLState()
		}
	case MySQL:
		if n, ok := field(err, "Number"); ok {
			return mysqlClass(n), strconv.Itoa(n)
		}
	}
	if lost(err) {
		return Lost, ""
	}
	return Other, ""
}

func sqliteClass(code int, err error) Class {
	switch code & 0xff {
	case 5, 6: // BUSY (517: another one wrote since our first read), LOCKED
		return Busy
	case 19:
		switch code {
		case 1555, 2067, 2579: // PRIMARYKEY, UNIQUE, ROWID
			return Duplicate
		case 1811: // TRIGGER
			return Refused
		}
	case 7, 9, 10, 11, 13, 26: // NOMEM, INTERRUPT, IOERR, CORRUPT, FULL, NOTADB
		return Failed
	case 1:
		if t := err.Error(); strings.Contains(t, "no such table") || strings.Contains(t, "no such column") || strings.Contains(t, "has no column") {
			return Schema
		}
	}
	return Other
}

func postgresClass(state string) Class {
	switch state {
	case "40001":
		return Serialization
	case "40P01":
		return Deadlock
	case "55P03":
		return Timeout
	case "23505":
		return Duplicate
	case "23001":
		return Refused
	case "42P01", "42703", "3F000":
		return Schema
	case "25P02", "57014":
		return Failed
	case "57P01", "57P02", "57P03", "40003":
		return Lost
	}
	switch {
	case strings.HasPrefix(state, "08"):
		return Lost
	case strings.HasPrefix(state, "53"), strings.HasPrefix(state, "58"), strings.HasPrefix(state, "XX"):
		return Failed
	}
	return Other
}

func mysqlClass(number int) Class {
	switch number {
	case 1213, 3101: // deadlock or certification; rolled back by group replication
		return Deadlock
	case 1020: // record has changed since last read, under innodb_snapshot_isolation
		return Serialization
	case 1205:
		return Timeout
	case 1062:
		return Duplicate
	case 1644: // SIGNAL
		return Refused
	case 1146, 1054, 1049:
		return Schema
	case 1047, 1053, 1077, 1079, 1927, 2006, 2013: // node not ready, shutting down, killed, gone
		return Lost
	case 1021, 1030, 1041, 1114, 1180, 1317, 1028, 1969, 3024: // disk full, out of memory, commit failed, interrupted
		return Failed
	}
	return Other
}

// sqliteCode finds the code of modernc and ncruces (method Code) and mattn (field
// ExtendedCode).
func sqliteCode(err error) (int, bool) {
	var c interface{ Code() int }
	if errors.As(err, &c) {
		return c.Code(), true
	}
	if n, ok := field(err, "ExtendedCode"); ok {
		return n, true
	}
	var x interface{ ExtendedCode() uint16 }
	if errors.As(err, &x) {
		return int(x.ExtendedCode()), true
	}
	return 0, false
}

// field finds a number in the chain of errors by the name of its field.
func field(err error, name string) (int, bool) {
	for err != nil {
		v := reflect.Indirect(reflect.ValueOf(err))
		if v.Kind() == reflect.Struct {
			switch f := v.FieldByName(name); {
			case f.CanInt():
				return int(f.Int()), true
			case f.CanUint():
				return int(f.Uint()), true
			}
		}
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range many.Unwrap() {
				if n, ok := field(e, name); ok {
					return n, ok
				}
			}
			return 0, false
		}
		err = errors.Unwrap(err)
	}
	return 0, false
}

// lost reports whether an error without a code of the engine is that of a broken
// connection.
func lost(err error) bool {
	var n net.Error
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone), errors.Is(err, io.EOF),
		errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), errors.As(err, &n):
		return true
	}
	text := err.Error() // go-sql-driver/mysql and pgconn have no type for these
	return strings.Contains(text, "invalid connection") || strings.Contains(text, "conn closed") ||
		strings.Contains(text, "connection reset") || strings.Contains(text, "broken pipe")
}

// wrap hides the text of a driver's error. What names the table or the action.
func (db *DB) wrap(err error, what string) error {
	if err == nil {
		return nil
	}
	for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, end) {
			return &engineError{class: Other, what: what, code: end.Error(), sentinel: end, cause: err}
		}
	}
	class, code := db.classify(err)
	e := &engineError{class, what, code, class.sentinel(), err, remedy(db.dialect, class, code)}
	if class == Other && code == "" {
		e.remedy = strange(db.dialect, err)
	}
	return e
}
