// Package mask makes values say less about a person: a date becomes a year, a
// postcode its area, an address of the network its network. For most uses call one
// of [Year], [Postcode], [IP], [Constant] and [Unique] on each column, and
// [Groups] to see how many people still share the rest.
//
// # Model
//
// A *masked* value is coarser or replaced; a record of masked values is still
// personal data unless somebody has shown that nobody can be singled out, linked or
// inferred from it (GDPR recital 26; WP216). Only with such an assessment may it be
// called *anonymised*. Nothing here makes that assessment. A hash, a token and a
// blind index never anonymise.
//
// [Unique] replaces a value in a column with a unique constraint. The replacement
// is random and not derived from the value, so it cannot be computed again.
//
// [Groups] counts records with the same values in the columns by which people may
// be recognised, and reports the smallest group (k-anonymity). A small k is a
// finding; a large one is no proof, since it says nothing about what the records of
// a group have in common, nor about other sources.
//
// # Errors
//
// Every error wraps gdpr.ErrInvalid and names the rule, never the value. A value
// that cannot be understood is an error and not passed through.
//
// # Legal scope
//
// Storage limitation by masking (GDPR arts. 5(1)(e), 25(1)). The package does not
// decide whether masking is enough where erasure is due.
//
// # Compatibility
//
// The results are plain values; what a function returns for an input stays the same
// but for Unique.
package mask
