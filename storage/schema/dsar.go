package schema

import "github.com/gdprkit/gdprkit/storage"

const (
	fileLifetime = "until the request's file expires (dsar.Options.FileFor)"
	rowKept      = "kept: arts. 5(2) and 17(3)(e)"
)

func requestID() storage.Column {
	return storage.Column{Name: "request", Kind: storage.Text, Size: 36, Category: "technical", Erase: rowKept, Lifetime: fileLifetime}
}

func col(name string, kind storage.Kind, size int, category, erase string) storage.Column {
	return storage.Column{Name: name, Kind: kind, Size: size, Category: category, Erase: erase, Lifetime: fileLifetime}
}

func sealed(name string) storage.Column {
	return storage.Column{Name: name, Kind: storage.Bytes, Null: true, Category: "sealed file of the request", Erase: "key of the file shredded, value emptied", Lifetime: fileLifetime}
}

// Request holds the present state of each request of a data subject.
var Request = &storage.Table{
	Name: "gdpr_request",
	Columns: []storage.Column{
		col("id", storage.Text, 36, "technical", rowKept),
		col("kind", storage.Text, 24, "request", rowKept),
		col("state", storage.Text, 24, "request", rowKept),
		col("identity", storage.Text, 16, "request", rowKept),
		col("role", storage.Text, 16, "technical", rowKept),
		col("received", storage.Int, 0, "request", rowKept),
		col("recorded", storage.Int, 0, "request", rowKept),
		col("clock", storage.Int, 0, "request", rowKept),
		col("due", storage.Int, 0, "request", rowKept),
		col("unpaused", storage.Int, 0, "request", rowKept),
		col("notice_due", storage.Int, 0, "request", rowKept),
		col("paused", storage.Int, 0, "request", rowKept),
		col("pause_days", storage.Int, 0, "request", rowKept),
		col("extended", storage.Int, 0, "request", rowKept),
		col("canonical", storage.Text, 36, "technical", rowKept),
		col("assignee", storage.Text, 191, "staff, opaque id", rowKept),
		col("channel", storage.Text, 24, "request", rowKept),
		col("capacity", storage.Text, 24, "request", rowKept),
		col("language", storage.Text, 16, "request", rowKept),
		col("ground", storage.Text, 64, "request", rowKept),
		col("policy", storage.Text, 128, "technical", rowKept),
		col("plan", storage.Int, 0, "technical", rowKept),
		col("plan_hash", storage.Text, 64, "technical", rowKept),
		col("planner", storage.Text, 191, "staff, opaque id", rowKept),
		col("approver", storage.Text, 191, "staff, opaque id", rowKept),
		col("plan_expires", storage.Int, 0, "technical", rowKept),
		col("plan_at", storage.Int, 0, "technical", rowKept),
		col("outcome", storage.Text, 24, "request", rowKept),
		col("closed", storage.Int, 0, "request", rowKept),
		col("lift", storage.Int, 0, "request", rowKept),
		col("forgotten", storage.Int, 0, "request", rowKept),
		col("version", storage.Int, 0, "technical", rowKept),
		sealed("body"),
	},
	Key:   []string{"id"},
	Index: [][]string{{"state", "due", "id"}, {"received", "id"}, {"forgotten", "closed", "id"}, {"lift", "id"}},
}

// RequestSubject links a request with each subject key that it covers.
var RequestSubject = &storage.Table{
	Name: "gdpr_request_subject",
	Columns: []storage.Column{
		requestID(),
		col("subject", storage.Text, 191, "subject key", "row deleted when the file expires"),
		col("at", storage.Int, 0, "request", rowKept),
	},
	Key:   []string{"request", "subject"},
	Index: [][]string{{"subject", "request"}},
}

// RequestEvent is the history of each request, one row per step.
var RequestEvent = &storage.Table{
	Name: "gdpr_request_event",
	Columns: []storage.Column{
		requestID(),
		col("n", storage.Int, 0, "technical", rowKept),
		col("subject", storage.Text, 191, "key of the request's file", rowKept),
		col("at", storage.Int, 0, "request", rowKept),
		col("event", storage.Text, 24, "request", rowKept),
		col("state", storage.Text, 24, "request", rowKept),
		col("actor", storage.Text, 191, "staff, opaque id", rowKept),
		col("code", storage.Text, 191, "request", rowKept),
		col("due", storage.Int, 0, "request", rowKept),
		col("key", storage.Text, 128, "technical", rowKept),
		col("hash", storage.Bytes, 32, "technical", rowKept),
		sealed("note"),
	},
	Key:        []string{"request", "n"},
	Unique:     [][]string{{"key"}},
	AppendOnly: true,
}

