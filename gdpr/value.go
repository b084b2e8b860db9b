package gdpr

// Origin says how a value came in; see arts. 14(2)(f) and 20(1).
type Origin string

// The origins. Portability covers Provided and Observed (GDPR art. 20(1), WP 242).
const (
	OriginUnknown  Origin = ""
	Provided       Origin = "provided"    // by the person, knowingly
	Observed       Origin = "observed"    // from the person's use of a service or device
	Derived        Origin = "derived"     // made by the controller: scores, notes, classes
	FromThirdParty Origin = "third_party" // obtained from somebody else
)

// Sensitivity says whether a value needs special care, by the article that asks for it.
type Sensitivity string

// The sensitivities.
const (
	Ordinary   Sensitivity = ""
	Special    Sensitivity = "A9"  // special categories
	Criminal   Sensitivity = "A10" // criminal convictions and offences
	NationalID Sensitivity = "A87" // national identification numbers
)
