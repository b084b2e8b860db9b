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

// protection orders kinds: the higher, the stricter the rules.
func (k Kind) protection() int {
	switch k {
	case RoleAddress:
		return 0
	case BusinessContact:
		return 1
	case SoleTrader:
		return 2
	}
	return 3
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
