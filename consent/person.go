package consent

// Kind says who a person is to the CRM; the ePrivacy rules differ by it.
type Kind string

// The kinds of person. Unknown counts as consumer.
const (
	Consumer        Kind = "consumer"
	BusinessContact Kind = "business_contact" // at a legal person
	SoleTrader      Kind = "sole_trader"
	Staff           Kind = "staff"
	Applicant       Kind = "applicant"
	RoleAddress     Kind = "role_address" // info@…: an impersonal address of a legal person
)

func (k Kind) valid() bool {
	switch k {
	case "", Consumer, BusinessContact, SoleTrader, Staff, Applicant, RoleAddress:
		return true
	}
	return false
}

// unsettledKind is the kind of a person whose merged records disagree. It counts as
// the one with the strictest rules, which none of the kinds is in every country.
const unsettledKind Kind = "unsettled"

// join returns the kind of a person with two records. Unknown counts as consumer.
func (k Kind) join(o Kind) Kind {
	switch {
	case k == o, o == "" && k == Consumer:
		return k
	case k == "" && o == Consumer:
		return o
	}
	return unsettledKind
}

// By says who acted.
type By string

// Who acts. The person is the default of every act that a person does.
const (
	BySubject        By = "subject"
	ByGuardian       By = "guardian"       // holder of parental responsibility
	ByBoth           By = "both"           // child and guardian together (France)
	ByRepresentative By = "representative" // authorised by the person
	ByController     By = "controller"
	ByImport         By = "import"
)
