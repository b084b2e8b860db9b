package schema

import "github.com/gdprkit/gdprkit/storage"

const (
	auditKept   = "kept: arts. 5(2), 17(3)(b); holds tokens only, which shred with the subject's key"
	auditLife   = "until Prune; the payload until Redact"
	auditTech   = "technical"
	auditPruned = "until Prune"
)

// AuditHead is the state of the log: slot 0 is the present incarnation, the ones
// that Reopen closed have their number as slot.
var AuditHead = &storage.Table{
	Name: "gdpr_audit_head",
	Columns: []storage.Column{
		{Name: "slot", Kind: storage.Int, Category: auditTech, Erase: "none", Lifetime: "unlimited"},
		{Name: "log", Kind: storage.Int, Category: auditTech, Erase: "none", Lifetime: "unlimited"},                // number of the incarnation, from 1
		{Name: "origin", Kind: storage.Text, Size: 255, Category: auditTech, Erase: "none", Lifetime: "unlimited"}, // ends in the log's id
		{Name: "size", Kind: storage.Int, Category: auditTech, Erase: "none", Lifetime: "unlimited"},
		{Name: "root", Kind: storage.Bytes, Size: 32, Category: auditTech, Erase: "none", Lifetime: "unlimited"},
		{Name: "frontier", Kind: storage.Bytes, Size: 2048, Category: auditTech, Erase: "none", Lifetime: "unlimited"},
		{Name: "chain", Kind: storage.Bytes, Size: 32, Category: auditTech, Erase: "none", Lifetime: "unlimited"},
		{Name: "mark", Kind: storage.Int, Category: auditTech, Erase: "none", Lifetime: "unlimited"},              // time of the last log.mark
		{Name: "pruned", Kind: storage.Int, Category: auditTech, Erase: "none", Lifetime: "unlimited"},            // entries below it are gone
		{Name: "base", Kind: storage.Bytes, Size: 32, Category: auditTech, Erase: "none", Lifetime: "unlimited"},  // chain before entry pruned
		{Name: "keys", Kind: storage.Text, Size: 4096, Category: auditTech, Erase: "none", Lifetime: "unlimited"}, // verifier keys in force, one a line
	},
	Key: []string{"slot"},
}

// AuditEntry is one sealed entry. All but log, seq, hash and chain repeats what
// the leaf says, to select by it; readers trust the leaf.
var AuditEntry = &storage.Table{
	Name: "gdpr_audit_entry",
	Columns: []storage.Column{
		{Name: "log", Kind: storage.Int, Category: auditTech, Erase: auditKept, Lifetime: auditLife},
		{Name: "seq", Kind: storage.Int, Category: auditTech, Erase: auditKept, Lifetime: auditLife},
		{Name: "id", Kind: storage.Bytes, Size: 16, Category: auditTech, Erase: auditKept, Lifetime: auditLife},
		{Name: "at", Kind: storage.Int, Category: "time of an act", Erase: auditKept, Lifetime: auditLife},
		{Name: "actor", Kind: storage.Text, Size: 22, Category: "token of a member of staff", Erase: auditKept, Lifetime: auditLife},
		{Name: "action", Kind: storage.Text, Size: 96, Category: "kind of act", Erase: auditKept, Lifetime: auditLife},
		{Name: "sub", Kind: storage.Text, Size: 22, Category: "token of a subject", Erase: auditKept, Lifetime: auditLife},
		{Name: "leaf", Kind: storage.Bytes, Null: true, Category: "evidence: tokens, clear codes, sealed personal values", Erase: auditKept, Lifetime: auditLife},
		{Name: "hash", Kind: storage.Bytes, Size: 32, Category: auditTech, Erase: auditKept, Lifetime: auditPruned},
		{Name: "chain", Kind: storage.Bytes, Size: 32, Category: auditTech, Erase: auditKept, Lifetime: auditPruned},
	},
	Key:    []string{"log", "seq"},
	Unique: [][]string{{"log", "id"}},
	Index:  [][]string{{"log", "sub", "seq"}},
}

// AuditSubject has a row for each further subject of an entry, after the first.
var AuditSubject = &storage.Table{
	Name: "gdpr_audit_subject",
	Columns: []storage.Column{
		{Name: "log", Kind: storage.Int, Category: auditTech, Erase: auditKept, Lifetime: auditLife},
		{Name: "seq", Kind: storage.Int, Category: auditTech, Erase: auditKept, Lifetime: auditLife},
		{Name: "sub", Kind: storage.Text, Size: 22, Category: "token of a subject", Erase: auditKept, Lifetime: auditLife},
	},
	Key:   []string{"log", "seq", "sub"},
	Index: [][]string{{"log", "sub", "seq"}},
}

