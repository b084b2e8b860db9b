package sqlstore

import "net/url"

// SQLiteDSN returns a DSN of modernc.org/sqlite for the database file at path with
// the settings that the library asks for: WAL, synchronous=FULL, secure_delete, a
// busy timeout of 10 seconds, and transactions that take the write lock when they
// begin. Open it with sql.Open("sqlite", dsn).
func SQLiteDSN(path string) string {
	q := url.Values{
		"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "secure_delete(ON)"},
		"_txlock": {"immediate"},
	}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String()
}
