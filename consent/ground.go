package consent

// Ground is the id of a rule of law: a basis of GDPR art. 6(1) ("A6-1-a"), a
// condition of art. 9(2) ("A9-2-a"), the existing-customer rule of ePrivacy
// directive art. 13(2) ("EP-13-2"), a case of art. 18(1) ("A18-1-d"). The ids are
// those of the W3C Data Privacy Vocabulary where it has one.
type Ground string

// The six legal bases of GDPR art. 6(1).
const (
	Consent            Ground = "A6-1-a"
	Contract           Ground = "A6-1-b"
	LegalObligation    Ground = "A6-1-c"
	VitalInterest      Ground = "A6-1-d"
	PublicInterest     Ground = "A6-1-e"
	LegitimateInterest Ground = "A6-1-f"
)

// Further grounds that acts and decisions name.
const (
	// ExistingCustomer is ePrivacy directive art. 13(2): mail about own similar
	// goods to an own customer. It is a ground of its own (CJEU C-654/23).
	ExistingCustomer Ground = "EP-13-2"
	// PriorConsent is ePrivacy directive art. 13(1).
	PriorConsent Ground = "EP-13-1"

	ExplicitConsent Ground = "A9-2-a" // special categories, explicit consent

	AutomatedContract Ground = "A22-2-a" // necessary for a contract
	AutomatedLaw      Ground = "A22-2-b" // authorised by law
	AutomatedConsent  Ground = "A22-2-c" // explicit consent

	RestrictAccuracy  Ground = "A18-1-a" // accuracy contested
	RestrictUnlawful  Ground = "A18-1-b" // unlawful, erasure opposed
	RestrictClaims    Ground = "A18-1-c" // needed by the person for claims
	RestrictObjection Ground = "A18-1-d" // objection being assessed

	ObjectionGeneral   Ground = "A21-1"
	ObjectionMarketing Ground = "A21-2"
	Withdrawal         Ground = "A7-3"

	// The exceptions of GDPR art. 18(2), in which restricted data may be processed.
	DespiteConsent  Ground = "A18-2-consent"
	DespiteClaims   Ground = "A18-2-claims"
	DespiteRights   Ground = "A18-2-rights"
	DespiteInterest Ground = "A18-2-interest"
)

// IsBasis reports whether g is one of the six of GDPR art. 6(1).
func (g Ground) IsBasis() bool {
	switch g {
	case Consent, Contract, LegalObligation, VitalInterest, PublicInterest, LegitimateInterest:
		return true
	}
	return false
}

// objectable reports whether GDPR art. 21(1) gives a right to object.
func (g Ground) objectable() bool { return g == PublicInterest || g == LegitimateInterest }

func (g Ground) oneOf(list ...Ground) bool {
	for _, x := range list {
		if g == x {
			return true
		}
	}
	return false
}

// art9 holds the conditions of GDPR art. 9(2) that a purpose may name.
var art9 = []Ground{"A9-2-a", "A9-2-b", "A9-2-c", "A9-2-d", "A9-2-e", "A9-2-f", "A9-2-g", "A9-2-h", "A9-2-i", "A9-2-j"}

// Status is the state of a consent, in the terms of the W3C Data Privacy
// Vocabulary. The numbers are stored.
type Status int

// The statuses. Only Given is valid for processing.
const (
	Unknown     Status = 0 // nothing known
	Imported    Status = 1 // a legacy flag of unknown provenance: never a ground
	Requested   Status = 2 // asked for, no answer yet
	Deferred    Status = 3 // the person put the answer off
	Given       Status = 4
	Expired     Status = 5 // derived from time, never stored
	Invalidated Status = 6 // found not to be valid
	Refused     Status = 7 // the person said no
	Revoked     Status = 8 // ended by somebody other than the person
	Withdrawn   Status = 9 // ended by the person
)

var statusNames = [...]string{"unknown", "imported", "requested", "deferred", "given", "expired", "invalidated", "refused", "revoked", "withdrawn"}

// String returns the name in lower case.
func (s Status) String() string {
	if s < 0 || int(s) >= len(statusNames) {
		return "invalid"
	}
	return statusNames[s]
}
