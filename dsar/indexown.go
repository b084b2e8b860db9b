package dsar

import (
	"regexp"
	"strconv"
	"strings"
)

// ownCategory is what is told about the desk's own files, unless the host says it.
var ownCategory = map[string]CategoryInformation{
	"nl": {Title: "Verzoeken en hun dossiers", Purposes: []string{"verzoeken beantwoorden en dat kunnen aantonen (artikel 12 en artikel 5 lid 2 AVG)"}},
	"en": {Title: "Requests and their files", Purposes: []string{"to answer requests and to be able to show it (arts. 12 and 5(2) GDPR)"}},
	"de": {Title: "Anträge und ihre Akten", Purposes: []string{"Beantwortung von Anträgen und deren Nachweis (Art. 12 und Art. 5 Abs. 2 DSGVO)"}},
	"fr": {Title: "Demandes et leurs dossiers", Purposes: []string{"répondre aux demandes et pouvoir le démontrer (articles 12 et 5, paragraphe 2, du RGPD)"}},
}

// ownNames are the words in a file of the desk: its fields, kinds, states and steps,
// in the order nl, en, de, fr.
var ownNames = map[string][4]string{
	"request": {"kenmerk", "reference", "Aktenzeichen", "référence"}, "kind": {"soort", "kind", "Art", "type"},
	"state": {"stand", "state", "Stand", "état"}, "received": {"ontvangen", "received", "eingegangen", "reçue"},
	"due": {"uiterste datum", "due", "Frist", "échéance"}, "outcome": {"uitkomst", "outcome", "Ergebnis", "issue"},
	"text": {"uw woorden", "your words", "Ihre Worte", "vos mots"}, "contact": {"contact", "contact", "Kontakt", "contact"},
	"steps": {"stap", "step", "Schritt", "étape"}, "letters": {"brief", "letter", "Schreiben", "lettre"},

	"access": {"inzage", "access", "Auskunft", "accès"}, "rectification": {"rectificatie", "rectification", "Berichtigung", "rectification"},
	"erasure": {"gegevenswissing", "erasure", "Löschung", "effacement"}, "restriction": {"beperking", "restriction", "Einschränkung", "limitation"},
	"portability": {"overdraagbaarheid", "portability", "Übertragbarkeit", "portabilité"}, "objection": {"bezwaar", "objection", "Widerspruch", "opposition"},
	"automated_decision": {"geautomatiseerd besluit", "automated decision", "automatisierte Entscheidung", "décision automatisée"},
	"withdrawal":         {"intrekking van toestemming", "withdrawal of consent", "Widerruf der Einwilligung", "retrait du consentement"},

	"fulfilled": {"uitgevoerd", "carried out", "ausgeführt", "exécutée"}, "no_data_held": {"geen gegevens", "no data held", "keine Daten", "aucune donnée"},
	"refused": {"afgewezen", "refused", "abgelehnt", "refusée"}, "not_identifiable": {"niet te identificeren", "not identifiable", "nicht identifizierbar", "non identifiable"},
	"forwarded": {"doorgestuurd", "forwarded", "weitergeleitet", "transmise"}, "cancelled": {"ingetrokken", "cancelled", "zurückgenommen", "retirée"},
	"by_person": {"door uzelf", "by yourself", "durch Sie", "par vous"}, "excessive": {"buitensporig", "excessive", "exzessiv", "excessive"},
	"unfounded": {"kennelijk ongegrond", "unfounded", "offenkundig unbegründet", "infondée"},

	"receive": {"ontvangst", "receipt", "Eingang", "réception"}, "identify": {"gegevens opgezocht", "records found", "Daten zugeordnet", "données recherchées"},
	"challenge": {"code gevraagd", "code asked for", "Code angefordert", "code demandé"}, "verify": {"identiteit vastgesteld", "identity established", "Identität festgestellt", "identité établie"},
	"waive": {"identiteit niet in twijfel", "identity not in doubt", "Identität unzweifelhaft", "identité non contestée"},
	"group": {"samengevoegd", "grouped", "zusammengefasst", "regroupée"}, "assign": {"toegewezen", "assigned", "zugewiesen", "attribuée"},
	"extend": {"termijn verlengd", "period extended", "Frist verlängert", "délai prolongé"}, "pause": {"vraag aan u", "question to you", "Rückfrage an Sie", "question à vous"},
	"resume": {"antwoord van u", "answer from you", "Antwort von Ihnen", "réponse de vous"}, "propose_fee": {"vergoeding gevraagd", "fee proposed", "Entgelt verlangt", "frais proposés"},
	"accept_fee": {"vergoeding aanvaard", "fee accepted", "Entgelt angenommen", "frais acceptés"}, "decide": {"correctie bepaald", "correction settled", "Berichtigung bestimmt", "rectification arrêtée"},
	"review": {"beoordeeld door een mens", "reviewed by a human", "von Menschen geprüft", "examinée par une personne"},
	"plan":   {"plan gemaakt", "plan made", "Plan erstellt", "plan établi"}, "approve": {"plan goedgekeurd", "plan approved", "Plan genehmigt", "plan approuvé"},
	"break_glass":  {"plan alleen goedgekeurd", "plan approved alone", "Plan allein genehmigt", "plan approuvé seul"},
	"after_review": {"goedkeuring nagezien", "approval reviewed", "Genehmigung nachgeprüft", "approbation revue"},
	"work":         {"in uitvoering", "being carried out", "in Ausführung", "en cours d'exécution"}, "worked": {"alle bronnen klaar", "all sources done", "alle Quellen erledigt", "toutes les sources traitées"},
	"bundle": {"kopie gemaakt", "copy made", "Kopie erstellt", "copie établie"}, "recipient": {"ontvanger ingelicht", "recipient told", "Empfänger unterrichtet", "destinataire informé"},
	"fulfil": {"beantwoord", "answered", "beantwortet", "réponse donnée"}, "refuse": {"afgewezen", "refused", "abgelehnt", "refusée"},
	"forward": {"doorgestuurd", "forwarded", "weitergeleitet", "transmise"}, "cancel": {"ingetrokken", "cancelled", "zurückgenommen", "retirée"},
	"reopen": {"heropend", "reopened", "wieder aufgenommen", "rouverte"}, "announce_lift": {"opheffing aangekondigd", "lifting announced", "Aufhebung angekündigt", "levée annoncée"},
	"lift": {"beperking opgeheven", "restriction lifted", "Einschränkung aufgehoben", "limitation levée"}, "rest": {"rest gewist", "rest erased", "Rest gelöscht", "reste effacé"},
	"forget": {"dossier gewist", "file erased", "Akte gelöscht", "dossier effacé"},
}

