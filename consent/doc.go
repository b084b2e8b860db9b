// Package consent records who agreed to what, when, how and to which words, and
// answers before every processing whether it is lawful now, and why.
//
//	catalogue, err := consent.NewCatalogue(purposes...)
//	ledger, err := consent.New(db.Tenant("acme"), catalogue, nil)
//	_, err = ledger.Give(ctx, consent.Act{Subject: "c-1", Purpose: "news", Channel: "email", At: at, Evidence: form})
//	err = ledger.Gate(ctx, consent.Query{Subject: "c-1", Purpose: "news", Channel: "email"})
//
// For most uses call [Ledger.Give], [Ledger.Withdraw], and [Ledger.Gate] where the
// processing happens. Everything that is not known to be lawful is denied.
//
// # Model
//
// A [Purpose] says what data is used for, on which of the six legal bases, in which
// words, on which channels. It has versions; a [Catalogue] holds all of them.
//
// An [Act] is what a person or the controller did: gave or refused consent,
// withdrew it, objected, had processing restricted. The [Ledger] appends it as a
// [Record], which is never changed, and keeps beside it the state that all records
// of the person add up to. The words shown are kept by version and hash, personal
// [Evidence] is sealed under the person's key.
//
// A [Query] asks about a person, a purpose, a channel; the [Decision] tells allowed
// or not, the rules and records it rests on, and when it will change by itself. It
// can ask about the past: what was lawful then, and what was known then.
//
// Five stops are five things. *Withdraw* ends a consent. *ObjectMarketing* ends
// direct marketing at once; *Object* makes the controller weigh interests.
// *Restrict* leaves only storage, whatever the basis. *Suppress* keeps an address
// from ever being mailed again. *Revoke* is the controller's own decision. A consent
// given later by the person itself ends the effect of the stops that it covers,
// except a restriction.
//
// What is recorded late counts by its date: it ends no stop that began after it and
// revives nothing that ended after it. A stop that is recorded late counts from now on.
//
// # SQL
//
// After [Ledger.Publish] a host may join the view gdpr_consent_effect (tenant, subject,
// purpose, channel, allowed, valid_until, restricted, objected, suppressed): allowed is
// 1 where [Ledger.Check] answers that a consent stands now. It knows nothing of
// addresses, recipients, grounds other than consent, or a restored database, and a
// restriction of one category of data denies every purpose in it. Name tenant, purpose
// and channel in the JOIN, and then the subject: the key has that order, and there is
// no index by subject. What is known of one person tell [Ledger.Check] and
// [Ledger.Export].
//
// # Transactions
//
// A record, the state and the audit entry commit with the host's own write:
//
//	err := db.InTx(ctx, func(ctx context.Context) error {
//		// the CRM's own statements
//		_, err := ledger.Withdraw(ctx, act)
//		return err
//	})
//
// A committed stop denies the next call in every process: a decision reads the
// primary, never a cache. Inside a host's transaction at PostgreSQL's REPEATABLE
// READ it sees the transaction's snapshot; Decision.Snapshot says so.
//
// Each write takes an idempotency Key: repeating it has one effect and returns the
// first record, another act under the same key is storage.ErrKeyReuse. Import,
// Filter, Anchor and AcceptRestore commit on their own.
//
// # Errors
//
// Bad input wraps gdpr.ErrInvalid and one of this package's sentinels, names field
// and rule, and leaves nothing written. [DeniedError] wraps gdpr.ErrDenied. Every bad
// token gives the same [ErrToken]; [TokenError] tells the log which.
//
// # Legal scope
//
// GDPR arts. 4(11), 6 to 10, 13 and 14 (when a person was told), 18, 21, 22 and 44
// to 49 as far as a decision needs them; ePrivacy directive art. 13 by a dated table
// of countries that counsel must sign. The package does not decide whether an
// interest is legitimate, whether words are plain, or whether a consent was free: it
// flags what is doubtful ([Catalogue.Lint]) and keeps the proof.
//
// # Compatibility
//
// The texts of [Event], [Reason], [Ground], [Method] and the numbers of [Status] are
// stored and stay readable. Tokens begin with their version: "gc1." to confirm,
// "gw1." to withdraw. Receipts follow Kantara's consent receipt 1.1.
package consent
