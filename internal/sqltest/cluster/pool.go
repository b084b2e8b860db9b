package cluster

import "database/sql"

// openPool opens a pool as a host would.
func openPool(driver, dsn string) (*sql.DB, error) {
	db, err := sql.Open(driver, dsn)
	if err == nil {
		db.SetMaxIdleConns(8)
	}
	return db, err
}
