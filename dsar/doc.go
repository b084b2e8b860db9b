// Package dsar answers the requests of data subjects under GDPR arts. 7(3) and 15
// to 22: in time, to the right person, completely, and so that it can be shown.
// For most uses call [New], then [Desk.Receive], [Desk.Verify], [Desk.Plan],
// [Desk.Approve], [Desk.Work] and [Desk.Fulfil], in this order.
//
// # Model
//
// A [Request] is one exercise of a right, of a [Kind], with the day on which it
// came in and the day on which its period ends. It names the subject keys that
// it covers, several if the CRM holds a person twice.
//
// Its [State] follows a table that is data: [Transitions], printed in STATES.md.
// A step that the table does not have is a [*TransitionError], never a silent
// no-op. [Identity] is a dimension of its own: grouping, assignment and extension
// leave it alone, and nothing is disclosed or changed before it is verified or
// waived.
//
// A [Source] is one place where personal data lies. A [Plan] counts what each
// source holds and names what will be done with each record; somebody else
// approves its hash; [Desk.Work] carries out that plan and no other, source by
// source, and can go on after a crash. The result of an erasure is per record:
// erased, masked, blocked for a duty, kept because a basis stands or for a claim.
//
// [Desk.Bundle] streams the copy of the data: data.json, CSV, a page to read, and
// a manifest. Letters in Dutch, English, German and French come from templates
// that the host may override.
//
// # Transactions
//
// Each step writes the request, its history and its audit entry in one
// transaction, and joins that of the host:
//
//	err := db.InTx(ctx, func(ctx context.Context) error { // may run again on a conflict: only SQL in here
//		_, err := db.Tx(ctx).ExecContext(ctx, `INSERT INTO tickets ...`)
//		if err == nil {
//			_, err = desk.Receive(ctx, dsar.Intake{ /* ... */ })
//		}
//		return err
//	})
//
// Work, Bundle, Deliver, Notify, Replay, Readmit and the verification of a code commit
// on their own and return storage.ErrInTx inside a transaction.
//
// # Errors
//
// Each sentinel says when it is returned. What a source did wrong is a
// [*SourceError]; what an answer lacks is an [*IncompleteError]; bad input wraps
// gdpr.ErrInvalid. After any of them the request has the state it had.
//
// # Legal scope
//
// Periods follow Regulation (EEC, Euratom) No 1182/71 in the controller's time
// zone; readings that authorities dispute are options, and the unpaused date is
// always shown. The package does not decide whether a request is unfounded, an
// interest compelling or a record needed for a claim: it demands that somebody
// does, signs it, and tells the person. An erasure is shown by a statement, which
// is no certificate in the sense of art. 42.
//
// # Compatibility
//
// Values of Kind, State, Event and Outcome, the formats in a bundle and the
// records of the erasure journal are stored and stay readable.
package dsar
