package schema

import "github.com/gdprkit/gdprkit/storage"

const (
	untilForget   = "until Ledger.Forget"
	proofLifetime = "until Ledger.Forget, or the end date that it was given"
)

// ConsentState is the current state of a person: one row per purpose and channel,
// and one with purpose "*" for the person as a whole, which each write locks
// first. A decision reads one row of it; a campaign reads one range.
var ConsentState = &storage.Table{
	Name: "gdpr_consent",
	Columns: []storage.Column{
		{Name: "purpose", Kind: storage.Text, Size: 64, Category: "purpose", Erase: "row deleted, except the tombstone", Lifetime: untilForget},
		{Name: "channel", Kind: storage.Text, Size: 32, Category: "channel", Erase: "row deleted, except the tombstone", Lifetime: untilForget},
		{Name: "subject", Kind: storage.Text, Size: 191, Category: "subject key", Erase: "row deleted, except the tombstone", Lifetime: "tombstone: unlimited, art. 5(2)"},
		{Name: "seq", Kind: storage.Int, Category: "technical", Erase: "kept in the tombstone", Lifetime: "as the row"},
		{Name: "status", Kind: storage.Int, Category: "consent status", Erase: "set to 0 in the tombstone", Lifetime: untilForget},
		{Name: "stops", Kind: storage.Int, Category: "bits: restriction, objection, suppression; consent explicit, of age", Erase: "kept in the tombstone: art. 21(3)", Lifetime: "as the row"},
		{Name: "version", Kind: storage.Int, Category: "version of the purpose", Erase: "set to 0 in the tombstone", Lifetime: untilForget},
		{Name: "valid_from", Kind: storage.Int, Category: "time of the act", Erase: "set to 0 in the tombstone", Lifetime: untilForget},
		{Name: "valid_until", Kind: storage.Int, Sparse: true, Category: "end of the consent", Erase: "set to 0 in the tombstone", Lifetime: untilForget},
		{Name: "event", Kind: storage.Bytes, Size: 16, Category: "id of the deciding record", Erase: "row deleted, except the tombstone", Lifetime: "as the row"},
		{Name: "warned", Kind: storage.Int, Category: "technical", Erase: "row deleted, except the tombstone", Lifetime: untilForget},
		{Name: "body", Kind: storage.Bytes, Null: true, Category: "state in codes and dates, country, age bound", Erase: "emptied in the tombstone, except stops", Lifetime: "as the row"},
	},
	Key:   []string{"purpose", "channel", "subject"},
	Index: [][]string{{"valid_until", "purpose", "channel", "subject"}},
}

// ConsentEvent is the ledger: what happened, in codes, append-only. The schema
// refuses UPDATE always and DELETE outside the erasure of the subject.
var ConsentEvent = &storage.Table{
	Name:       "gdpr_consent_event",
	AppendOnly: true,
	Columns: []storage.Column{
		{Name: "subject", Kind: storage.Text, Size: 191, Category: "subject key", Erase: "row deleted, or kept as proof: art. 17(3)(e)", Lifetime: proofLifetime},
		{Name: "seq", Kind: storage.Int, Category: "technical", Erase: "as the subject", Lifetime: proofLifetime},
		{Name: "id", Kind: storage.Bytes, Size: 16, Category: "record id", Erase: "as the subject", Lifetime: proofLifetime},
		{Name: "kind", Kind: storage.Text, Size: 32, Category: "kind of act", Erase: "as the subject", Lifetime: proofLifetime},
		{Name: "purpose", Kind: storage.Text, Size: 64, Category: "purpose", Erase: "as the subject", Lifetime: proofLifetime},
		{Name: "channel", Kind: storage.Text, Size: 32, Category: "channel", Erase: "as the subject", Lifetime: proofLifetime},
		{Name: "version", Kind: storage.Int, Category: "version of the purpose", Erase: "as the subject", Lifetime: proofLifetime},
		{Name: "at", Kind: storage.Int, Category: "time of the act", Erase: "as the subject", Lifetime: proofLifetime},
		{Name: "recorded", Kind: storage.Int, Category: "time of recording", Erase: "as the subject", Lifetime: proofLifetime},
		{Name: "valid_until", Kind: storage.Int, Category: "end of what was given", Erase: "as the subject", Lifetime: proofLifetime},
		{Name: "ground", Kind: storage.Text, Size: 16, Category: "legal ground", Erase: "as the subject", Lifetime: proofLifetime},
		{Name: "text_hash", Kind: storage.Bytes, Size: 32, Category: "SHA-256 of the words shown", Erase: "as the subject", Lifetime: proofLifetime},
		{Name: "proof_hash", Kind: storage.Bytes, Size: 32, Category: "SHA-256 of the sealed evidence", Erase: "as the subject", Lifetime: proofLifetime},
		{Name: "idem", Kind: storage.Bytes, Size: 16, Category: "idempotency key, hashed", Erase: "as the subject", Lifetime: proofLifetime},
		{Name: "request", Kind: storage.Bytes, Size: 32, Category: "hash of the request", Erase: "as the subject", Lifetime: proofLifetime},
		{Name: "detail", Kind: storage.Text, Category: "codes of how and by whom", Erase: "as the subject", Lifetime: proofLifetime},
	},
	Key:    []string{"subject", "seq"},
	Unique: [][]string{{"idem"}},
}

