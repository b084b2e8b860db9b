// Package schema lists every table, column and view that gdprkit keeps in the
// host's database. It is data: stores create the tables from it, the parts name
// them through it, and a host reads it for its own record of processing (GDPR
// art. 30).
//
// # Model
//
// Each file holds the tables of one part. A column is described once, with its
// category, what an erasure does to it, and how long it stays.
//
// # Compatibility
//
// Nothing is ever removed or renamed. What a later version adds carries its
// schema version in Since, so that the migration of each version follows from
// this list; the texts of the released ones are kept with sqlstore and compared.
package schema
