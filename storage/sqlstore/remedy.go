package sqlstore

import (
	"errors"
	"strconv"
)

// remedy says in a few words what an error of an engine asks of the operator, or ""
// if it asks nothing that its class does not say.
func remedy(d Dialect, class Class, code string) string {
	if class == Schema {
		return "a table or column is missing: run Migrate, or apply Migrations with the host's own tool"
	}
	switch d {
	case SQLite:
		n, _ := strconv.Atoi(code)
		return sqliteRemedies[n&0xff]
	case Postgres:
		return postgresRemedies[code]
	case MySQL:
		return mysqlRemedies[code]
	}
	return ""
}

// strange says what an error without a code of the dialect may come from.
func strange(d Dialect, err error) string {
	var state interface{ SQLState() string }
	_, number := field(err, "Number")
	_, code := sqliteCode(err)
	switch {
	case d != SQLite && code, d != Postgres && errors.As(err, &state), d != MySQL && number:
		return "the error is that of another engine: is the dialect given to New that of the pool's driver?"
	case err.Error() == "sql: database is closed": // database/sql has no variable for it
		return "the pool is closed: somebody called Close on the *sql.DB"
	}
	return ""
}

var sqliteRemedies = map[int]string{
	3:  "the file's permissions forbid it",
	8:  "the database is read-only: check the rights to the file and to its directory",
	14: "the file cannot be opened: check its path, its directory and the rights to both",
	26: "the file is not an SQLite database",
}

const (
	refusedLogin = "the server refuses the login: check user and password in the DSN"
	noDatabase   = "the server has no such database: check the DSN"
	noRight      = "the database's user lacks a right that this needs: see DB.Check"
	otherDialect = "the server does not understand the statement: is the dialect given to New that of the pool's driver?"
)

var postgresRemedies = map[string]string{
	"28P01": refusedLogin, "28000": refusedLogin, "3D000": noDatabase, "42501": noRight, "42601": otherDialect,
	"25006": "the server is read-only: connect to the primary, with target_session_attrs=read-write",
}

var mysqlRemedies = map[string]string{
	"1045": refusedLogin, "1049": noDatabase, "1044": noRight, "1142": noRight, "1227": noRight, "1064": otherDialect,
	"1290": "the server is read-only: connect to the primary", "1836": "the server is read-only: connect to the primary",
}
