package retention

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"
)

// Record is a row of the host as a [Source] delivers it. It holds no content, only
// what the rules need.
type Record struct {
	// Key identifies the row, stable and unique in its source, at most 191 bytes. It
	// enters plans, so it must not be personal data. Blocked records are named by
	// category and key: where several sources deliver a category, keys that differ
	// between them (with the name of the table in front) keep their rows apart.
	Key string
	// Subject is the CRM's key of the person; empty if the row belongs to nobody.
	Subject string
	// Owner is who is told before the record goes; empty is nobody.
	Owner string
	// Events are dates as microseconds (storage.Micros) in the order of
	// [Query.Events]; 0 is unknown, and more than a day in the future breaks the
	// contract. For a civil date give the start of the day in
	// the time zone of the schedule, see [Condition.Instant].
	Events []int64
}

// Order is what a [Source] is told to do with some rows.
type Order struct {
	Action Action // Erase, Mask, Anonymise or Block
	Rule   string // id of the deciding rule
	// Fields limits the action to these; empty is the whole row.
	Fields []string
	// Keep are the fields that a duty covers, for Block: every other personal field
	// becomes null. KeepAll: none does.
	Keep    []string
	KeepAll bool
}

// Source gives the engine rows of one category and carries out what is decided.
// Package datamap makes sources of an existing CRM's tables.
//
// Load and Carry are called inside a transaction of the engine's store, and must
// take part in it through ctx (sqlstore: db.Tx(ctx)), so that the change, its
// audit entries and the checkpoint commit together. The transaction may run
// again: only reads and writes of that database belong there.
type Source interface {
	// Name identifies the source in plans and entries: stable, unique, at most 64 bytes.
	Name() string
	// Category is the category of the schedule to which its rows belong.
	Category() string
	// List yields the rows that meet q in strictly ascending order of their keys
	// (see Comparer). The engine stops the iteration when it has enough.
	List(ctx context.Context, q *Query) iter.Seq2[*Record, error]
	// Load yields those of the rows that still exist, in any order, as they are now
	// and locked against change if the database can. q asks for all rows.
	Load(ctx context.Context, q *Query, keys []string) iter.Seq2[*Record, error]
	// Carry carries out the order on the rows. A row that cannot be changed, for
	// example because another row refers to it, is named in failed with the reason,
	// which must not hold personal data; its part must have no effect. An error
	// undoes the whole batch.
	Carry(ctx context.Context, o *Order, keys []string) (failed map[string]string, err error)
}

// Comparer is an optional capability of a [Source] whose keys ascend neither as
// bytes nor as decimal numbers.
type Comparer interface {
	CompareKeys(a, b string) int
}

// Dated is an optional capability of a [Source] that knows which events its rows have
// dates of, see [Engine.Lint].
type Dated interface {
	DatedBy() []string
}

// Effecter is an optional capability of a [Source] some of whose rows stay when they
// are erased. The engine then plans, counts and records them as masked, never as
// erased.
type Effecter interface {
	// Effect returns what the order comes to: Mask where an order to erase leaves
	// the row, or part of the values of its Fields; else o.Action.
	Effect(o *Order) Action
}

// effect returns what is done to a record of a source by a decision.
func effect(s Source, d *Decision) Action {
	x, ok := s.(Effecter)
	if !ok || d.do != doErase {
		return d.Action()
	}
	o := Order{Action: Erase, Fields: d.Fields()}
	if r := d.Rule(); r != nil {
		o.Rule = r.ID
	}
	if x.Effect(&o) == Mask {
		return Mask
	}
	return Erase
}

// Taker is an optional capability of a [Source] whose rows can go and be read in one
// statement, such as DELETE ... RETURNING: a batch of rows to erase then costs one
// statement instead of two.
type Taker interface {
	// Take deletes those of the rows that meet q, and yields them as they were. It
	// is called as Load and Carry are. The engine undoes the transaction if one of
	// them must stay after all, and handles the batch by Load and Carry. A Checker is
	// asked about rows taken, too.
	Take(ctx context.Context, q *Query, keys []string) iter.Seq2[*Record, error]
}

// Checker is an optional capability of a [Source]: after a batch it reports the
// rows that still hold what the order should have removed, so that a cache or a
// trigger that writes data back is found.
type Checker interface {
	CheckCarried(ctx context.Context, o *Order, keys []string) (remaining []string, err error)
}

// ascent checks that the keys of a listing ascend: by the order of the source, or
// else all of them as bytes or all of them as decimal numbers.
type ascent struct {
	compare     func(a, b string) int
	notBytes    bool
	notDecimals bool
}

func ascending(s Source) *ascent {
	if c, ok := s.(Comparer); ok {
		return &ascent{compare: c.CompareKeys}
	}
	return &ascent{}
}

func (a *ascent) ok(before, key string) bool {
	if a.compare != nil {
		return a.compare(before, key) < 0
	}
	a.notBytes = a.notBytes || before >= key
	a.notDecimals = a.notDecimals || !decimal(before) || !decimal(key) || len(before) > len(key) || len(before) == len(key) && before >= key
	return !a.notBytes || !a.notDecimals
}

func decimal(s string) bool {
	return s != "" && (s[0] != '0' || len(s) == 1) && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// Instant returns the instant that stands for a civil date among [Record.Events]:
// the start of the day in the time zone of the schedule.
func (c *Condition) Instant(d Date) time.Time { return d.Start(c.day.schedule.loc) }

// facts turns a delivered row into facts, and checks it against the contract.
func (c *Condition) facts(source Source, r *Record, now int64) (Facts, error) {
	var f Facts
	if r.Key == "" || len(r.Key) > 191 {
		return f, &SourceError{Source: source.Name(), Field: "key", Value: r.Key, Reason: "every row needs a key of 1 to 191 bytes"}
	}
	if len(r.Events) != len(c.policy.events) {
		return f, &SourceError{Source: source.Name(), Field: "key", Value: r.Key, Reason: "the row does not carry one date for each event of the query"}
	}
	copy(f.At[:], r.Events)
	for i, us := range r.Events {
		if us > now+dayMicros {
			return f, &SourceError{Source: source.Name(), Rule: c.ruleOf(i), Field: c.policy.events[i],
				Value: time.UnixMicro(us).UTC().Format(time.DateOnly), Reason: "the date lies in the future, row " + r.Key}
		}
	}
	return f, nil
}

const dayMicros = int64(24 * time.Hour / time.Microsecond)

// ruleOf names the first rule that starts at an event.
func (c *Condition) ruleOf(event int) string {
	for _, r := range c.policy.rules {
		if slices.Contains(r.Start.Events, c.policy.events[event]) {
			return r.ID
		}
	}
	return ""
}
