package sqlstore

import (
	"context"
	"errors"
	"fmt"
)

// Scrub removes from the files of an SQLite database what deleted and overwritten
// rows left in the write-ahead log, and reports whether nothing is left there or in
// the main file. It is not clean while another connection reads an older state, and
// never without secure_delete, which has the deleting statement overwrite the main
// file. It does not wait. On PostgreSQL and MySQL it returns
// errors.ErrUnsupported: their heaps, logs and replicas keep copies.
func (s *store) Scrub(ctx context.Context) (clean bool, err error) {
	switch {
	case s.bad != nil:
		return false, s.bad
	case s.db.dialect != SQLite:
		return false, errors.ErrUnsupported
	case s.db.current(ctx) != nil:
		return false, nil // the transaction in ctx is a reader itself
	}
	conn, err := s.db.sql.Conn(ctx)
	if err != nil {
		return false, s.db.wrap(err, "scrub")
	}
	defer conn.Close()
	var secure, timeout, busy, frames, moved int
	if err := conn.QueryRowContext(ctx, "PRAGMA secure_delete").Scan(&secure); err != nil {
		return false, s.db.wrap(err, "scrub")
	}
	if err := conn.QueryRowContext(ctx, "PRAGMA busy_timeout").Scan(&timeout); err != nil {
		return false, s.db.wrap(err, "scrub")
	}
	if _, err := conn.ExecContext(ctx, "PRAGMA busy_timeout = 0"); err != nil {
		return false, s.db.wrap(err, "scrub")
	}
	err = conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved)
	_, back := conn.ExecContext(context.WithoutCancel(ctx), fmt.Sprintf("PRAGMA busy_timeout = %d", timeout))
	if err = errors.Join(err, back); err != nil {
		return false, s.db.wrap(err, "scrub")
	}
	return secure == 1 && busy == 0, nil
}
