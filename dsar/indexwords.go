package dsar

// indexWords are the words of index.html in one language.
type indexWords struct {
	Title, PortTitle, Made, Reference, Intro, PortIntro            string
	Controller, Contact, DPO, Representative, Joint                string
	Overview, Source, Category, State, Records, File               string
	RedactedNote, WithheldNote, Files, About                       string
	Purposes, Basis, Recipients, None, SeeBelow, Retention, Origin string
	Automated, NoAutomated, Transfers                              string
	Redacted                                                       string
	Disclosures, Date, Recipient, Data, YourData, More             string
	Rights, RightsText, Complaint, Integrity                       string
	RightsList                                                     []string
	States                                                         map[SourceState]string
}

func indexLanguage(lang string) *indexWords {
	switch lang {
	case "nl":
		return &wordsNL
	case "de":
		return &wordsDE
	case "fr":
		return &wordsFR
	}
	return &wordsEN
}

var wordsEN = indexWords{
	Redacted: "[redacted: about another person, art. 15(4) GDPR]",
	Title:    "Your personal data", PortTitle: "Your data in a portable format", Made: "Made on", Reference: "reference",
	Intro:      "This is the copy of your personal data that you asked for, with the information that belongs to it (art. 15 GDPR). Every source that we searched is listed, also those without data about you.",
	PortIntro:  "These are the data that you provided or that came from your use of our services, and that we process with your consent or for a contract (art. 20 GDPR). Nothing that we derived from them is included.",
	Controller: "Controller", Contact: "Contact", DPO: "Data protection officer", Representative: "Representative", Joint: "Joint controllers",
	Overview: "Where we searched", Source: "Source", Category: "Category", State: "Result", Records: "Records", File: "File",
	RedactedNote: "Values about other persons that were made unreadable (art. 15(4) GDPR):", WithheldNote: "Records that are not given, on the ground stated in manifest.json:",
	Files: "data.json and the CSV files hold everything in machine-readable form; this page shows the first records of each section.",
	About: "What we do with your data", Purposes: "Purposes", Basis: "Legal basis", Recipients: "Recipients", None: "None", SeeBelow: "See the list below",
	Retention: "Kept for", Origin: "Source of the data", Automated: "Automated decisions", NoAutomated: "No decisions are made by automated means alone.", Transfers: "Transfers outside the Union",
	Disclosures: "Who received your data", Date: "Date", Recipient: "Recipient", Data: "Data", YourData: "Your data", More: "The list continues in",
	Rights: "Your rights", RightsText: "You can ask us at any time to",
	RightsList: []string{"rectify data that are wrong (art. 16)", "erase data (art. 17)", "restrict the processing (art. 18)", "hand over data in a portable format (art. 20)", "stop processing to which you object (art. 21), and stop direct marketing in any case"},
	Complaint:  "You can lodge a complaint with the supervisory authority (art. 77)", Integrity: "manifest.json lists a SHA-256 checksum for each file of this archive.",
	States: map[SourceState]string{SourceData: "data", SourceEmpty: "no data", SourceWithheld: "withheld"},
}