// AuditStage holds entries that are committed and not sealed yet, on engines with
// several writers at a time.
var AuditStage = &storage.Table{
	Name: "gdpr_audit_stage",
	Columns: []storage.Column{
		{Name: "state", Kind: storage.Int, Category: auditTech, Erase: auditKept, Lifetime: "until sealed"}, // 0 pending, 1 set aside
		{Name: "id", Kind: storage.Bytes, Size: 16, Category: auditTech, Erase: auditKept, Lifetime: "until sealed"},
		{Name: "leaf", Kind: storage.Bytes, Category: "evidence: tokens, clear codes, sealed personal values", Erase: auditKept, Lifetime: "until sealed"},
		{Name: "mac", Kind: storage.Bytes, Size: 16, Category: auditTech, Erase: auditKept, Lifetime: "until sealed"},
	},
	Key: []string{"state", "id"},
}

// AuditKey remembers idempotency keys of callers, as HMAC.
var AuditKey = &storage.Table{
	Name: "gdpr_audit_key",
	Columns: []storage.Column{
		{Name: "idem", Kind: storage.Bytes, Size: 16, Category: "keyed hash of a request's key", Erase: auditKept, Lifetime: "unlimited"},
		{Name: "request", Kind: storage.Bytes, Size: 16, Category: "keyed hash of a request", Erase: auditKept, Lifetime: "unlimited"},
		{Name: "id", Kind: storage.Bytes, Size: 16, Category: auditTech, Erase: auditKept, Lifetime: "unlimited"},
		{Name: "hash", Kind: storage.Bytes, Size: 32, Category: auditTech, Erase: auditKept, Lifetime: "unlimited"},
		{Name: "at", Kind: storage.Int, Category: "time of an act", Erase: auditKept, Lifetime: "unlimited"},
		{Name: "mac", Kind: storage.Bytes, Size: 16, Category: auditTech, Erase: auditKept, Lifetime: "unlimited"},
	},
	Key: []string{"idem"},
}

// AuditTile holds complete subtrees: up to 256 neighbouring hashes of a level; in
// level 0 the roots of their sixteenths follow.
var AuditTile = &storage.Table{
	Name: "gdpr_audit_tile",
	Columns: []storage.Column{
		{Name: "log", Kind: storage.Int, Category: auditTech, Erase: auditKept, Lifetime: "unlimited"},
		{Name: "level", Kind: storage.Int, Category: auditTech, Erase: auditKept, Lifetime: "unlimited"},
		{Name: "idx", Kind: storage.Int, Category: auditTech, Erase: auditKept, Lifetime: "level 0 until Prune"},
		{Name: "hashes", Kind: storage.Bytes, Size: 8704, Category: auditTech, Erase: auditKept, Lifetime: "level 0 until Prune"},
	},
	Key: []string{"log", "level", "idx"},
}

// AuditCheckpoint holds the signed checkpoints.
var AuditCheckpoint = &storage.Table{
	Name: "gdpr_audit_checkpoint",
	Columns: []storage.Column{
		{Name: "log", Kind: storage.Int, Category: auditTech, Erase: auditKept, Lifetime: "unlimited"},
		{Name: "size", Kind: storage.Int, Category: auditTech, Erase: auditKept, Lifetime: "unlimited"},
		{Name: "note", Kind: storage.Bytes, Category: auditTech, Erase: auditKept, Lifetime: "unlimited"},
	},
	Key: []string{"log", "size"},
}

// AuditRedaction says which entry seals the dropping of a payload.
var AuditRedaction = &storage.Table{
	Name: "gdpr_audit_redaction",
	Columns: []storage.Column{
		{Name: "log", Kind: storage.Int, Category: auditTech, Erase: auditKept, Lifetime: auditPruned},
		{Name: "seq", Kind: storage.Int, Category: auditTech, Erase: auditKept, Lifetime: auditPruned},
		{Name: "teller", Kind: storage.Int, Category: auditTech, Erase: auditKept, Lifetime: auditPruned}, // number of the incarnation with log.redacted
		{Name: "entry", Kind: storage.Int, Category: auditTech, Erase: auditKept, Lifetime: auditPruned},  // its seq there
	},
	Key: []string{"log", "seq"},
}

// AuditAlias maps subjects and actors to random tokens where no Tokeniser is
// given. Deleting the rows of a subject makes its entries anonymous to the reader.
var AuditAlias = &storage.Table{
	Name: "gdpr_audit_alias",
	Columns: []storage.Column{
		{Name: "domain", Kind: storage.Text, Size: 16, Category: auditTech, Erase: "row deleted", Lifetime: "until Forget"},
		{Name: "subject", Kind: storage.Text, Size: 191, Category: "subject key", Erase: "row deleted", Lifetime: "until Forget"},
		{Name: "token", Kind: storage.Text, Size: 22, Category: "token of a subject", Erase: "row deleted", Lifetime: "until Forget"},
	},
	Key: []string{"domain", "subject", "token"},
}

var audit = []*storage.Table{
	AuditHead, AuditEntry, AuditSubject, AuditStage, AuditKey,
	AuditTile, AuditCheckpoint, AuditRedaction, AuditAlias,
}
