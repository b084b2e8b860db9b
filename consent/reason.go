package consent

// Reason is the code of one step of a decision. The codes are stable.
type Reason string

// Reasons to allow.
const (
	ConsentGiven Reason = "consent_given"
	CustomerHeld Reason = "existing_customer"
	GroundHeld   Reason = "ground_recorded"
	GroundForAll Reason = "ground_for_all"
)

// Notes that change nothing by themselves.
const (
	ExceptionUsed  Reason = "restriction_exception"
	ObjectionLost  Reason = "objection_overridden"
	StopSuperseded Reason = "stop_superseded"
	ContactStrict  Reason = "eprivacy_strict_reading"
)

// Reasons to deny, in the order in which the first of them is named.
const (
	Restored           Reason = "restored"
	PurposeUnknown     Reason = "purpose_unknown"
	PurposeClosed      Reason = "purpose_closed"
	NotInForce         Reason = "purpose_not_in_force"
	SubjectErased      Reason = "erased"
	SubjectDeceased    Reason = "deceased"
	RestrictedBy18     Reason = "restricted"
	ObjectedMarketing  Reason = "objected_marketing"
	Suppressed         Reason = "suppressed"
	ObjectionPending   Reason = "objection_pending"
	ObjectionUpheld    Reason = "objection_upheld"
	DataOutside        Reason = "data_not_in_purpose"
	Incompatible       Reason = "purpose_incompatible"
	RecipientUnknown   Reason = "recipient_unknown"
	TransferUnsafe     Reason = "transfer_without_safeguard"
	NoConsent          Reason = "no_consent"
	ImportedOnly       Reason = "imported_unknown_provenance"
	ConsentRequested   Reason = "requested"
	ConsentDeferred    Reason = "deferred"
	ConsentRefused     Reason = "refused"
	ConsentWithdrawn   Reason = "withdrawn"
	ConsentRevoked     Reason = "revoked"
	ConsentInvalidated Reason = "invalidated"
	ConsentExpired     Reason = "expired"
	NotYet             Reason = "not_yet"
	VersionStale       Reason = "version_stale"
	ExplicitMissing    Reason = "explicit_missing"
	AgeUnknown         Reason = "age_unknown"
	GuardianMissing    Reason = "guardian_missing"
	AgeReached         Reason = "age_reached"
	NoGround           Reason = "no_ground"
	GroundEnded        Reason = "ground_ended"
	ContactOptIn       Reason = "eprivacy_opt_in"
	ContactCustomer    Reason = "eprivacy_not_a_customer"
	ContactNoOptOut    Reason = "eprivacy_no_opt_out_offered"
	ContactPresumed    Reason = "eprivacy_presumption_not_recorded"
)

// Text returns one sentence in English about the reason.
func (r Reason) Text() string {
	switch r {
	case ConsentGiven:
		return "The person gave consent and it stands (GDPR art. 6(1)(a))."
	case CustomerHeld:
		return "Own customer, similar goods, opt-out offered (ePrivacy directive art. 13(2))."
	case GroundHeld:
		return "The ground of the purpose is recorded for this person."
	case GroundForAll:
		return "The ground of the purpose holds for every person."
	case ExceptionUsed:
		return "Processing is restricted, but an exception of GDPR art. 18(2) was named."
	case ObjectionLost:
		return "An objection was overridden by compelling grounds (GDPR art. 21(1))."
	case StopSuperseded:
		return "The person gave consent after the objection or suppression."
	case ContactStrict:
		return "The ePrivacy rule for that country and channel is the stricter reading; counsel may confirm another one (Options.ContactRules)."
	case Restored:
		return "The database is older than its anchor; stops may be missing until the restore is accepted."
	case PurposeUnknown:
		return "The catalogue has no such purpose (GDPR art. 5(1)(b))."
	case PurposeClosed:
		return "The purpose is closed."
	case NotInForce:
		return "No version of the purpose was in force at that time."
	case SubjectErased:
		return "The person was erased (GDPR art. 17)."
	case SubjectDeceased:
		return "The person has died; the purpose ends with that."
	case RestrictedBy18:
		return "Processing is restricted to storage (GDPR art. 18)."
	case ObjectedMarketing:
		return "The person objected to direct marketing (GDPR art. 21(2) and (3))."
	case Suppressed:
		return "The person or address is on the suppression list."
	case ObjectionPending:
		return "An objection is being assessed; until then processing is restricted (GDPR arts. 18(1)(d), 21(1))."
	case ObjectionUpheld:
		return "An objection was upheld (GDPR art. 21(1))."
	}
	return denialText(r)
}

func denialText(r Reason) string {
	switch r {
	case DataOutside:
		return "The purpose does not use such data (GDPR art. 5(1)(c))."
	case Incompatible:
		return "The data was collected for another purpose (GDPR arts. 5(1)(b), 6(4))."
	case RecipientUnknown:
		return "The purpose does not name the recipient (GDPR art. 13(1)(e))."
	case TransferUnsafe:
		return "Third country without adequacy decision, safeguard or derogation (GDPR arts. 44 to 49)."
	case NoConsent:
		return "Nothing is known of a consent."
	case ImportedOnly:
		return "Only a legacy flag of unknown provenance exists; it proves no consent (GDPR art. 7(1))."
	case ConsentRequested:
		return "Consent was asked for and is not confirmed."
	case ConsentDeferred:
		return "The person put the answer off."
	case ConsentRefused:
		return "The person refused."
	case ConsentWithdrawn:
		return "The person withdrew the consent (GDPR art. 7(3))."
	case ConsentRevoked:
		return "The consent was revoked by somebody other than the person."
	case ConsentInvalidated:
		return "The consent was found not to be valid."
	case ConsentExpired:
		return "The consent has expired."
	case NotYet:
		return "What would allow it begins later."
	case VersionStale:
		return "The consent was given for other words than those in force."
	case ExplicitMissing:
		return "Explicit consent is required and was not given (GDPR arts. 9(2)(a), 22(2)(c), 49(1)(a))."
	case AgeUnknown:
		return "The age of the person is not known (GDPR art. 8)."
	case GuardianMissing:
		return "Below the age of the country and no parental authorisation (GDPR art. 8(1))."
	case AgeReached:
		return "The child came of age; the person must confirm."
	case NoGround:
		return "The ground of the purpose is not recorded for this person."
	case GroundEnded:
		return "The ground of the purpose has ended for this person."
	case ContactOptIn:
		return "The channel needs prior consent in that country (ePrivacy directive art. 13(1))."
	case ContactCustomer:
		return "The channel needs consent or the record of an existing customer (ePrivacy directive art. 13(2))."
	case ContactNoOptOut:
		return "No opt-out is offered at collection and in each message (ePrivacy directive art. 13(2))."
	case ContactPresumed:
		return "Presumed consent must be recorded for this person."
	}
	return "Unknown reason."
}
