// Package audit is a tamper-evident log of who did what about whom: what a
// controller shows to prove compliance (GDPR arts. 5(2), 24(1)) and to find out
// after a breach which data was touched (art. 33).
//
// For most uses call [Log.Record] where something happens, [Log.Entries] to show
// it, and [Log.Verify] and [Log.Checkpoint] from a nightly job; or let [Log.Run]
// do the latter.
//
// # Model
//
// An *entry* has a time, an actor, an action, subjects and attributes. Its bytes,
// the *leaf*, are final when Record returns. Subjects and actors stand in it as
// tokens. Text is personal unless marked with gdpr.Clear and is sealed under its
// subject's key; without a Sealer it is refused.
//
// *Sealing* gives an entry its index, extends a hash chain and the Merkle tree of
// RFC 6962, and updates the *head*. With memstore and SQLite it happens inside the
// writing transaction. PostgreSQL and MySQL keep entries beside the log first
// (*staged*), so that open transactions do not wait for one another. The next commit
// of the process, [Log.Sealed] or [Log.Run] seals them; [Log.Pending] counts what
// waits. An entry recorded outside of a transaction is sealed when Record returns.
//
// A *checkpoint* is the size and root of the log, signed. An [Anchor] keeps the
// newest outside the database. A *bundle* is a text file with entries and proofs
// that [VerifyBundle] and cmd/auditverify check without the database.
//
// What is found when somebody who can write the database
//
//	                                     nothing    signed checkpoints   a checkpoint
//	                                     outside    in the database      kept outside
//	edits, removes, inserts, swaps       found      found                found
//	the same, and recomputes everything  no         found below the      found below the
//	                                                newest one, if it    outside size
//	                                                stays
//	sets back to an older checkpoint,    no         no                   found
//	or empties the log
//	forges a staged row                  no         found by its MAC     found by its MAC
//	forges a log.redacted, log.pruned    no         found by its MAC     found by its MAC
//	drops a staged row                   no         no                   Reconcile, in part
//	has the signing key as well          no         no                   found below the
//	                                                                     outside size
//
// The MAC needs Options.Secret; cutting entries off without recomputing the head
// is found always. DETECTION.md names the test of each cell. A log cannot prove that
// nothing was left out before it was written.
//
// # Transactions
//
// Record joins the transaction that the context holds:
//
//	err := db.InTx(ctx, func(ctx context.Context) error {
//		if _, err := db.Tx(ctx).ExecContext(ctx, `UPDATE contacts SET ...`); err != nil {
//			return err
//		}
//		return log.Record(ctx, "contact.changed", "c-17", slog.Int("fields", 2))
//	})
//
// If A committed before B began, A stands before B, on one primary and as far as
// the clocks of the processes agree. The verbs that commit on their own, such as
// Checkpoint and Prune, return storage.ErrInTx inside a transaction.
//
// # Errors
//
// [ErrTampered], with a [*Finding] that names the first entry and the rule, is the
// only error that says the log is not intact; [ErrRolledBack] wraps it. Bad input
// wraps gdpr.ErrInvalid, or gdpr.ErrUnsealed for text that may not be stored. No
// error holds a value of an entry.
//
// # Legal scope
//
// Tokens make entries pseudonymous (art. 4(5)), not anonymous: while the key of a
// person exists, they are data about that person, and [Log.Export] hands them out
// (art. 15). When it is shredded, or [Log.Forget] deletes the alias, the entries
// stay as evidence (art. 17(3)(b) and (e)), linkable to each other but to nobody.
// How long that may last is the host's decision: [Log.RedactDue], [Log.RedactSubject],
// [Log.Prune]. They reach the logs that [Log.Reopen] closed too.
//
// # Compatibility
//
// Leaves, bundles and checkpoints carry their version and stay readable;
// testdata/v1 has vectors and a second verifier.
package audit
