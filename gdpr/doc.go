// Package gdpr holds the words that every part of gdprkit shares: who is
// responsible ([Controller], [Role]), which values are personal ([Personal],
// [Clear]), how a secret is kept out of logs ([Secret]), and how a person is
// named ([CheckSubject]).
//
// # Model
//
// A *subject* is the CRM's own stable key of a person, a string. It is never an
// e-mail address or a name: such a key would put personal data into every index
// and every log line. [CheckSubject] refuses "@" and white space unless the host
// allows them.
//
// A [Controller] decides why and how personal data is processed (GDPR art.
// 4(7)). One tenant of a store is one controller; the maker of the CRM is
// usually its processor.
//
// Attributes of audit entries are [log/slog.Attr] values. A string among them is
// personal unless the caller says otherwise: [Clear] marks a value that may
// stand in the log as it is, [Personal] one that must be sealed under its
// subject's key. Numbers, booleans, times and durations are clear by default.
//
// # Errors
//
// Each sentinel of this package is the general case that the other packages
// wrap: test with errors.Is against [ErrInvalid], [ErrDenied] or [ErrUnsealed]
// to handle a whole class, or against the specific sentinel of the package at
// hand. An [InvalidError] names the field and the rule; it never repeats a
// personal value.
//
// # Compatibility
//
// The JSON names of [Controller] and the values of [Role] are part of stored
// records and stay readable.
package gdpr
