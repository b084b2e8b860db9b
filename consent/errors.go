package consent

import (
	"errors"

	"github.com/gdprkit/gdprkit/gdpr"
)

var (
	// ErrPurpose is returned when the catalogue has no such purpose or version, or
	// none in force at that time.
	ErrPurpose = errors.New("consent: unknown purpose")

	// ErrChannel is returned when the channel is not one of the purpose.
	ErrChannel = errors.New("consent: channel is not one of the purpose")

	// ErrTime is returned for a time that is zero, in the future, or before what it
	// follows.
	ErrTime = errors.New("consent: impossible time")

	// ErrGround is returned when the act does not fit the ground of the purpose:
	// consent given where consent is not the basis, an objection against a duty, an
	// unknown basis.
	ErrGround = errors.New("consent: act does not fit the legal ground")

	// ErrImplied is returned when the evidence shows no clear affirmative act: a
	// pre-ticked box, silence, inactivity, scrolling (GDPR recital 32).
	ErrImplied = errors.New("consent: no clear affirmative act")

	// ErrExplicit is returned when explicit consent is asked for and the evidence
	// has no express statement (GDPR arts. 9(2)(a), 22(2)(c), 49(1)(a)).
	ErrExplicit = errors.New("consent: explicit consent required")

	// ErrGuardian is returned when the person is below the age of the country and
	// no holder of parental responsibility gave or authorised the consent (art. 8).
	ErrGuardian = errors.New("consent: parental authorisation required")

	// ErrEvidence is returned when evidence is missing or malformed.
	ErrEvidence = errors.New("consent: evidence is incomplete")

	// ErrNotice is returned when the text shown lacks one of the six items of an
	// informed consent, or there is none in that language and for that audience.
	ErrNotice = errors.New("consent: notice is incomplete")

	// ErrCatalogue is returned when a catalogue is malformed.
	ErrCatalogue = errors.New("consent: catalogue is malformed")

	// ErrVersion is returned by Publish when a published version of a purpose would
	// change: its words are proof, so an edit needs a new version.
	ErrVersion = errors.New("consent: published version cannot change")

	// ErrToken is returned for every token that is not good: unknown, altered,
	// expired, used for a consent that ended since, of another tenant. Its text does
	// not tell which; see [TokenError].
	ErrToken = errors.New("consent: this link is not valid any more")

	// ErrSecret is returned by what needs Options.Secret when there is none.
	ErrSecret = errors.New("consent: Options.Secret is required")

	// ErrErased is returned when a person that was erased would get a new consent or
	// record. Stops are still accepted; Readmit lets a person come back.
	ErrErased = errors.New("consent: person was erased")

	// ErrAsking is returned by Request when asking would itself be unlawful
	// marketing. The error found with errors.As is a [*DeniedError].
	ErrAsking = errors.New("consent: asking is not allowed")

	// ErrNoRecord is returned when there is no such record, objection or
	// restriction.
	ErrNoRecord = errors.New("consent: no such record")

	// ErrDiverged is returned by Verify when the kept state is not what the records
	// add up to.
	ErrDiverged = errors.New("consent: kept state differs from the records")

	// ErrUnsorted is returned by Filter when the candidates do not ascend.
	ErrUnsorted = errors.New("consent: candidates must ascend byte by byte")
)

// ruleError is a gdpr.InvalidError that also is a sentinel of this package.
type ruleError struct {
	*gdpr.InvalidError
	is error
}

func (e *ruleError) Unwrap() []error { return []error{e.InvalidError, e.is} }

// refuse returns an error that wraps is and says which field broke which rule.
func refuse(is error, field, rule string, args ...any) error {
	var inv *gdpr.InvalidError
	errors.As(gdpr.Invalid(field, rule, args...), &inv)
	return &ruleError{inv, is}
}

// TokenError says, for logs only, why a token was refused. The person gets the
// same answer whatever the reason.
type TokenError struct {
	Why string // unknown, expired, used
}

// Error returns the text of [ErrToken].
func (*TokenError) Error() string { return ErrToken.Error() }

// Unwrap returns [ErrToken].
func (*TokenError) Unwrap() error { return ErrToken }

// DeniedError is returned by Gate and Request. Decision says why.
type DeniedError struct{ Decision Decision }

// Error names purpose and reason, never the person.
func (e *DeniedError) Error() string {
	return "consent: denied for purpose " + e.Decision.Purpose + ": " + string(e.Decision.Reason)
}

// Unwrap returns gdpr.ErrDenied.
func (e *DeniedError) Unwrap() error { return gdpr.ErrDenied }
