// Package datamap describes an existing CRM once, in a file that people can
// review: which personal data lies in which tables and columns, whose it is, why it
// is there, and what an erasure does to it. Requests of data subjects, erasure and
// retention then work on the CRM's own tables, which are never altered.
//
// For most uses call [Parse] and [Open], give [Live.Sources] to a dsar desk and
// [Live.Sweeps] to a retention engine, and let datamaptest.Coverage fail the CRM's
// own build when somebody adds a table or a column that the map does not know.
//
// # Model
//
// A [Map] has kinds of subjects ([Kind]: customers, leads, staff), each with a table
// that has one row per person, and tables ([Table]). A table reaches its subject by
// links ([Link]): a column that holds what another column holds, perhaps only where a
// third column has a constant (a polymorphic link), perhaps inside an array or a JSON
// document. Links follow each other, so that a line of an invoice needs only name its
// invoice. Without a link the only foreign key to a mapped table is taken.
//
// A [Column] has purposes, an origin, a meaning, a sensitivity and a [Strategy]: what
// an erasure leaves in it. A table has one too: its rows are deleted, stay in place
// with masked columns, go with their last reference, or are left to the CRM's own
// code. A [Duty] names the fields of a row that must stay, and until when.
// A [Waiver] answers in writing for what is not personal data.
//
// [Open] reads the live schema and returns a [Live], or the faults together with
// line, table and column, all that is missing first. From then on a statement names
// only what was checked; all values are parameters. [Live.Check] says what the map
// forgot: columns that nobody mentions, and those that look personal by their name
// or by a sample of values.
//
// # Erasing
//
// Rows go in an order that foreign keys and links allow: dependents first, a cycle
// opened at a column that may be NULL. A row to which another row that stays refers
// is masked in place and the result says so; a CASCADE never deletes a mapped row
// that has to stay, and what it deletes outside the map is counted by
// [Source.Preview]. A preview makes the same decisions by the same code as the run.
// A value that was masked before is left alone, so that a second run writes nothing.
//
// A soft-deleted row is a row: it is found, exported and erased.
//
// # Transactions
//
// Every statement runs through the transaction that the context holds for the
// database, so that a change, its receipt and its audit entries commit together:
//
//	err := db.InTx(ctx, func(ctx context.Context) error {
//		results, err = live.Source().Erase(ctx, subject, items)
//		return err
//	})
//
// Rows are read in pages in the order of the key; no statement is open while the
// caller has a row. Callbacks run inside the transaction and may run again.
//
// # Errors
//
// What is wrong with a map is a [Faults], which wraps [ErrMap] and gdpr.ErrInvalid.
// Errors name tables and columns, never values; the text of a driver's error is
// found only by unwrapping.
//
// # Limits
//
// Keys of rows are integers, text, UUIDs or bytes; a subject has a key of one column.
// Foreign keys of several columns are reported, not followed. [Live.Identify] by name
// reads the name columns of every person; by e-mail and phone it narrows in SQL, but
// a condition on a part of a text uses no index. Triggers of the CRM fire as they do
// for the CRM's own statements. A row that is erased in place by a rule of retention is
// counted and recorded as masked, whatever the rule says.
//
// # Legal scope
//
// GDPR arts. 5(1)(b), (c) and (e), 15 to 18, 20, 25 and 30. The package does not
// decide whether a purpose is lawful, a waiver is justified or a masked row is
// anonymous: it reports masked rows as masked.
//
// # Compatibility
//
// The file format has a version, described by [Schema]. Names of sections, codes of
// findings and the text of keys stay as they are.
package datamap