// word returns a word of ownNames in a language, or as it is.
func word(lang, s string) string { return wordOf(ownNames, lang, s) }

// ownWords translates the members of one of the desk's own files for its reader. The
// date and the name of a step become one line.
func ownWords(lang string, members []shownCell) []shownCell {
	var out []shownCell
	for _, m := range members {
		field, rest, nested := strings.Cut(m.Head, ".")
		n, part, _ := strings.Cut(rest, ".")
		c := shownCell{word(lang, field), m.Cell}
		if nested {
			c.Head += " " + n
		}
		switch {
		case part == "step" && len(out) > 0:
			out[len(out)-1].Cell += ": " + word(lang, m.Cell)
			continue
		case field == "kind", field == "state", field == "outcome":
			c.Cell = word(lang, m.Cell)
		}
		out = append(out, c)
	}
	return out
}

var isoPeriod = regexp.MustCompile(`^P(?:([0-9]+)Y)?(?:([0-9]+)M)?(?:([0-9]+)W)?(?:([0-9]+)D)?$`)

// periodNames are the units of a period, one and several.
var periodNames = map[string][4][2]string{
	"nl": {{"jaar", "jaar"}, {"maand", "maanden"}, {"week", "weken"}, {"dag", "dagen"}},
	"en": {{"year", "years"}, {"month", "months"}, {"week", "weeks"}, {"day", "days"}},
	"de": {{"Jahr", "Jahre"}, {"Monat", "Monate"}, {"Woche", "Wochen"}, {"Tag", "Tage"}},
	"fr": {{"an", "ans"}, {"mois", "mois"}, {"semaine", "semaines"}, {"jour", "jours"}},
}

// periodWords returns a period of ISO 8601 in words, and anything else as it is.
func periodWords(lang, s string) string {
	parts := isoPeriod.FindStringSubmatch(s)
	if parts == nil || s == "P" {
		return s
	}
	var words []string
	for i, digits := range parts[1:] {
		if digits == "" {
			continue
		}
		n, err := strconv.Atoi(digits)
		if err != nil {
			return s
		}
		names := periodNames[lang][i]
		name := names[1]
		if n == 1 {
			name = names[0]
		}
		words = append(words, digits+" "+name)
	}
	return strings.Join(words, ", ")
}