// ConsentProof holds the personal evidence of an event, sealed under the key of
// its subject in compartment "proof". A row of an erasure has no evidence: it marks
// the date until which records are kept.
var ConsentProof = &storage.Table{
	Name: "gdpr_consent_proof",
	Columns: []storage.Column{
		{Name: "subject", Kind: storage.Text, Size: 191, Category: "subject key", Erase: "row deleted, or kept: art. 17(3)(e)", Lifetime: proofLifetime},
		{Name: "id", Kind: storage.Bytes, Size: 16, Category: "record id", Erase: "as the subject", Lifetime: proofLifetime},
		{Name: "sealed", Kind: storage.Bytes, Category: "sealed evidence", Erase: "row deleted or key shredded", Lifetime: proofLifetime},
		{Name: "keep_until", Kind: storage.Int, Sparse: true, Category: "end date of the proof", Erase: "as the subject", Lifetime: proofLifetime},
		{Name: "ground", Kind: storage.Text, Size: 64, Category: "ground for keeping", Erase: "as the subject", Lifetime: proofLifetime},
	},
	Key:   []string{"subject", "id"},
	Index: [][]string{{"keep_until", "subject", "id"}},
}

// ConsentToken holds confirmation and preference tokens by their hash.
var ConsentToken = &storage.Table{
	Name: "gdpr_consent_token",
	Columns: []storage.Column{
		{Name: "hash", Kind: storage.Bytes, Size: 32, Category: "SHA-256 of a random token", Erase: "row deleted", Lifetime: "expiry plus 30 days"},
		{Name: "kind", Kind: storage.Text, Size: 16, Category: "technical", Erase: "row deleted", Lifetime: "expiry plus 30 days"},
		{Name: "subject", Kind: storage.Text, Size: 191, Category: "subject key", Erase: "row deleted", Lifetime: "expiry plus 30 days"},
		{Name: "purpose", Kind: storage.Text, Size: 64, Category: "purpose", Erase: "row deleted", Lifetime: "expiry plus 30 days"},
		{Name: "channel", Kind: storage.Text, Size: 32, Category: "channel", Erase: "row deleted", Lifetime: "expiry plus 30 days"},
		{Name: "version", Kind: storage.Int, Category: "version of the purpose", Erase: "row deleted", Lifetime: "expiry plus 30 days"},
		{Name: "address", Kind: storage.Bytes, Size: 32, Category: "keyed hash of the address sent to", Erase: "row deleted", Lifetime: "expiry plus 30 days"},
		{Name: "expires", Kind: storage.Int, Category: "technical", Erase: "row deleted", Lifetime: "expiry plus 30 days"},
		{Name: "used", Kind: storage.Int, Category: "time of use", Erase: "row deleted", Lifetime: "expiry plus 30 days"},
		{Name: "body", Kind: storage.Text, Category: "codes of the request to be confirmed", Erase: "row deleted", Lifetime: "expiry plus 30 days"},
	},
	Key:   []string{"hash"},
	Index: [][]string{{"subject"}, {"expires", "hash"}},
}

// ConsentLink maps the random id in withdrawal links to its subject.
var ConsentLink = &storage.Table{
	Name: "gdpr_consent_link",
	Columns: []storage.Column{
		{Name: "id", Kind: storage.Bytes, Size: 16, Category: "random id", Erase: "row deleted", Lifetime: untilForget},
		{Name: "subject", Kind: storage.Text, Size: 191, Category: "subject key", Erase: "row deleted", Lifetime: untilForget},
	},
	Key:    []string{"id"},
	Unique: [][]string{{"subject"}},
}

