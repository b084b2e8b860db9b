// Package gdprkit gives an existing CRM what the General Data Protection Regulation
// asks of it, from inside the CRM's own process and database: consent with proof,
// retention by rules, requests of data subjects from the first mail to the answer,
// erasure that a restored backup does not undo, and a tamper-evident log.
//
// This package is the front door. For most uses call [Open] and work with the parts
// that it returns; a host that wants only one part imports that part and one store.
//
// # The map of the house
//
// Read in this order; each page is a short chapter.
//
//	gdpr                  the words that all parts share
//	storage               tables, transactions, and what a store promises
//	storage/sqlstore      SQLite, PostgreSQL, MySQL and MariaDB: the host's *sql.DB
//	storage/memstore      in memory, for tests
//	audit                 hash-chained, Merkle-proved log; audit/cmd/auditverify checks it offline
//	pseudonym             sealed values, tokens, blind indexes, crypto-shredding
//	pseudonym/keyring     key-encryption keys in a file
//	storage/journal       erasures and stops outside the backups
//	consent               who agreed to what; may we do this now, and why
//	retention             how long, why, and what then
//	dsar                  requests of data subjects
//	datamap               an existing CRM's tables, described once
//	examples              quickstart, retrofit, embed, bench
//
// The parts audit, pseudonym, consent, retention and dsar do not import each other.
// They meet through interfaces of one to three methods that the calling part
// declares, and this package, or the host, plugs them together.
//
// # Model
//
// A tenant is one controller (GDPR art. 4(7)); its rows never meet those of another.
// A subject is the CRM's own stable key of a person. A [Kit] is the parts wired for
// one tenant: the vault seals what the other parts hold and gives their log its
// tokens, the log takes an entry for every change, retention asks the ledger which
// purposes still stand, and the desk asks retention what must be kept.
//
// # Transactions
//
// The CRM's own write, the change of a part and its audit entry commit together or
// not at all:
//
//	err := db.InTx(ctx, func(ctx context.Context) error { // may run again on a conflict: only SQL in here
//		if _, err := db.Tx(ctx).ExecContext(ctx, `UPDATE contacts SET ...`); err != nil {
//			return err
//		}
//		_, err := kit.Ledger.Withdraw(ctx, consent.Act{ /* ... */ })
//		return err
//	})
//	_, err = kit.Ledger.Withdraw(db.WithTx(ctx, tx), act) // the host's own *sql.Tx
//
// # A host's duties
//
// Options.Information and Options.Addresses make requests work: what an answer must
// tell beside the data, and where codes may go. [Kit.Run] goes on in a goroutine,
// [Kit.Daily] and the sweep of retention run once a day, dsar.Desk.Deliver as often
// as mail goes out:
//
//	go kit.Run(ctx)
//	err = kit.Daily(ctx, dsar.BySystem)
//	plan, err := kit.Engine.Plan(ctx, retention.PlanOptions{By: "u17"})
//	err = kit.Engine.Approve(ctx, plan.ID, plan.Hash, "u4") // somebody else has looked at it
//	result, err := kit.Engine.Execute(ctx, plan.ID, nil)
//
// The keyring, its secret, the Journal and the Anchor lie apart from the database
// and from its backups. When a backup is restored, the ledger denies everything and
// the log refuses to sign, until [Kit.Replay] has erased and stopped again:
//
//	done, err := kit.Replay(ctx, "u4", "incident-7")
//
// # Errors
//
// Bad input wraps gdpr.ErrInvalid and names field and rule; a refusal by the guard
// wraps gdpr.ErrDenied; what a transaction can do is in package storage. No error
// holds a personal value.
//
// # Legal scope
//
// The library carries out and shows; it does not decide whether a purpose is lawful,
// a period right, or a request unfounded. Tables of law carry source, date and
// confidence, and the controller's counsel signs them. What is not promised stands
// in LIMITS.md, each line with a test that shows it.
//
// # Compatibility
//
// Stored rows, sealed values, log formats, bundles and tokens carry a version and
// stay readable. The Go API follows semantic versioning; before v1 it may change
// with a line in CHANGELOG.md.
package gdprkit
