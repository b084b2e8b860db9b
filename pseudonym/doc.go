// Package pseudonym seals personal data under a key of each person, and makes all
// of it unreadable by destroying that key. For most uses call [Vault.Seal] and
// [Vault.Open] around the columns that hold personal data, and [Vault.Shred] when
// a person is erased.
//
//	vault, err := pseudonym.New(db.Tenant("acme"), ring, &pseudonym.Options{Journal: j})
//	err = vault.Ready(ctx)
//	sealed, err := vault.Seal(ctx, "c-1042", pseudonym.Place("contacts", "email", "1042"), plain)
//
// # Model
//
// A *subject* is the CRM's own stable key of a person. A [Place] is the cell that a
// value belongs to; moved anywhere else it does not open. A *compartment* is a set
// of places with a key of its own per subject, so that a shred can spare what has
// to be kept: [Ordinary], [Proof], [Statutory], [Request], [ID].
//
// Each subject's keys are random and wrapped under the tenant's key of an *epoch*,
// and that under a key-encryption key that a [KeyWrapper] holds: a file (package
// keyring), a key service, a module. [Vault.Rotate] moves the keys to a new epoch
// and in the end destroys the old one, and with it older copies of the key tables.
//
// A [Journal] outside the backups remembers what was shredded. When a backup comes
// back, the vault notices, closes ([ErrRestored]) and [Vault.Replay] destroys the
// keys again.
//
// [Vault.Token] names a subject in logs, [Vault.Index] finds equal values that are
// stored sealed.
//
// # What a shred promises
//
// When Shred has returned, no call of this process opens what it closed; another
// process does not after Options.KeyBound. No older copy of the data opens with
// the keys of today. No older copy of the keys opens once their epoch is
// destroyed: after [Report].Bound, if [Vault.Run] goes on and no copy of the
// key-encryption key is kept for longer. Keys are dropped, not wiped: the runtime
// may have copied them. An older value of the same cell can be put back by who can
// write the database, and opens.
//
// # Cryptography
//
// Values and keys are sealed with AES-256-GCM and random nonces of 96 bits, so that
// one key must not seal more than 2^32 values (NIST SP 800-38D): those of a person
// in a compartment. Tenant, subject, compartment, column and record are
// authenticated with each value, and its head commits to the key. Lengths are
// padded to 32 bytes up to 224; longer ones show. Streams are those of Tink's
// AES256-GCM-HKDF. Tokens, blind indexes and the hashes in tombstones are
// HMAC-SHA-256 cut to 128 bits. Everything random comes from crypto/rand; no
// algorithm is chosen by configuration.
//
// # Transactions
//
// A key made in a transaction commits with the values sealed under it. A shred in
// a transaction is decided by its commit, and finished after:
//
//	err := db.InTx(ctx, func(ctx context.Context) error {
//		_, err := db.Tx(ctx).ExecContext(ctx, `DELETE FROM contacts WHERE id = 1042`)
//		return errors.Join(err, vault.Shred(ctx, "c-1042", pseudonym.Proof))
//	})
//
// In a transaction of the host nobody sees the commit: let [Vault.Run] go on
// somewhere, it finishes such shreds. Call [Vault.Ensure] before a hot transaction.
//
// # Errors
//
// [ErrNoKey], [ErrShredded], [ErrKeyUnavailable], [ErrKeyLost] and [ErrDamaged] are
// five different answers. Errors hold no subject, no value and no key.
//
// # Legal scope
//
// Sealed data is pseudonymised, and remains personal data for the controller (GDPR
// art. 4(5), recital 26). Shredding is for copies that cannot be reached; live rows
// are to be deleted too, and blind indexes with them (art. 17(1)). Tombstones
// and the journal hold a keyed hash of the subject (grounds: arts. 5(2), 17(3)(b)).
// The package does not decide whether something may or must be erased.
//
// # Compatibility
//
// Sealed values, streams, wrapped keys and journal records name their version in
// their first bytes; version 1 stays readable. testdata/v1 has vectors. The rows of
// a tenant cannot be renamed to another: its name is part of every seal.
package pseudonym
