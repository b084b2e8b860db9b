// Package journal keeps records of erasures and stops in an append-only file,
// outside the backups of the database. For most uses call [Create] once and [Open]
// at each start, and give the result to the options of pseudonym, dsar and consent.
//
//	j, err := journal.Open("/mnt/other-volume/gdpr.journal")
//	vault, err := pseudonym.New(store, wrapper, &pseudonym.Options{Journal: j})
//
// Put the file on another volume than the database and leave it out of the
// database's backup set: it is the newer truth against which a restored backup is
// compared. A copy of the file is welcome, as long as it is never put in the place
// of a newer one.
//
// # Model
//
// A *record* is up to [MaxRecord] bytes that the journal does not look into. It has
// a position, counted from 0. Append returns when the record is on the disk. Each
// record carries a hash over itself and all records before it, so that a change,
// an insertion or a removal in the middle is found by the next reading
// ([ErrDamaged]). What is cut off at the end is found by those who wrote it: they
// remember how far they were.
//
// A crash during an append may leave part of a record at the end. Readers stop
// before it, and the next append removes it: no caller was told that it was
// written.
//
// Several processes may append and read at once, and several parts and tenants may
// share a file.
//
// # Transactions
//
// The journal takes part in none. Its users write to it only after their intent
// has committed, and can repeat what they wrote.
//
// # Errors
//
// [ErrDamaged] and [ErrFormat] need an operator: bring back the newest intact copy.
// Errors of the file system are returned as they are. After one, [File.Append]
// refuses to go on until the file is opened again, since nobody knows what is on
// the disk.
//
// # Legal scope
//
// A record holds no name. It serves the duty to keep what was erased from coming
// back with a backup (GDPR arts. 5(2), 17(1), 32(1)). How long it is kept is the
// controller's decision: at least as long as the oldest backup.
//
// # Compatibility
//
// The first line names the version. Version 1: the line
// "gdprkit.dev/journal/v1\n", then for each record u32 big-endian length ‖ u32
// length XOR 0x67647072 ‖ bytes ‖ chain[32], where chain =
// SHA-256("gdprkit/file/v1\0" ‖ chain before ‖ u32 length ‖ bytes), the first chain
// before being 32 zero bytes. It stays readable.
package journal
