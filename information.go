package gdprkit

import (
	"maps"

	"github.com/gdprkit/gdprkit/dsar"
)

// ownInformation is what an access answer says about the library's own rows beside
// the data (GDPR art. 15(1)), in English and, below, in the other languages of answers.
// Package dsar says it of the requests. A host may say it better.
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
}

var ownTranslated = map[string]map[string]dsar.CategoryInformation{
	"nl": {
		"consent": {Title: "Toestemmingen en bezwaren", Purposes: []string{"uw keuzes volgen en dat kunnen aantonen (artikel 5 lid 2 en artikel 7 lid 1 AVG)"},
			Retention: "zolang de verwerking duurt, en daarna tot vorderingen zijn verjaard", Source: "u"},
		"audit": {Title: "Logboek van handelingen", Purposes: []string{"verantwoording over elke verwerking (artikel 5 lid 2 AVG)"},
			Retention: "zolang over de verwerking verantwoording kan worden gevraagd", Source: "vastgelegd door het systeem"},
		"retention": {Title: "Bewaarde en geblokkeerde gegevens", Purposes: []string{"bewaren wat de wet eist en niets langer (artikel 5 lid 1 onder e AVG)"},
			Retention: "tot de plicht of het geschil eindigt", Source: "vastgelegd door het systeem"},
	},
	"de": {
		"consent": {Title: "Einwilligungen und Widersprüche", Purposes: []string{"Ihre Wahl befolgen und nachweisen (Art. 5 Abs. 2, Art. 7 Abs. 1 DSGVO)"},
			Retention: "solange die Verarbeitung dauert, danach bis Ansprüche verjährt sind", Source: "Sie"},
		"audit": {Title: "Protokoll der Vorgänge", Purposes: []string{"Rechenschaft über jede Verarbeitung (Art. 5 Abs. 2 DSGVO)"},
			Retention: "solange Rechenschaft über die Verarbeitung verlangt werden kann", Source: "vom System erstellt"},
		"retention": {Title: "Aufbewahrte und gesperrte Daten", Purposes: []string{"aufbewahren, was das Gesetz verlangt, und nichts länger (Art. 5 Abs. 1 Buchst. e DSGVO)"},
			Retention: "bis die Pflicht oder der Streit endet", Source: "vom System erstellt"},
	},
	"fr": {
		"consent": {Title: "Consentements et oppositions", Purposes: []string{"suivre vos choix et pouvoir les prouver (article 5, paragraphe 2, et article 7, paragraphe 1, du RGPD)"},
			Retention: "pendant la durée du traitement, puis jusqu'à la prescription", Source: "vous"},
		"audit": {Title: "Journal des opérations", Purposes: []string{"rendre compte de chaque traitement (article 5, paragraphe 2, du RGPD)"},
			Retention: "tant que le traitement peut être mis en cause", Source: "établi par le système"},
		"retention": {Title: "Données conservées et bloquées", Purposes: []string{"conserver ce que la loi exige et rien de plus (article 5, paragraphe 1, point e), du RGPD)"},
			Retention: "jusqu'à la fin de l'obligation ou du litige", Source: "établi par le système"},
	},
}

// inform adds what the host has not said about the library's own categories. What the
// host says of one of them, it says in every language.
func inform(o *dsar.Options) {
	said := o.Information.Categories
	o.Information.Categories = maps.Clone(ownInformation)
	maps.Copy(o.Information.Categories, said)
	languages := maps.Clone(o.Information.Languages)
	if languages == nil {
		languages = map[string]dsar.Information{}
	}
	for lang, own := range ownTranslated {
		t := languages[lang]
		all := map[string]dsar.CategoryInformation{}
		for name, c := range own {
			if _, host := said[name]; !host {
				all[name] = c
			}
		}
		maps.Copy(all, t.Categories)
		t.Categories = all
		languages[lang] = t
	}
	o.Information.Languages = languages
}
