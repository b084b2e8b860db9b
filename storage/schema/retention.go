package schema

import "github.com/gdprkit/gdprkit/storage"

const untilRelease = "until released, then art. 5(2): until Engine.Forget"

// RetentionHead serialises holds with the start of sweeps, and counts their changes.
var RetentionHead = &storage.Table{
	Name: "gdpr_retention",
	Columns: []storage.Column{
		{Name: "name", Kind: storage.Text, Size: 16, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "version", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited"},
	},
	Key: []string{"name"},
}

// Hold is a legal hold, or the exemption of one record from it.
var Hold = &storage.Table{
	Name: "gdpr_hold",
	Columns: []storage.Column{
		{Name: "id", Kind: storage.Text, Size: 36, Category: "technical", Erase: "row deleted", Lifetime: untilRelease},
		{Name: "parent", Kind: storage.Text, Size: 36, Category: "technical", Erase: "row deleted", Lifetime: untilRelease},
		{Name: "subject", Kind: storage.Text, Size: 191, Category: "subject key", Erase: "row deleted", Lifetime: untilRelease},
		{Name: "category", Kind: storage.Text, Size: 64, Category: "category of records", Erase: "row deleted", Lifetime: untilRelease},
		{Name: "record", Kind: storage.Text, Size: 191, Category: "record key", Erase: "row deleted", Lifetime: untilRelease},
		{Name: "ground", Kind: storage.Text, Size: 191, Category: "legal ground", Erase: "row deleted", Lifetime: untilRelease},
		{Name: "reason", Kind: storage.Text, Size: 1000, Category: "words of staff", Erase: "row deleted", Lifetime: untilRelease},
		{Name: "actor", Kind: storage.Text, Size: 191, Category: "staff", Erase: "row deleted", Lifetime: untilRelease},
		{Name: "placed", Kind: storage.Int, Category: "time of the act", Erase: "row deleted", Lifetime: untilRelease},
		{Name: "released", Kind: storage.Int, Category: "time of the act", Erase: "row deleted", Lifetime: untilRelease},
		{Name: "released_by", Kind: storage.Text, Size: 191, Category: "staff", Erase: "row deleted", Lifetime: untilRelease},
		{Name: "release_reason", Kind: storage.Text, Size: 1000, Category: "words of staff", Erase: "row deleted", Lifetime: untilRelease},
		{Name: "idem", Kind: storage.Text, Size: 64, Category: "idempotency key, hashed", Erase: "row deleted", Lifetime: untilRelease},
		{Name: "request", Kind: storage.Bytes, Size: 32, Category: "hash of the request", Erase: "row deleted", Lifetime: untilRelease},
	},
	Key:    []string{"id"},
	Unique: [][]string{{"idem"}},
	Index:  [][]string{{"released", "id"}, {"subject", "id"}},
}

// Blocked is a record that is kept for a duty or a claim only.
var Blocked = &storage.Table{
	Name: "gdpr_blocked",
	Columns: []storage.Column{
		{Name: "category", Kind: storage.Text, Size: 64, Category: "category of records", Erase: "row deleted with the record", Lifetime: "as the record"},
		{Name: "record", Kind: storage.Text, Size: 191, Category: "record key", Erase: "row deleted with the record", Lifetime: "as the record"},
		{Name: "subject", Kind: storage.Text, Size: 191, Category: "subject key", Erase: "row deleted with the record", Lifetime: "as the record"},
		{Name: "rule", Kind: storage.Text, Size: 64, Category: "id of the deciding rule", Erase: "row deleted with the record", Lifetime: "as the record"},
		{Name: "ground", Kind: storage.Text, Size: 400, Category: "legal ground", Erase: "row deleted with the record", Lifetime: "as the record"},
		{Name: "since", Kind: storage.Int, Category: "time of the act", Erase: "row deleted with the record", Lifetime: "as the record"},
		{Name: "until", Kind: storage.Int, Category: "end of the duty", Erase: "row deleted with the record", Lifetime: "as the record"},
		{Name: "asked", Kind: storage.Int, Category: "whether erasure waits for the end of the duty", Erase: "row deleted with the record", Lifetime: "as the record"},
	},
	Key:   []string{"category", "record"},
	Index: [][]string{{"asked", "category", "until", "record"}, {"subject"}},
}

// Settled is a record that a rule has masked, anonymised or emptied in part, so
// that no sweep does it again.
var Settled = &storage.Table{
	Name: "gdpr_settled",
	Columns: []storage.Column{
		{Name: "category", Kind: storage.Text, Size: 64, Category: "category of records", Erase: "row deleted with the record", Lifetime: "as the record"},
		{Name: "record", Kind: storage.Text, Size: 191, Category: "record key", Erase: "row deleted with the record", Lifetime: "as the record"},
		{Name: "rule", Kind: storage.Text, Size: 64, Category: "id of the deciding rule", Erase: "row deleted with the record", Lifetime: "as the record"},
		{Name: "subject", Kind: storage.Text, Size: 191, Category: "subject key", Erase: "row deleted with the record", Lifetime: "as the record"},
		{Name: "at", Kind: storage.Int, Category: "time of the act", Erase: "row deleted with the record", Lifetime: "as the record"},
	},
	Key:   []string{"category", "record", "rule"},
	Index: [][]string{{"subject"}},
}

// Told is an owner who was told that a record is about to go.
var Told = &storage.Table{
	Name: "gdpr_told",
	Columns: []storage.Column{
		{Name: "category", Kind: storage.Text, Size: 64, Category: "category of records", Erase: "row deleted with the record", Lifetime: "as the record"},
		{Name: "record", Kind: storage.Text, Size: 191, Category: "record key", Erase: "row deleted with the record", Lifetime: "as the record"},
		{Name: "due", Kind: storage.Int, Category: "date of erasure", Erase: "row deleted with the record", Lifetime: "as the record"},
		{Name: "owner", Kind: storage.Text, Size: 191, Category: "staff", Erase: "row deleted with the record", Lifetime: "as the record"},
		{Name: "subject", Kind: storage.Text, Size: 191, Category: "subject key", Erase: "row deleted with the record", Lifetime: "as the record"},
		{Name: "at", Kind: storage.Int, Category: "time of the act", Erase: "row deleted with the record", Lifetime: "as the record"},
	},
	Key:   []string{"category", "record", "due", "owner"},
	Index: [][]string{{"subject"}},
}

// Plan is one list of records to handle, and how far it has come.
var Plan = &storage.Table{
	Name: "gdpr_plan",
	Columns: []storage.Column{
		{Name: "id", Kind: storage.Text, Size: 36, Category: "technical", Erase: "none", Lifetime: "unlimited, art. 5(2)"},
		{Name: "state", Kind: storage.Text, Size: 16, Category: "technical", Erase: "none", Lifetime: "unlimited, art. 5(2)"},
		{Name: "hash", Kind: storage.Text, Size: 64, Category: "SHA-256 of the plan", Erase: "none", Lifetime: "unlimited, art. 5(2)"},
		{Name: "schedule", Kind: storage.Text, Size: 64, Category: "SHA-256 of the schedule", Erase: "none", Lifetime: "unlimited, art. 5(2)"},
		{Name: "edition", Kind: storage.Text, Size: 64, Category: "edition of the schedule", Erase: "none", Lifetime: "unlimited, art. 5(2)"},
		{Name: "planner", Kind: storage.Text, Size: 191, Category: "staff", Erase: "none", Lifetime: "unlimited, art. 5(2)"},
		{Name: "approver", Kind: storage.Text, Size: 191, Category: "staff", Erase: "none", Lifetime: "unlimited, art. 5(2)"},
		{Name: "made", Kind: storage.Int, Category: "time of the act", Erase: "none", Lifetime: "unlimited, art. 5(2)"},
		{Name: "approved", Kind: storage.Int, Category: "time of the act", Erase: "none", Lifetime: "unlimited, art. 5(2)"},
		{Name: "finished", Kind: storage.Int, Category: "time of the act", Erase: "none", Lifetime: "unlimited, art. 5(2)"},
		{Name: "expires", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited, art. 5(2)"},
		{Name: "rows_due", Kind: storage.Int, Category: "number of records", Erase: "none", Lifetime: "unlimited, art. 5(2)"},
		{Name: "stopped", Kind: storage.Int, Category: "number of records", Erase: "none", Lifetime: "unlimited, art. 5(2)"},
		{Name: "pages", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited, art. 5(2)"},
	},
	Key:   []string{"id"},
	Index: [][]string{{"state", "id"}, {"made", "id"}},
}

// PlanPage holds the keys of the records of a plan, some at a time.
var PlanPage = &storage.Table{
	Name: "gdpr_plan_page",
	Columns: []storage.Column{
		{Name: "plan", Kind: storage.Text, Size: 36, Category: "technical", Erase: "row deleted when the plan is done", Lifetime: "until the plan is done or expired"},
		{Name: "page", Kind: storage.Int, Category: "technical", Erase: "row deleted when the plan is done", Lifetime: "until the plan is done or expired"},
		{Name: "source", Kind: storage.Text, Size: 64, Category: "technical", Erase: "row deleted when the plan is done", Lifetime: "until the plan is done or expired"},
		{Name: "rows_due", Kind: storage.Int, Category: "number of records", Erase: "row deleted when the plan is done", Lifetime: "until the plan is done or expired"},
		{Name: "body", Kind: storage.Bytes, Category: "record keys, actions, rules", Erase: "row deleted when the plan is done", Lifetime: "until the plan is done or expired"},
	},
	Key: []string{"plan", "page"},
}

// PlanShard is a run of pages that one process at a time works on.
var PlanShard = &storage.Table{
	Name: "gdpr_plan_shard",
	Columns: []storage.Column{
		{Name: "plan", Kind: storage.Text, Size: 36, Category: "technical", Erase: "none", Lifetime: "unlimited, art. 5(2)"},
		{Name: "shard", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited, art. 5(2)"},
		{Name: "next", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited, art. 5(2)"},
		{Name: "item", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited, art. 5(2)"},
		{Name: "last", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited, art. 5(2)"},
	},
	Key: []string{"plan", "shard"},
}

// PlanCount says how many records of a plan met which end, and under which rule.
var PlanCount = &storage.Table{
	Name: "gdpr_plan_count",
	Columns: []storage.Column{
		{Name: "plan", Kind: storage.Text, Size: 36, Category: "technical", Erase: "none", Lifetime: "unlimited, art. 5(2)"},
		{Name: "source", Kind: storage.Text, Size: 64, Category: "technical", Erase: "none", Lifetime: "unlimited, art. 5(2)"},
		{Name: "rule", Kind: storage.Text, Size: 64, Category: "id of the deciding rule", Erase: "none", Lifetime: "unlimited, art. 5(2)"},
		{Name: "outcome", Kind: storage.Text, Size: 16, Category: "what was done", Erase: "none", Lifetime: "unlimited, art. 5(2)"},
		{Name: "shard", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited, art. 5(2)"},
		{Name: "n", Kind: storage.Int, Category: "number of records", Erase: "none", Lifetime: "unlimited, art. 5(2)"},
	},
	Key: []string{"plan", "source", "rule", "outcome", "shard"},
}

// PlanAside is a record of a plan that was not handled, and why.
var PlanAside = &storage.Table{
	Name: "gdpr_plan_aside",
	Columns: []storage.Column{
		{Name: "plan", Kind: storage.Text, Size: 36, Category: "technical", Erase: "row deleted", Lifetime: "until Engine.Forget"},
		{Name: "source", Kind: storage.Text, Size: 64, Category: "technical", Erase: "row deleted", Lifetime: "until Engine.Forget"},
		{Name: "record", Kind: storage.Text, Size: 191, Category: "record key", Erase: "row deleted", Lifetime: "until Engine.Forget"},
		{Name: "subject", Kind: storage.Text, Size: 191, Category: "subject key", Erase: "row deleted", Lifetime: "until Engine.Forget"},
		{Name: "rule", Kind: storage.Text, Size: 64, Category: "id of the deciding rule", Erase: "row deleted", Lifetime: "until Engine.Forget"},
		{Name: "outcome", Kind: storage.Text, Size: 16, Category: "why it was not handled", Erase: "row deleted", Lifetime: "until Engine.Forget"},
		{Name: "detail", Kind: storage.Text, Size: 1000, Category: "reason, without personal data", Erase: "row deleted", Lifetime: "until Engine.Forget"},
	},
	Key:   []string{"plan", "source", "record"},
	Index: [][]string{{"subject"}},
}

const untilShredded = "until an execution has looked whether anything of the person is left"

// Departed is a person of whom a record was erased and whose keys may have to go.
var Departed = &storage.Table{
	Name: "gdpr_departed",
	Columns: []storage.Column{
		{Name: "subject", Kind: storage.Text, Size: 191, Category: "subject key", Erase: "row deleted", Lifetime: untilShredded},
		{Name: "plan", Kind: storage.Text, Size: 36, Category: "technical", Erase: "row deleted", Lifetime: untilShredded},
		{Name: "rule", Kind: storage.Text, Size: 64, Category: "id of the deciding rule", Erase: "row deleted", Lifetime: untilShredded},
	},
	Key: []string{"subject"},
}

var retention = []*storage.Table{RetentionHead, Hold, Blocked, Settled, Told, Plan, PlanPage, PlanShard, PlanCount, PlanAside, Departed}

var retentionViews = []storage.View{
	// The host's own queries leave blocked records out by an anti-join with it.
	{Name: "gdpr_blocked_records", Query: "SELECT b.tenant, b.category, b.record, b.subject, b.rule, b.until FROM {gdpr_blocked} b"},
}
