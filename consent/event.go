package consent

import (
	"encoding/json"
	"fmt"

	"github.com/gdprkit/gdprkit/internal/ids"
)

// Event is the kind of a record. The texts are stored.
type Event string

// The kinds of record.
const (
	EventRequested   Event = "requested"
	EventDeferred    Event = "deferred"
	EventGiven       Event = "given"
	EventRefused     Event = "refused"
	EventWithdrawn   Event = "withdrawn"   // by the person, art. 7(3)
	EventRevoked     Event = "revoked"     // by somebody else
	EventInvalidated Event = "invalidated" // found not to be valid
	EventEstablished Event = "established" // a ground other than consent holds
	EventCeased      Event = "ceased"      // … and holds no more
	EventObjected    Event = "objected"    // art. 21(1)
	EventUpheld      Event = "upheld"
	EventOverridden  Event = "overridden"
	EventMarketing   Event = "objected_marketing" // art. 21(2)
	EventSuppressed  Event = "suppressed"
	EventReleased    Event = "released" // a suppression ends by the person's wish
	EventRestricted  Event = "restricted"
	EventLifted      Event = "lifted"
	EventImported    Event = "imported" // a legacy flag
	EventDescribed   Event = "described"
	EventMerged      Event = "merged"
	EventErased      Event = "erased"
	EventReadmitted  Event = "readmitted"
)

// event is a row of gdpr_consent_event.
type event struct {
	subject      string
	seq          int64
	id           ids.ID
	kind         Event
	purpose      string
	channel      string
	version      int
	at, recorded int64
	until        int64
	ground       Ground
	text         []byte // SHA-256 of the words shown, or empty
	proof        []byte // SHA-256 of the sealed evidence, or empty
	idem         [16]byte
	request      [32]byte
	detail       detail
	detailText   string

	key      string // of idempotency, as the caller gave it
	personal []byte // evidence in clear, before it is sealed
	sealed   []byte
	digest   []byte // of a suppressed address, for the journal
}

// detail holds what only some kinds of event have, in codes.
type detail struct {
	Method    Method      `json:"method,omitempty"`
	By        By          `json:"by,omitempty"`
	Language  string      `json:"language,omitempty"`
	Audience  string      `json:"audience,omitempty"`
	Form      string      `json:"form,omitempty"`
	Source    string      `json:"source,omitempty"`
	Reference string      `json:"reference,omitempty"`
	Explicit  bool        `json:"explicit,omitempty"`
	Guardian  bool        `json:"guardian,omitempty"`
	Check     string      `json:"check,omitempty"` // how parental responsibility was verified
	Age       int         `json:"age,omitempty"`
	Country   string      `json:"country,omitempty"`
	AgeEnds   int64       `json:"ageEnds,omitempty"`
	Threshold int         `json:"threshold,omitempty"`
	Scope     string      `json:"scope,omitempty"`
	Told      int64       `json:"told,omitempty"`
	Person    *personEdit `json:"person,omitempty"`
	With      string      `json:"with,omitempty"`  // merged with this subject …
	State     *state      `json:"state,omitempty"` // … whose state was this; erased: the stops that stay
	Author    string      `json:"author,omitempty"`
	Address   bool        `json:"address,omitempty"` // the confirmation was bound to an address
	Run       string      `json:"run,omitempty"`     // of an import
	Bundled   bool        `json:"bundled,omitempty"` // the purpose is a condition of the service
	Via       string      `json:"via,omitempty"`     // by whose link or journal
}

// personEdit holds the facts that an event tells about a person; zero is unchanged.
type personEdit struct {
	Kind     Kind   `json:"kind,omitempty"`
	Country  string `json:"country,omitempty"`
	Age      int    `json:"age,omitempty"`
	AgeOn    int64  `json:"ageOn,omitempty"`
	Deceased int64  `json:"deceased,omitempty"`
}

func (e *event) encodeDetail() error {
	doc, err := json.Marshal(&e.detail)
	if err != nil {
		return fmt.Errorf("consent: detail of a record: %w", err)
	}
	e.detailText = string(doc)
	return nil
}