var wordsNL = indexWords{
	Redacted: "[onleesbaar gemaakt: over een ander, artikel 15 lid 4 AVG]",
	Title:    "Uw persoonsgegevens", PortTitle: "Uw gegevens in overdraagbare vorm", Made: "Gemaakt op", Reference: "kenmerk",
	Intro:      "Dit is de kopie van uw persoonsgegevens waar u om vroeg, met de informatie die daarbij hoort (artikel 15 AVG). Elke bron die wij doorzochten staat erin, ook de bronnen zonder gegevens van u.",
	PortIntro:  "Dit zijn de gegevens die u hebt verstrekt of die voortkomen uit uw gebruik van onze diensten, en die wij verwerken met uw toestemming of voor een overeenkomst (artikel 20 AVG). Wat wij daaruit hebben afgeleid, is niet opgenomen.",
	Controller: "Verwerkingsverantwoordelijke", Contact: "Contact", DPO: "Functionaris gegevensbescherming", Representative: "Vertegenwoordiger", Joint: "Gezamenlijk verantwoordelijken",
	Overview: "Waar wij hebben gezocht", Source: "Bron", Category: "Categorie", State: "Uitkomst", Records: "Records", File: "Bestand",
	RedactedNote: "Waarden over andere personen die onleesbaar zijn gemaakt (artikel 15 lid 4 AVG):", WithheldNote: "Records die niet worden verstrekt, op de grond die in manifest.json staat:",
	Files: "data.json en de CSV-bestanden bevatten alles in machineleesbare vorm; deze pagina toont de eerste records van elk onderdeel.",
	About: "Wat wij met uw gegevens doen", Purposes: "Doeleinden", Basis: "Grondslag", Recipients: "Ontvangers", None: "Geen", SeeBelow: "Zie de lijst hieronder",
	Retention: "Bewaartermijn", Origin: "Herkomst van de gegevens", Automated: "Geautomatiseerde besluiten", NoAutomated: "Er worden geen besluiten genomen die alleen op geautomatiseerde verwerking berusten.", Transfers: "Doorgifte buiten de Unie",
	Disclosures: "Wie uw gegevens heeft ontvangen", Date: "Datum", Recipient: "Ontvanger", Data: "Gegevens", YourData: "Uw gegevens", More: "De lijst gaat verder in",
	Rights: "Uw rechten", RightsText: "U kunt ons altijd vragen om",
	RightsList: []string{"onjuiste gegevens te rectificeren (artikel 16)", "gegevens te wissen (artikel 17)", "de verwerking te beperken (artikel 18)", "gegevens over te dragen (artikel 20)", "te stoppen met verwerking waartegen u bezwaar maakt (artikel 21), en in elk geval met direct marketing"},
	Complaint:  "U kunt een klacht indienen bij de toezichthouder (artikel 77)", Integrity: "In manifest.json staat van elk bestand in dit archief een SHA-256-controlegetal.",
	States: map[SourceState]string{SourceData: "gegevens", SourceEmpty: "geen gegevens", SourceWithheld: "niet verstrekt"},
}

var wordsDE = indexWords{
	Redacted: "[unkenntlich: über eine andere Person, Art. 15 Abs. 4 DSGVO]",
	Title:    "Ihre personenbezogenen Daten", PortTitle: "Ihre Daten in übertragbarer Form", Made: "Erstellt am", Reference: "Aktenzeichen",
	Intro:      "Dies ist die Kopie Ihrer personenbezogenen Daten, die Sie verlangt haben, mit den zugehörigen Informationen (Art. 15 DSGVO). Jede durchsuchte Quelle ist aufgeführt, auch Quellen ohne Daten über Sie.",
	PortIntro:  "Dies sind die Daten, die Sie bereitgestellt haben oder die aus der Nutzung unserer Dienste stammen und die wir mit Ihrer Einwilligung oder für einen Vertrag verarbeiten (Art. 20 DSGVO). Was wir daraus abgeleitet haben, ist nicht enthalten.",
	Controller: "Verantwortlicher", Contact: "Kontakt", DPO: "Datenschutzbeauftragte(r)", Representative: "Vertreter", Joint: "Gemeinsam Verantwortliche",
	Overview: "Wo wir gesucht haben", Source: "Quelle", Category: "Kategorie", State: "Ergebnis", Records: "Datensätze", File: "Datei",
	RedactedNote: "Unkenntlich gemachte Werte über andere Personen (Art. 15 Abs. 4 DSGVO):", WithheldNote: "Nicht herausgegebene Datensätze, aus dem in manifest.json genannten Grund:",
	Files: "data.json und die CSV-Dateien enthalten alles in maschinenlesbarer Form; diese Seite zeigt die ersten Datensätze jedes Abschnitts.",
	About: "Was wir mit Ihren Daten tun", Purposes: "Zwecke", Basis: "Rechtsgrundlage", Recipients: "Empfänger", None: "Keine", SeeBelow: "Siehe die Liste unten",
	Retention: "Speicherdauer", Origin: "Herkunft der Daten", Automated: "Automatisierte Entscheidungen", NoAutomated: "Es werden keine ausschließlich automatisierten Entscheidungen getroffen.", Transfers: "Übermittlung außerhalb der Union",
	Disclosures: "Wer Ihre Daten erhalten hat", Date: "Datum", Recipient: "Empfänger", Data: "Daten", YourData: "Ihre Daten", More: "Die Liste geht weiter in",
	Rights: "Ihre Rechte", RightsText: "Sie können jederzeit verlangen,",
	RightsList: []string{"dass unrichtige Daten berichtigt werden (Art. 16)", "dass Daten gelöscht werden (Art. 17)", "dass die Verarbeitung eingeschränkt wird (Art. 18)", "dass Daten übertragen werden (Art. 20)", "dass eine Verarbeitung endet, der Sie widersprechen (Art. 21), Direktwerbung in jedem Fall"},
	Complaint:  "Sie können sich bei der Aufsichtsbehörde beschweren (Art. 77)", Integrity: "manifest.json enthält für jede Datei dieses Archivs eine SHA-256-Prüfsumme.",
	States: map[SourceState]string{SourceData: "Daten", SourceEmpty: "keine Daten", SourceWithheld: "nicht herausgegeben"},
}

