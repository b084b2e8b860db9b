package sqlstore

import "database/sql"

// SQL returns the host's pool that New was given, for the host's own statements
// outside a transaction. Inside one use [DB.Tx].
func (db *DB) SQL() *sql.DB { return db.sql }
