// Package keyring keeps key-encryption keys in a file, for hosts without a key
// management service. For most uses call [Create] once and [Open] at each start,
// and give the result to pseudonym.New.
//
//	secret, err := keyring.RawKey(key) // 32 bytes from the host's secret store
//	ring, err := keyring.Open("/etc/crm/gdpr.keyring", secret, nil)
//	vault, err := pseudonym.New(db.Tenant("acme"), ring, nil)
//
// # Model
//
// The file holds one key per tenant and key epoch, encrypted by AES-256-GCM under
// a key of 32 bytes ([RawKey], preferred: nothing to guess) or one derived from a
// passphrase by Argon2id ([Passphrase]; RFC 9106, t=3, 64 MiB, 4 lanes). Its
// header, with version, derivation, salt and cost, is authenticated with the body.
//
// The file belongs to the user that runs the process and to nobody else: mode
// 0600, a regular file, not a symbolic link. It is replaced as a whole: a new file
// is written, synchronised, renamed over the old one, and the directory
// synchronised. A serial number inside is compared before that, so that a change
// of another process is never overwritten. A process that is asked for a key that
// it does not know reads the file again, so that all of them see a new epoch.
//
// Keep the file, and copies of it, apart from backups of the database.
//
// # Destruction
//
// Destroying an epoch takes its key out of the file. An older copy of the file
// still has it, and opens with the secret of that time; so Options.Renew is asked
// for a new secret whenever a key is destroyed, and the old secret is to be
// forgotten. Without Renew, [Keyring.Destroy] returns the zero time: the ring
// cannot vouch that the key is gone.
//
// # Errors
//
// [ErrSecret] is a wrong passphrase or key, [ErrFile] a file that others may read
// or that is not a plain file, [ErrFormat] one that is not a keyring or asks for an
// absurd cost, [ErrBusy] another process that is changing it.
//
// # Legal scope
//
// Separate keeping of the key is what makes sealed data pseudonymised (GDPR art.
// 4(5)); destroying it is a means of erasure for copies that cannot be reached. The
// package does not decide who may know the secret.
//
// # Compatibility
//
// The first line names the version; version 1 stays readable.
package keyring
