package dsar

// groundNames holds the grounds of GDPR arts. 6(1) and 9(2) in words, per language
// in the order nl, en, de, fr.
var groundNames = map[string][4]string{
	"A6-1-a": {"toestemming (artikel 6 lid 1 onder a AVG)", "consent (art. 6(1)(a) GDPR)", "Einwilligung (Art. 6 Abs. 1 Buchst. a DSGVO)", "consentement (article 6, paragraphe 1, point a), du RGPD)"},
	"A6-1-b": {"overeenkomst (artikel 6 lid 1 onder b AVG)", "contract (art. 6(1)(b) GDPR)", "Vertrag (Art. 6 Abs. 1 Buchst. b DSGVO)", "contrat (article 6, paragraphe 1, point b), du RGPD)"},
	"A6-1-c": {"wettelijke verplichting (artikel 6 lid 1 onder c AVG)", "legal obligation (art. 6(1)(c) GDPR)", "rechtliche Verpflichtung (Art. 6 Abs. 1 Buchst. c DSGVO)", "obligation légale (article 6, paragraphe 1, point c), du RGPD)"},
	"A6-1-d": {"vitale belangen (artikel 6 lid 1 onder d AVG)", "vital interests (art. 6(1)(d) GDPR)", "lebenswichtige Interessen (Art. 6 Abs. 1 Buchst. d DSGVO)", "intérêts vitaux (article 6, paragraphe 1, point d), du RGPD)"},
	"A6-1-e": {"taak van algemeen belang (artikel 6 lid 1 onder e AVG)", "public interest (art. 6(1)(e) GDPR)", "öffentliches Interesse (Art. 6 Abs. 1 Buchst. e DSGVO)", "mission d'intérêt public (article 6, paragraphe 1, point e), du RGPD)"},
	"A6-1-f": {"gerechtvaardigd belang (artikel 6 lid 1 onder f AVG)", "legitimate interest (art. 6(1)(f) GDPR)", "berechtigtes Interesse (Art. 6 Abs. 1 Buchst. f DSGVO)", "intérêt légitime (article 6, paragraphe 1, point f), du RGPD)"},
	"A9-2-a": {"uitdrukkelijke toestemming (artikel 9 lid 2 onder a AVG)", "explicit consent (art. 9(2)(a) GDPR)", "ausdrückliche Einwilligung (Art. 9 Abs. 2 Buchst. a DSGVO)", "consentement explicite (article 9, paragraphe 2, point a), du RGPD)"},
}

// groundWords returns the ground in words, or the id as it is if there are none.
func groundWords(lang, id string) string {
	names, ok := groundNames[id]
	if !ok {
		return id
	}
	for i, l := range languages {
		if l == lang {
			return names[i]
		}
	}
	return id
}