// Suppression holds identifiers that must not be contacted, as keyed hashes whose
// key lies outside Shred.
var Suppression = &storage.Table{
	Name: "gdpr_suppression",
	Columns: []storage.Column{
		{Name: "digest", Kind: storage.Bytes, Size: 32, Category: "keyed hash of an address or number", Erase: "kept: art. 21(3), unless the person declines", Lifetime: "until released"},
		{Name: "purpose", Kind: storage.Text, Size: 64, Category: "purpose, * for all marketing", Erase: "kept with the digest", Lifetime: "until released"},
		{Name: "channel", Kind: storage.Text, Size: 32, Category: "channel, empty for all", Erase: "kept with the digest", Lifetime: "until released"},
		{Name: "subject", Kind: storage.Text, Size: 191, Category: "subject key", Erase: "emptied", Lifetime: untilForget},
		{Name: "at", Kind: storage.Int, Category: "time", Erase: "kept with the digest", Lifetime: "until released"},
		{Name: "ground", Kind: storage.Text, Size: 16, Category: "legal ground", Erase: "kept with the digest", Lifetime: "until released"},
		{Name: "event", Kind: storage.Bytes, Size: 16, Category: "record id", Erase: "kept with the digest", Lifetime: "until released"},
	},
	Key:   []string{"digest", "purpose", "channel"},
	Index: [][]string{{"subject"}},
}

// ConsentOrigin says where, when and how data about a person came in, and when the
// person was told (GDPR arts. 13, 14 and 15(1)(g)).
var ConsentOrigin = &storage.Table{
	Name: "gdpr_consent_origin",
	Columns: []storage.Column{
		{Name: "subject", Kind: storage.Text, Size: 191, Category: "subject key", Erase: "row deleted", Lifetime: untilForget},
		{Name: "id", Kind: storage.Bytes, Size: 16, Category: "record id", Erase: "row deleted", Lifetime: untilForget},
		{Name: "at", Kind: storage.Int, Category: "time of collection", Erase: "row deleted", Lifetime: untilForget},
		{Name: "due", Kind: storage.Int, Category: "latest time of the notice", Erase: "row deleted", Lifetime: untilForget},
		{Name: "informed", Kind: storage.Int, Category: "time of the notice", Erase: "row deleted", Lifetime: untilForget},
		{Name: "idem", Kind: storage.Bytes, Size: 16, Category: "idempotency key, hashed", Erase: "row deleted", Lifetime: untilForget},
		{Name: "request", Kind: storage.Bytes, Size: 32, Category: "hash of the request", Erase: "row deleted", Lifetime: untilForget},
		{Name: "body", Kind: storage.Text, Category: "source, way and categories, in codes", Erase: "row deleted", Lifetime: untilForget},
	},
	Key:    []string{"subject", "id"},
	Unique: [][]string{{"idem"}},
	Index:  [][]string{{"informed", "due", "subject", "id"}},
}

// Purpose is the current version of each published purpose, for the views.
var Purpose = &storage.Table{
	Name: "gdpr_purpose",
	Columns: []storage.Column{
		{Name: "purpose", Kind: storage.Text, Size: 64, Category: "no personal data", Erase: "none", Lifetime: "unlimited"},
		{Name: "version", Kind: storage.Int, Category: "no personal data", Erase: "none", Lifetime: "unlimited"},
		{Name: "accepts", Kind: storage.Int, Category: "no personal data", Erase: "none", Lifetime: "unlimited"},
		{Name: "basis", Kind: storage.Text, Size: 16, Category: "no personal data", Erase: "none", Lifetime: "unlimited"},
		{Name: "marketing", Kind: storage.Int, Category: "no personal data", Erase: "none", Lifetime: "unlimited"},
		{Name: "closed", Kind: storage.Int, Category: "no personal data", Erase: "none", Lifetime: "unlimited"},
		{Name: "child", Kind: storage.Int, Category: "no personal data", Erase: "none", Lifetime: "unlimited"},
		{Name: "explicit", Kind: storage.Int, Category: "no personal data", Erase: "none", Lifetime: "unlimited"},
		{Name: "valid_until", Kind: storage.Int, Category: "no personal data", Erase: "none", Lifetime: "unlimited"},
	},
	Key: []string{"purpose"},
}

