package schema

import "github.com/gdprkit/gdprkit/storage"

// KeyHead has two rows. "keys" belongs to the key store: the place in the chain
// of erasures that it has carried out (n, h), up to where it has planned them,
// and the current key epoch. "data" belongs to the data store: the erasures that
// it has heard of. They are compared with each other and with the journal, so
// that a restored backup is noticed.
var KeyHead = &storage.Table{
	Name: "gdpr_key_head",
	Columns: []storage.Column{
		{Name: "name", Kind: storage.Text, Size: 16, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "incarnation", Kind: storage.Bytes, Size: 16, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "n", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "h", Kind: storage.Bytes, Size: 32, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "planned", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "planned_h", Kind: storage.Bytes, Size: 32, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "epoch", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "journal", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "restored", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "until AcceptRestore"},
		{Name: "remnants", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "until the files are clean"},
	},
	Key: []string{"name"},
}

// KeyEpoch has a row per key-encryption key: its name at the wrapper and the
// tenant's own key wrapped under it.
var KeyEpoch = &storage.Table{
	Name: "gdpr_key_epoch",
	Columns: []storage.Column{
		{Name: "epoch", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "ref", Kind: storage.Text, Size: 512, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "kid", Kind: storage.Bytes, Size: 16, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "wrapped", Kind: storage.Bytes, Category: "wrapped key", Erase: "emptied when the epoch is destroyed", Lifetime: "epoch length + window"},
		{Name: "state", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "created", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "retired", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "gone", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited"},
	},
	Key: []string{"epoch"},
}

// Key has a row per subject and compartment: the wrapped key under which the
// subject's values are sealed. Deleting the row is what shreds them.
var Key = &storage.Table{
	Name: "gdpr_key",
	Columns: []storage.Column{
		{Name: "subject", Kind: storage.Text, Size: 191, Category: "subject key", Erase: "row deleted", Lifetime: "until shredded"},
		{Name: "compartment", Kind: storage.Text, Size: 32, Category: "technical", Erase: "row deleted", Lifetime: "until shredded"},
		{Name: "kid", Kind: storage.Bytes, Size: 16, Category: "technical", Erase: "row deleted", Lifetime: "until shredded"},
		{Name: "epoch", Kind: storage.Int, Category: "technical", Erase: "row deleted", Lifetime: "until shredded"},
		{Name: "state", Kind: storage.Int, Category: "technical", Erase: "row deleted", Lifetime: "until shredded"},
		{Name: "wrapped", Kind: storage.Bytes, Category: "wrapped key", Erase: "row deleted", Lifetime: "until shredded"},
		{Name: "created", Kind: storage.Int, Category: "technical", Erase: "row deleted", Lifetime: "until shredded"},
	},
	Key:    []string{"subject", "compartment"},
	Unique: [][]string{{"kid"}},
	Index:  [][]string{{"epoch", "kid"}},
}

// KeySecret has the tenant's own secrets: of blind indexes, tombstones,
// suppression, codes, links and staged audit entries.
var KeySecret = &storage.Table{
	Name: "gdpr_key_secret",
	Columns: []storage.Column{
		{Name: "name", Kind: storage.Text, Size: 64, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "generation", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "kid", Kind: storage.Bytes, Size: 16, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "epoch", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "state", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "wrapped", Kind: storage.Bytes, Category: "wrapped key", Erase: "rewrapped with each epoch", Lifetime: "unlimited"},
		{Name: "created", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited"},
	},
	Key:    []string{"name", "generation"},
	Unique: [][]string{{"kid"}},
}

// KeyClosing has the shreds that were decided and are not finished. It lives in
// the data store, so that the decision commits with the host's change.
var KeyClosing = &storage.Table{
	Name: "gdpr_key_closing",
	Columns: []storage.Column{
		{Name: "subject", Kind: storage.Text, Size: 191, Category: "subject key", Erase: "row deleted", Lifetime: "until the shred is finished"},
		{Name: "compartment", Kind: storage.Text, Size: 32, Category: "technical", Erase: "row deleted", Lifetime: "until the shred is finished"},
		{Name: "at", Kind: storage.Int, Category: "technical", Erase: "row deleted", Lifetime: "until the shred is finished"},
	},
	Key: []string{"subject", "compartment"},
}

// KeySchedule has the shreds that are to happen at a later time.
var KeySchedule = &storage.Table{
	Name: "gdpr_key_schedule",
	Columns: []storage.Column{
		{Name: "subject", Kind: storage.Text, Size: 191, Category: "subject key", Erase: "row deleted", Lifetime: "until due"},
		{Name: "keep", Kind: storage.Text, Size: 512, Category: "technical", Erase: "row deleted", Lifetime: "until due"},
		{Name: "due", Kind: storage.Int, Category: "technical", Erase: "row deleted", Lifetime: "until due"},
	},
	Key:   []string{"subject"},
	Index: [][]string{{"due", "subject"}},
}

// KeyRecord has a copy of each record of the journal of erasures, in the key
// store and in the data store.
var KeyRecord = &storage.Table{
	Name: "gdpr_key_record",
	Columns: []storage.Column{
		{Name: "incarnation", Kind: storage.Bytes, Size: 16, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "n", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "kid", Kind: storage.Bytes, Size: 16, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "record", Kind: storage.Bytes, Size: 128, Category: "keyed hash of the subject", Erase: "kept: art. 17(3)(b)", Lifetime: "until no backup is older than the erasure"},
		{Name: "done", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited"},
	},
	Key:   []string{"incarnation", "n"},
	Index: [][]string{{"kid"}, {"done", "incarnation", "n"}},
}

// KeyTombstone remembers that a subject's key of a compartment was destroyed, so
// that no new one is made by mistake. It names the subject by a keyed hash only.
var KeyTombstone = &storage.Table{
	Name: "gdpr_key_tombstone",
	Columns: []storage.Column{
		{Name: "tag", Kind: storage.Bytes, Size: 16, Category: "keyed hash of the subject", Erase: "kept: art. 17(3)(b)", Lifetime: "until no backup is older than the erasure"},
		{Name: "compartment", Kind: storage.Text, Size: 32, Category: "technical", Erase: "none", Lifetime: "as the tag"},
		{Name: "alias", Kind: storage.Bytes, Size: 16, Category: "random pseudonym", Erase: "none", Lifetime: "as the tag"},
		{Name: "day", Kind: storage.Int, Category: "day of the erasure", Erase: "none", Lifetime: "as the tag"},
		{Name: "back", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "as the tag"},
	},
	Key:   []string{"tag", "compartment"},
	Index: [][]string{{"day", "tag", "compartment"}},
}

// KeyFence has the ids of the keys that were destroyed and must never come back.
var KeyFence = &storage.Table{
	Name: "gdpr_key_fence",
	Columns: []storage.Column{
		{Name: "kid", Kind: storage.Bytes, Size: 16, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "n", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "day", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited"},
	},
	Key:   []string{"kid"},
	Index: [][]string{{"n", "kid"}},
}

// KeyToken leads from a token back to its subject, until the subject is shredded.
var KeyToken = &storage.Table{
	Name: "gdpr_key_token",
	Columns: []storage.Column{
		{Name: "domain", Kind: storage.Text, Size: 64, Category: "technical", Erase: "row deleted", Lifetime: "until shredded"},
		{Name: "token", Kind: storage.Bytes, Size: 16, Category: "pseudonym", Erase: "row deleted", Lifetime: "until shredded"},
		{Name: "subject", Kind: storage.Text, Size: 191, Category: "subject key", Erase: "row deleted", Lifetime: "until shredded"},
		{Name: "kid", Kind: storage.Bytes, Size: 16, Category: "technical", Erase: "row deleted", Lifetime: "until shredded"},
	},
	Key:   []string{"domain", "token"},
	Index: [][]string{{"kid"}, {"subject"}},
}

// KeyIncarnation has a row per restore that was noticed and dealt with.
var KeyIncarnation = &storage.Table{
	Name: "gdpr_key_incarnation",
	Columns: []storage.Column{
		{Name: "id", Kind: storage.Bytes, Size: 16, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "kind", Kind: storage.Text, Size: 16, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "reason", Kind: storage.Text, Size: 512, Category: "operator's words", Erase: "none", Lifetime: "unlimited"},
		{Name: "n", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "at", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited"},
	},
	Key: []string{"id"},
}

var keys = []*storage.Table{
	KeyHead, KeyEpoch, Key, KeySecret, KeyClosing, KeySchedule, KeyRecord,
	KeyTombstone, KeyFence, KeyToken, KeyIncarnation,
}
