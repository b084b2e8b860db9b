package gdprkit

import (
	"maps"

	"github.com/gdprkit/gdprkit/dsar"
)

// ownInformation is what an access answer says about the library's own rows beside
// the data (GDPR art. 15(1)). A host says it better in its own language.
var ownInformation = map[string]dsar.CategoryInformation{
	"consent": {
		Title: "Consents and objections", Purposes: []string{"to follow your choices and to prove them (GDPR arts. 5(2), 7(1))"},
		Basis: []string{"A6-1-c"}, NoRecipients: true, Retention: "as long as the processing lasts, then until claims have lapsed", Source: "you",
	},
	"audit": {
		Title: "Log of what was done", Purposes: []string{"to account for every processing (GDPR art. 5(2))"},
		Basis: []string{"A6-1-c"}, NoRecipients: true, Retention: "as long as the processing can be called into question", Source: "made by the system",
	},
	"retention": {
		Title: "Holds and blocked records", Purposes: []string{"to keep what the law demands and nothing longer (GDPR art. 5(1)(e))"},
		Basis: []string{"A6-1-c"}, NoRecipients: true, Retention: "until the hold or the duty ends", Source: "made by the system",
	},
	"request": {
		Title: "Requests and their files", Purposes: []string{"to answer requests and to show it (GDPR arts. 12, 5(2))"},
		Basis: []string{"A6-1-c"}, NoRecipients: true, Retention: "until claims about the answer have lapsed", Source: "you",
	},
}

// inform adds what the host has not said about the library's own categories.
func inform(o *dsar.Options) {
	all := maps.Clone(ownInformation)
	maps.Copy(all, o.Information.Categories)
	o.Information.Categories = all
}
