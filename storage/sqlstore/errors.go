package sqlstore

import "errors"

// ErrAppendOnly is returned by Apply when it would change a table that is
// append-only.
var ErrAppendOnly = errors.New("sqlstore: table is append-only")
