package dsar

// Kind is which right a person exercises.
type Kind string

// The kinds of request (GDPR arts. 7(3) and 15 to 22).
const (
	Access            Kind = "access"             // art. 15
	Rectification     Kind = "rectification"      // art. 16
	Erasure           Kind = "erasure"            // art. 17
	Restriction       Kind = "restriction"        // art. 18
	Portability       Kind = "portability"        // art. 20
	Objection         Kind = "objection"          // art. 21
	AutomatedDecision Kind = "automated_decision" // art. 22(3)
	Withdrawal        Kind = "withdrawal"         // art. 7(3)
)

var kinds = []Kind{Withdrawal, Access, Rectification, Erasure, Restriction, Portability, Objection, AutomatedDecision}

// Article returns the article of the GDPR by its id, for example "A15".
func (k Kind) Article() string {
	switch k {
	case Access:
		return "A15"
	case Rectification:
		return "A16"
	case Erasure:
		return "A17"
	case Restriction:
		return "A18"
	case Portability:
		return "A20"
	case Objection:
		return "A21"
	case AutomatedDecision:
		return "A22"
	case Withdrawal:
		return "A7-3"
	}
	return ""
}

// MarketingPurpose stands for all direct marketing in an objection (GDPR art.
// 21(2) and (3)).
const MarketingPurpose = "marketing"

// reads reports whether the answer to the request is a copy of data.
func (k Kind) reads() bool { return k == Access || k == Portability }

// Capacity is in which capacity somebody asks.
type Capacity string

// The capacities. All but Self need a mandate or other proof of the capacity.
const (
	Self        Capacity = "self"
	Proxy       Capacity = "proxy"                   // by mandate
	Parent      Capacity = "parental_responsibility" // GDPR art. 8
	LegalRep    Capacity = "legal_representative"
	Heir        Capacity = "heir"
	ByAuthority Capacity = "authority" // passed on by a supervisory authority
)

// Channel is how a request came in.
type Channel string

// The channels.
const (
	ByForm   Channel = "form"
	ByEmail  Channel = "email"
	ByLetter Channel = "letter"
	ByPhone  Channel = "phone"
	InPerson Channel = "in_person"
	ByAPI    Channel = "api"
)

// Identity is how far the identity of the person who asks is established. It is
// a dimension of its own: no step but a verification or a waiver changes it.
type Identity string

// The identities.
const (
	Unverified Identity = "unverified"
	Verified   Identity = "verified"
	Waived     Identity = "waived" // no reasonable doubt, with reason: art. 12(6)
)

func (i Identity) settled() bool { return i == Verified || i == Waived }

// Grounds of erasure (GDPR art. 17(1)).
var erasureGrounds = []string{"A17-1-a", "A17-1-b", "A17-1-c", "A17-1-d", "A17-1-e", "A17-1-f"}

// Grounds of restriction (GDPR art. 18(1)).
var restrictionGrounds = []string{"A18-1-a", "A18-1-b", "A18-1-c", "A18-1-d"}