var wordsFR = indexWords{
	Redacted: "[masqué : concerne une autre personne, article 15, paragraphe 4, du RGPD]",
	Title:    "Vos données à caractère personnel", PortTitle: "Vos données dans un format portable", Made: "Établi le", Reference: "référence",
	Intro:      "Voici la copie de vos données à caractère personnel que vous avez demandée, avec les informations qui s'y rapportent (article 15 du RGPD). Chaque source consultée y figure, même sans données vous concernant.",
	PortIntro:  "Voici les données que vous avez fournies ou qui proviennent de votre utilisation de nos services, et que nous traitons avec votre consentement ou pour un contrat (article 20 du RGPD). Ce que nous en avons déduit n'y figure pas.",
	Controller: "Responsable du traitement", Contact: "Contact", DPO: "Délégué à la protection des données", Representative: "Représentant", Joint: "Responsables conjoints",
	Overview: "Où nous avons cherché", Source: "Source", Category: "Catégorie", State: "Résultat", Records: "Enregistrements", File: "Fichier",
	RedactedNote: "Valeurs concernant d'autres personnes, masquées (article 15, paragraphe 4, du RGPD) :", WithheldNote: "Enregistrements non communiqués, pour le motif indiqué dans manifest.json :",
	Files: "data.json et les fichiers CSV contiennent tout sous forme lisible par machine ; cette page montre les premiers enregistrements de chaque section.",
	About: "Ce que nous faisons de vos données", Purposes: "Finalités", Basis: "Base juridique", Recipients: "Destinataires", None: "Aucun", SeeBelow: "Voir la liste ci-dessous",
	Retention: "Durée de conservation", Origin: "Source des données", Automated: "Décisions automatisées", NoAutomated: "Aucune décision n'est fondée uniquement sur un traitement automatisé.", Transfers: "Transferts hors de l'Union",
	Disclosures: "Qui a reçu vos données", Date: "Date", Recipient: "Destinataire", Data: "Données", YourData: "Vos données", More: "La liste continue dans",
	Rights: "Vos droits", RightsText: "Vous pouvez à tout moment nous demander",
	RightsList: []string{"de rectifier des données inexactes (article 16)", "d'effacer des données (article 17)", "de limiter le traitement (article 18)", "de transmettre des données (article 20)", "de cesser un traitement auquel vous vous opposez (article 21), et en tout cas la prospection"},
	Complaint:  "Vous pouvez introduire une réclamation auprès de l'autorité de contrôle (article 77)", Integrity: "manifest.json donne la somme de contrôle SHA-256 de chaque fichier de cette archive.",
	States: map[SourceState]string{SourceData: "données", SourceEmpty: "aucune donnée", SourceWithheld: "non communiqué"},
}