// PurposeVersion keeps the words of every published version of a purpose.
var PurposeVersion = &storage.Table{
	Name: "gdpr_purpose_version",
	Columns: []storage.Column{
		{Name: "purpose", Kind: storage.Text, Size: 64, Category: "no personal data", Erase: "none", Lifetime: "unlimited"},
		{Name: "version", Kind: storage.Int, Category: "no personal data", Erase: "none", Lifetime: "unlimited"},
		{Name: "hash", Kind: storage.Bytes, Size: 32, Category: "no personal data", Erase: "none", Lifetime: "unlimited"},
		{Name: "published", Kind: storage.Int, Category: "no personal data", Erase: "none", Lifetime: "unlimited"},
		{Name: "body", Kind: storage.Text, Category: "no personal data", Erase: "none", Lifetime: "unlimited"},
	},
	Key: []string{"purpose", "version"},
}

// ConsentRun records a campaign's selection or an import, and how far it came.
var ConsentRun = &storage.Table{
	Name: "gdpr_consent_run",
	Columns: []storage.Column{
		{Name: "id", Kind: storage.Text, Size: 64, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "kind", Kind: storage.Text, Size: 16, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "at", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "total", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "hash", Kind: storage.Bytes, Size: 32, Category: "SHA-256 over the list of subject keys", Erase: "none", Lifetime: "unlimited"},
		{Name: "body", Kind: storage.Text, Category: "counts per reason", Erase: "none", Lifetime: "unlimited"},
	},
	Key: []string{"id"},
}

// ConsentAnchor counts the stops written, to notice a restored older database,
// and holds stops that are not in the outside journal yet.
var ConsentAnchor = &storage.Table{
	Name: "gdpr_consent_anchor",
	Columns: []storage.Column{
		{Name: "id", Kind: storage.Bytes, Size: 16, Category: "record id", Erase: "none", Lifetime: "until in the journal"},
		{Name: "n", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "until in the journal"},
		{Name: "body", Kind: storage.Bytes, Category: "keyed hashes of a subject and purpose", Erase: "none", Lifetime: "until in the journal"},
	},
	Key: []string{"id"},
}

var consent = []*storage.Table{
	ConsentState, ConsentEvent, ConsentProof, ConsentToken, ConsentLink, Suppression,
	ConsentOrigin, Purpose, PurposeVersion, ConsentRun, ConsentAnchor,
}

// Bits of column stops of [ConsentState]. The last two are no stops but facts of the
// consent, which purposes ask for that are offered to children or need explicit
// consent.
const (
	StopRestricted = 1 << iota // GDPR art. 18
	StopMarketing              // art. 21(2)
	StopSuppressed
	StopObjected // art. 21(1), pending or upheld
	StopErased
	StopDeceased
	StopNamed       // an objection or suppression names the purpose itself
	GivenExplicitly // GDPR art. 9(2)(a)
	GivenOfAge      // art. 8: old enough, or by a guardian; 0 also when nobody asked
)

// consentViews resolve the consent-based purposes for a JOIN: whether the person
// may be processed for the purpose now on the ground of consent, until when, and what
// stops it. Allowed is what Ledger.Check answers for a query without address, data and
// recipient, except that a restriction of one category of data denies every purpose.
// The numbers are the bits above: 113 restricted, erased, deceased or named; 6 any
// objection or suppression.
var consentViews = []storage.View{{
	Name: "gdpr_consent_effect",
	Query: `SELECT c.tenant, c.subject, c.purpose, c.channel,
	CASE WHEN c.status = 4 AND (c.stops & 113) = 0 AND (p.marketing = 0 OR (c.stops & 6) = 0)
		AND (p.explicit = 0 OR (c.stops & 128) <> 0) AND (p.child = 0 OR (c.stops & 256) <> 0)
		AND p.closed = 0 AND p.basis = 'A6-1-a' AND c.version >= p.accepts AND c.version <= p.version
		AND c.valid_from <= {now} AND (c.valid_until = 0 OR c.valid_until > {now}) AND (p.valid_until = 0 OR p.valid_until > {now}) THEN 1 ELSE 0 END AS allowed,
	c.valid_until,
	CASE WHEN (c.stops & 1) <> 0 THEN 1 ELSE 0 END AS restricted,
	CASE WHEN (c.stops & 2) <> 0 THEN 1 ELSE 0 END AS objected,
	CASE WHEN (c.stops & 4) <> 0 THEN 1 ELSE 0 END AS suppressed
FROM {gdpr_consent} c JOIN {gdpr_purpose} p ON p.tenant = c.tenant AND p.purpose = c.purpose
WHERE c.purpose <> '*'`,
}}