// RequestChallenge holds the one-time codes. A row without a match exists for
// addresses that are not held too, so that nothing tells them apart; and one of
// request 0 takes a write with every try.
var RequestChallenge = &storage.Table{
	Name: "gdpr_request_challenge",
	Columns: []storage.Column{
		requestID(),
		col("n", storage.Int, 0, "technical", "row deleted"),
		col("at", storage.Int, 0, "technical", "row deleted"),
		col("expires", storage.Int, 0, "technical", "row deleted"),
		col("attempts", storage.Int, 0, "technical", "row deleted"),
		col("state", storage.Text, 16, "technical", "row deleted"),
		col("held", storage.Int, 0, "technical", "row deleted"),
		col("address", storage.Bytes, 32, "keyed hash of an address", "row deleted"),
		col("mac", storage.Bytes, 32, "keyed hash of a code", "row deleted"),
		sealed("message"),
	},
	Key:   []string{"request", "n"},
	Index: [][]string{{"state", "request", "n"}},
}

// RequestSource holds, per request and source, how far the work is and what came
// of it.
var RequestSource = &storage.Table{
	Name: "gdpr_request_source",
	Columns: []storage.Column{
		requestID(),
		col("source", storage.Text, 64, "technical", rowKept),
		col("state", storage.Text, 24, "request", rowKept),
		col("attempts", storage.Int, 0, "technical", rowKept),
		col("records", storage.Int, 0, "request", rowKept),
		col("withheld", storage.Int, 0, "request", rowKept),
		col("redacted", storage.Int, 0, "request", rowKept),
		col("done", storage.Int, 0, "request", rowKept),
		col("fault", storage.Text, 64, "technical", rowKept),
		col("hash", storage.Text, 64, "technical", rowKept),
		col("at", storage.Int, 0, "technical", rowKept),
	},
	Key: []string{"request", "source"},
}

// RequestItem holds the records that a plan names, with what became of each.
var RequestItem = &storage.Table{
	Name: "gdpr_request_item",
	Columns: []storage.Column{
		requestID(),
		col("plan", storage.Int, 0, "technical", "row deleted"),
		col("n", storage.Int, 0, "technical", "row deleted"),
		col("subject", storage.Text, 191, "subject key", "row deleted when the file expires"),
		col("source", storage.Text, 64, "technical", "row deleted when the file expires"),
		col("category", storage.Text, 64, "data category", "row deleted when the file expires"),
		col("tbl", storage.Text, 128, "technical", "row deleted when the file expires"),
		col("record", storage.Text, 191, "record key", "row deleted when the file expires"),
		col("action", storage.Text, 16, "request", "row deleted when the file expires"),
		col("kind", storage.Text, 16, "request", "row deleted when the file expires"),
		col("ground", storage.Text, 191, "request", "row deleted when the file expires"),
		col("until", storage.Int, 0, "request", "row deleted when the file expires"),
		col("again", storage.Int, 0, "technical", "row deleted when the file expires"),
		col("fields", storage.Text, 0, "technical", "row deleted when the file expires"),
		col("dates", storage.Text, 0, "dates of a record", "row deleted when the file expires"),
		col("state", storage.Text, 16, "technical", "row deleted when the file expires"),
		col("outcome", storage.Text, 24, "request", "row deleted when the file expires"),
		col("evidence", storage.Text, 64, "technical", "row deleted when the file expires"),
	},
	Key:   []string{"request", "plan", "n"},
	Index: [][]string{{"request", "plan", "source", "state", "n"}, {"request", "plan", "tbl", "record"}, {"state", "again", "request", "plan", "n"}},
}

