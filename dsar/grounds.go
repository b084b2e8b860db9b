package dsar

import (
	"slices"
	"strings"
)

// groundNames holds the grounds of GDPR arts. 6(1) and 9(2), and those for keeping or
// refusing, in words, per language in the order nl, en, de, fr.
var groundNames = map[string][4]string{
	"A6-1-a": {"toestemming (artikel 6 lid 1 onder a AVG)", "consent (art. 6(1)(a) GDPR)", "Einwilligung (Art. 6 Abs. 1 Buchst. a DSGVO)", "consentement (article 6, paragraphe 1, point a), du RGPD)"},
	"A6-1-b": {"overeenkomst (artikel 6 lid 1 onder b AVG)", "contract (art. 6(1)(b) GDPR)", "Vertrag (Art. 6 Abs. 1 Buchst. b DSGVO)", "contrat (article 6, paragraphe 1, point b), du RGPD)"},
	"A6-1-c": {"wettelijke verplichting (artikel 6 lid 1 onder c AVG)", "legal obligation (art. 6(1)(c) GDPR)", "rechtliche Verpflichtung (Art. 6 Abs. 1 Buchst. c DSGVO)", "obligation légale (article 6, paragraphe 1, point c), du RGPD)"},
	"A6-1-d": {"vitale belangen (artikel 6 lid 1 onder d AVG)", "vital interests (art. 6(1)(d) GDPR)", "lebenswichtige Interessen (Art. 6 Abs. 1 Buchst. d DSGVO)", "intérêts vitaux (article 6, paragraphe 1, point d), du RGPD)"},
	"A6-1-e": {"taak van algemeen belang (artikel 6 lid 1 onder e AVG)", "public interest (art. 6(1)(e) GDPR)", "öffentliches Interesse (Art. 6 Abs. 1 Buchst. e DSGVO)", "mission d'intérêt public (article 6, paragraphe 1, point e), du RGPD)"},
	"A6-1-f": {"gerechtvaardigd belang (artikel 6 lid 1 onder f AVG)", "legitimate interest (art. 6(1)(f) GDPR)", "berechtigtes Interesse (Art. 6 Abs. 1 Buchst. f DSGVO)", "intérêt légitime (article 6, paragraphe 1, point f), du RGPD)"},
	"A9-2-a": {"uitdrukkelijke toestemming (artikel 9 lid 2 onder a AVG)", "explicit consent (art. 9(2)(a) GDPR)", "ausdrückliche Einwilligung (Art. 9 Abs. 2 Buchst. a DSGVO)", "consentement explicite (article 9, paragraphe 2, point a), du RGPD)"},

	"A15-4":          {"rechten van anderen (artikel 15 lid 4 AVG)", "rights of others (art. 15(4) GDPR)", "Rechte anderer (Art. 15 Abs. 4 DSGVO)", "droits d'autrui (article 15, paragraphe 4, du RGPD)"},
	"A17-3":          {"uitzondering op de wissing (artikel 17 lid 3 AVG)", "exception from the erasure (art. 17(3) GDPR)", "Ausnahme von der Löschung (Art. 17 Abs. 3 DSGVO)", "exception à l'effacement (article 17, paragraphe 3, du RGPD)"},
	"A17-3-a":        {"vrijheid van meningsuiting en informatie (artikel 17 lid 3 onder a AVG)", "freedom of expression and information (art. 17(3)(a) GDPR)", "freie Meinungsäußerung und Information (Art. 17 Abs. 3 Buchst. a DSGVO)", "liberté d'expression et d'information (article 17, paragraphe 3, point a), du RGPD)"},
	"A17-3-b":        {"wettelijke verplichting (artikel 17 lid 3 onder b AVG)", "legal obligation (art. 17(3)(b) GDPR)", "rechtliche Verpflichtung (Art. 17 Abs. 3 Buchst. b DSGVO)", "obligation légale (article 17, paragraphe 3, point b), du RGPD)"},
	"A17-3-c":        {"volksgezondheid (artikel 17 lid 3 onder c AVG)", "public health (art. 17(3)(c) GDPR)", "öffentliche Gesundheit (Art. 17 Abs. 3 Buchst. c DSGVO)", "santé publique (article 17, paragraphe 3, point c), du RGPD)"},
	"A17-3-d":        {"archivering, onderzoek of statistiek (artikel 17 lid 3 onder d AVG)", "archiving, research or statistics (art. 17(3)(d) GDPR)", "Archivierung, Forschung oder Statistik (Art. 17 Abs. 3 Buchst. d DSGVO)", "archives, recherche ou statistiques (article 17, paragraphe 3, point d), du RGPD)"},
	"A17-3-e":        {"rechtsvordering (artikel 17 lid 3 onder e AVG)", "legal claims (art. 17(3)(e) GDPR)", "Rechtsansprüche (Art. 17 Abs. 3 Buchst. e DSGVO)", "droits en justice (article 17, paragraphe 3, point e), du RGPD)"},
	"A21-1-override": {"dwingende gerechtvaardigde gronden (artikel 21 lid 1 AVG)", "compelling legitimate grounds (art. 21(1) GDPR)", "zwingende schutzwürdige Gründe (Art. 21 Abs. 1 DSGVO)", "motifs légitimes et impérieux (article 21, paragraphe 1, du RGPD)"},
	"shared":         {"gaat ook over anderen", "is also about other persons", "betrifft auch andere Personen", "concerne aussi d'autres personnes"},
}

// groundWords returns the ground in words, without the reference that may follow it, or
// the id as it is if there are none.
func groundWords(lang, id string) string {
	ground, _, _ := strings.Cut(id, "/")
	if words := wordOf(groundNames, lang, ground); words != ground {
		return words
	}
	return id
}

func wordOf(names map[string][4]string, lang, s string) string {
	if words, ok := names[s]; ok {
		if i := slices.Index(languages[:], lang); i >= 0 {
			return words[i]
		}
	}
	return s
}
