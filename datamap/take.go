package datamap

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/gdprkit/gdprkit/datamap/internal/catalog"
	"github.com/gdprkit/gdprkit/retention"
)

// takenChunk is the number of rows of one DELETE where every key is a parameter.
const takenChunk = 1000

// taking is a sweep over a table on which nothing hangs, so that its rows can go and
// be read in one statement.
type taking struct{ *sweep }

var (
	_ retention.Source        = taking{}
	_ retention.Taker         = taking{}
	_ retention.Comparer      = taking{}
	_ retention.Checker       = taking{}
	_ retention.Effecter      = taking{}
	_ retention.SubjectLister = taking{}
)

// source returns the sweep with what its table and its engine are capable of.
func (s *sweep) source() retention.Source {
	t := s.t
	if !s.l.returning || s.fields != nil || !t.goes() || t.keep != nil || len(t.refs)+len(t.chain)+len(t.self) > 0 ||
		len(s.l.planner("", nil, false).followers(t)) > 0 ||
		slices.ContainsFunc(t.dates, func(d *date) bool { return d.up != nil || d.over != nil }) {
		return s
	}
	for _, k := range s.l.kinds {
		for _, way := range s.l.ways(t, k) {
			if len(way) > 1 || len(way) == 1 && (way[0].toCol != k.key || way[0].array) {
				return s // its subject is read from another table
			}
		}
	}
	return taking{s}
}

// Take implements retention.Taker.
func (s taking) Take(ctx context.Context, q *retention.Query, keys []string) iter.Seq2[*retention.Record, error] {
	return func(yield func(*retention.Record, error) bool) {
		for part := range slices.Chunk(s.parse(keys), takenChunk) {
			stopped := false
			err := s.take(ctx, q, part, func(rec *retention.Record) error {
				if stopped = !yield(rec, nil); stopped {
					return errStop
				}
				return nil
			})
			if err != nil {
				yield(nil, err)
			}
			if err != nil || stopped {
				return
			}
		}
	}
}

func (s taking) take(ctx context.Context, q *retention.Query, keys [][]any, f func(*retention.Record) error) error {
	st := s.l.statement()
	st.row = st.name(s.t.live.Name) // MariaDB takes no alias here
	c := s.columns(st, q)
	st.add("DELETE FROM " + st.table(s.t.live.Name) + " WHERE ")
	st.among(st.row, s.t.key, keys)
	st.add(" AND ")
	s.condition(st, q)
	st.add(" RETURNING " + strings.Join(c.exprs, ", "))
	return s.records(ctx, q, st, c, f)
}

// CheckCarried implements retention.Checker: of rows that were to go, those that are
// still there. Within the transaction that deleted them only a trigger can have
// written them back.
func (s taking) CheckCarried(ctx context.Context, o *retention.Order, keys []string) ([]string, error) {
	if o.Action != retention.Erase || len(o.Fields) > 0 {
		return s.sweep.CheckCarried(ctx, o, keys)
	}
	if quiet, err := s.quiet(ctx); err != nil || quiet {
		return nil, err
	}
	var remaining []string
	for part := range slices.Chunk(s.parse(keys), takenChunk) {
		st := s.l.statement()
		st.add("SELECT " + list(s.t.key, func(c *catalog.Column) string { return st.column("t0", c) }) + " FROM " + st.table(s.t.live.Name) + " t0 WHERE ")
		st.among("t0", s.t.key, part)
		err := s.l.query(ctx, st, len(s.t.key), func(v []any) error {
			remaining = append(remaining, s.record(v))
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return remaining, nil
}

// quiet reports whether the transaction of ctx sees no trigger on the table. On
// PostgreSQL rules and partitions count as such; MySQL and MariaDB do not show
// everybody every trigger.
func (s taking) quiet(ctx context.Context) (bool, error) {
	st := s.l.statement()
	switch {
	case s.l.db.Tx(ctx) == nil:
		return false, nil
	case st.dialect == "sqlite":
		const on = " WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE"
		st.add("SELECT 1 FROM sqlite_master"+on+" UNION ALL SELECT 1 FROM sqlite_temp_master"+on+" LIMIT 1", s.t.live.Name, s.t.live.Name)
	case st.dialect == "postgres":
		st.add("SELECT 1 FROM pg_class c WHERE c.oid = CAST(? AS regclass) AND (c.relkind <> 'r' OR c.relhassubclass OR c.relhasrules OR c.relhastriggers"+
			" AND EXISTS (SELECT 1 FROM pg_trigger g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal))", st.table(s.t.live.Name))
	default:
		return false, nil
	}
	quiet := true
	err := s.l.query(ctx, st, 1, func([]any) error { quiet = false; return nil })
	return quiet, err
}

// among writes that the key is one of keys, in at most one parameter where the engine
// is quicker so.
func (s *statement) among(alias string, cols []*catalog.Column, keys [][]any) {
	if len(cols) == 1 && cols[0].Class == catalog.Int || len(cols) == 1 && cols[0].Class == catalog.Text && s.dialect == "sqlite" {
		flat := make([]any, len(keys))
		for i, k := range keys {
			flat[i] = k[0]
		}
		if text, err := json.Marshal(flat); err == nil {
			switch col := s.column(alias, cols[0]); s.dialect {
			case "sqlite":
				s.add(col+" IN (SELECT value FROM json_each(?))", string(text))
			case "postgres":
				s.add(col+" = ANY(CAST(? AS bigint[]))", "{"+strings.Trim(string(text), "[]")+"}")
			default: // numbers only
				s.add(col + " IN (" + strings.Trim(string(text), "[]") + ")")
			}
			return
		}
	}
	s.keyIn(alias, cols, keys)
}

// askReturning finds out whether DELETE can return rows.
func (l *Live) askReturning(ctx context.Context) error {
	if l.returning = l.schema.Dialect != "mysql"; l.returning {
		return nil
	}
	return l.query(ctx, l.statement().add("SELECT VERSION()"), 1, func(v []any) error {
		l.returning = mariaReturns(textOf(v[0]))
		return nil
	})
}

// mariaReturns reports whether a version is one of MariaDB from 10.5 on. MySQL has
// no RETURNING.
func mariaReturns(version string) bool {
	number, rest, _ := strings.Cut(version, "-")
	parts := strings.Split(number, ".")
	if len(parts) < 2 || !strings.Contains(strings.ToLower(rest), "mariadb") {
		return false
	}
	major, err := strconv.Atoi(parts[0])
	minor, bad := strconv.Atoi(parts[1])
	return err == nil && bad == nil && (major > 10 || major == 10 && minor >= 5)
}