// RequestNotice tracks who of the recipients was told (GDPR art. 19).
var RequestNotice = &storage.Table{
	Name: "gdpr_request_notice",
	Columns: []storage.Column{
		requestID(),
		col("recipient", storage.Text, 191, "recipient", rowKept),
		col("state", storage.Text, 16, "request", rowKept),
		col("attempts", storage.Int, 0, "technical", rowKept),
		col("reason", storage.Text, 191, "request", rowKept),
		col("at", storage.Int, 0, "request", rowKept),
	},
	Key: []string{"request", "recipient"},
}

// RequestLetter holds the letters that were made, sealed, with the hash of the
// template that made them.
var RequestLetter = &storage.Table{
	Name: "gdpr_request_letter",
	Columns: []storage.Column{
		requestID(),
		col("n", storage.Int, 0, "technical", rowKept),
		col("letter", storage.Text, 32, "request", rowKept),
		col("language", storage.Text, 16, "request", rowKept),
		col("template", storage.Text, 64, "technical", rowKept),
		col("at", storage.Int, 0, "request", rowKept),
		sealed("text"),
	},
	Key: []string{"request", "n"},
}

// LetterText holds each template that ever made a letter, by its hash.
var LetterText = &storage.Table{
	Name: "gdpr_letter_text",
	Columns: []storage.Column{
		{Name: "hash", Kind: storage.Text, Size: 64, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "text", Kind: storage.Text, Category: "template without personal data", Erase: "none", Lifetime: "unlimited"},
	},
	Key: []string{"hash"},
}

// RequestBundle holds stored answers in sealed pieces until they expire.
var RequestBundle = &storage.Table{
	Name: "gdpr_request_bundle",
	Columns: []storage.Column{
		requestID(),
		{Name: "n", Kind: storage.Int, Category: "technical", Erase: "row deleted", Lifetime: "dsar.Options.BundleFor"},
		{Name: "expires", Kind: storage.Int, Category: "technical", Erase: "row deleted", Lifetime: "dsar.Options.BundleFor"},
		{Name: "piece", Kind: storage.Bytes, Null: true, Category: "sealed copy of the person's data", Erase: "row deleted", Lifetime: "dsar.Options.BundleFor"},
	},
	Key:   []string{"request", "n"},
	Index: [][]string{{"expires", "request", "n"}},
}

// RequestJournal has one row: how many records of the erasure journal a replay has
// brought this database up to.
var RequestJournal = &storage.Table{
	Name: "gdpr_request_journal",
	Columns: []storage.Column{
		{Name: "id", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "n", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited"},
	},
	Key: []string{"id"},
}

// Disclosure logs who received data of a subject (GDPR arts. 15(1)(c) and 19).
var Disclosure = &storage.Table{
	Name: "gdpr_disclosure",
	Columns: []storage.Column{
		{Name: "id", Kind: storage.Text, Size: 36, Category: "technical", Erase: "row deleted", Lifetime: "as long as the data disclosed, and until recipients were told"},
		{Name: "subject", Kind: storage.Text, Size: 191, Category: "subject key", Erase: "row deleted", Lifetime: "as id"},
		{Name: "at", Kind: storage.Int, Category: "disclosure", Erase: "row deleted", Lifetime: "as id"},
		{Name: "recipient", Kind: storage.Text, Size: 191, Category: "recipient", Erase: "row deleted", Lifetime: "as id"},
		{Name: "country", Kind: storage.Text, Size: 2, Category: "recipient", Erase: "row deleted", Lifetime: "as id"},
		{Name: "categories", Kind: storage.Text, Category: "data category", Erase: "row deleted", Lifetime: "as id"},
		{Name: "basis", Kind: storage.Text, Size: 64, Category: "disclosure", Erase: "row deleted", Lifetime: "as id"},
		{Name: "key", Kind: storage.Text, Size: 128, Category: "technical", Erase: "row deleted", Lifetime: "as id"},
		{Name: "hash", Kind: storage.Bytes, Size: 32, Category: "technical", Erase: "row deleted", Lifetime: "as id"},
	},
	Key:    []string{"id"},
	Unique: [][]string{{"key"}},
	Index:  [][]string{{"subject", "at", "id"}},
}

var dsar = []*storage.Table{
	Request, RequestSubject, RequestEvent, RequestChallenge, RequestSource, RequestItem,
	RequestNotice, RequestLetter, LetterText, RequestBundle, RequestJournal, Disclosure,
}
