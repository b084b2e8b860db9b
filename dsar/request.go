package dsar

import (
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

// Request is the present state of one request. It holds no personal content but
// the subject keys; [Desk.Dossier] has the rest.
type Request struct {
	ID       string
	Kind     Kind
	State    State
	Identity Identity
	Role     gdpr.Role
	Subjects []string // the subject keys covered, in ascending order

	Received time.Time // when it came in
	Recorded time.Time // when it was recorded
	// Due is the first instant after the last day of the period, pauses and
	// extension included; DueDate is that last day, in the controller's time zone.
	Due     time.Time
	DueDate string
	// Unpaused and UnpausedDate are the same without any pause. They are what
	// counts if an authority does not accept the pauses.
	Unpaused     time.Time
	UnpausedDate string
	// NoticeDate is the last day on which an extension, or a refusal, can be told
	// (GDPR art. 12(3) and (4)).
	NoticeDate string
	Extended   bool
	PausedAt   time.Time // zero unless the clock stands still now
	PausedDays int       // days of the pauses that are over

	Canonical string // the request of which this is a duplicate, or ""
	Assignee  string
	Channel   Channel
	Capacity  Capacity
	Language  string
	Ground    string // ground asked for, for example "A17-1-b"
	Policy    string // version of the rules that the plan was made under
	PlanHash  string
	PlanEnds  time.Time
	// AwaitsReview is set while an approval by BreakGlass was not reviewed.
	AwaitsReview bool
	Outcome      string // short code of the closing step
	Closed       time.Time
	// Lift is when the restriction that held while an objection was examined will be
	// lifted; zero if there is none, or none any more.
	Lift      time.Time
	Forgotten bool // the file was erased; only the register's line is left

	// Letter is the letter that the step which returned this request made, or nil.
	Letter *Letter
}

// Overdue reports whether the request is open and its period has ended at now.
func (r *Request) Overdue(now time.Time) bool { return r.State.Open() && !now.Before(r.Due) }

type row struct {
	id                          string
	kind                        Kind
	state                       State
	identity                    Identity
	role                        gdpr.Role
	received, recorded, clock   int64
	due, unpaused, noticeDue    int64
	paused, pauseDays, extended int64
	canonical, assignee         string
	channel                     Channel
	capacity                    Capacity
	language, ground, policy    string
	plan                        int64
	planHash, planner, approver string
	planExpires, planAt         int64
	outcome                     string
	closed, lift                int64
	forgotten, version          int64
	body                        []byte

	subject  string   // the first of subjects, or ""
	subjects []string // not a column
	letter   *Letter  // made by the step that led here
}

var rowColumns = []string{
	"id", "kind", "state", "identity", "role", "received", "recorded", "clock", "due", "unpaused", "notice_due",
	"paused", "pause_days", "extended", "canonical", "assignee", "channel", "capacity", "language", "ground", "policy",
	"plan", "plan_hash", "planner", "approver", "plan_expires", "plan_at", "outcome", "closed", "lift", "forgotten", "version", "body",
}

func (r *row) pointers() []any {
	return []any{
		&r.id, &r.kind, &r.state, &r.identity, &r.role, &r.received, &r.recorded, &r.clock, &r.due, &r.unpaused, &r.noticeDue,
		&r.paused, &r.pauseDays, &r.extended, &r.canonical, &r.assignee, &r.channel, &r.capacity, &r.language, &r.ground, &r.policy,
		&r.plan, &r.planHash, &r.planner, &r.approver, &r.planExpires, &r.planAt, &r.outcome, &r.closed, &r.lift, &r.forgotten, &r.version, &r.body,
	}
}

func (r *row) values() []any {
	return []any{
		r.id, string(r.kind), string(r.state), string(r.identity), string(r.role), r.received, r.recorded, r.clock, r.due, r.unpaused, r.noticeDue,
		r.paused, r.pauseDays, r.extended, r.canonical, r.assignee, string(r.channel), string(r.capacity), r.language, r.ground, r.policy,
		r.plan, r.planHash, r.planner, r.approver, r.planExpires, r.planAt, r.outcome, r.closed, r.lift, r.forgotten, r.version, bytesOrNil(r.body),
	}
}

// bytesOrNil keeps a nil slice nil in an any, so that it is stored as NULL.
func bytesOrNil(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

// fileKey is the subject under whose key the file of a request is sealed: each
// file has a key of its own, so that it outlives the person's and goes by itself.
func fileKey(id string) string { return "dsar:" + id }

func (d *Desk) view(r *row) *Request {
	return &Request{
		ID: r.id, Kind: r.kind, State: r.state, Identity: r.identity, Role: r.role, Subjects: r.subjects,
		Received: storage.Time(r.received), Recorded: storage.Time(r.recorded),
		Due: storage.Time(r.due), DueDate: d.lastDay(r.due),
		Unpaused: storage.Time(r.unpaused), UnpausedDate: d.lastDay(r.unpaused), NoticeDate: d.lastDay(r.noticeDue),
		Extended: r.extended != 0, PausedAt: storage.Time(r.paused), PausedDays: int(r.pauseDays),
		Canonical: r.canonical, Assignee: r.assignee, Channel: r.channel, Capacity: r.capacity,
		Language: r.language, Ground: r.ground, Policy: r.policy, PlanHash: r.planHash,
		PlanEnds: storage.Time(r.planExpires), AwaitsReview: strings.HasPrefix(r.approver, alone), Outcome: r.outcome, Closed: storage.Time(r.closed), Lift: storage.Time(r.lift), Forgotten: r.forgotten != 0, Letter: r.letter,
	}
}
