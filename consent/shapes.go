package consent

import (
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

var (
	stateColumns = []string{"purpose", "channel", "subject", "seq", "status", "stops", "version", "valid_from", "valid_until", "event", "body"}
	rowColumns   = []string{"status", "stops", "version", "valid_from", "valid_until", "event", "body"}
	eventColumns = []string{"subject", "seq", "id", "kind", "purpose", "channel", "version", "at", "recorded", "valid_until",
		"ground", "text_hash", "proof_hash", "idem", "request", "detail"}
)

var (
	claimStar = &storage.Claim{Into: schema.ConsentState, Columns: []string{"purpose", "channel", "subject", "event"}, Read: []string{"seq", "body"}}

	// Everything that a decision reads is current.
	currentPair = &storage.Select{From: schema.ConsentState, Columns: rowColumns, Where: storage.By("purpose", "channel", "subject"), Mode: storage.Current}
	currentStar = &storage.Select{From: schema.ConsentState, Columns: []string{"seq", "body"}, Where: storage.By("purpose", "channel", "subject"), Mode: storage.Current}
	starBody    = &storage.Select{From: schema.ConsentState, Columns: []string{"seq", "body"}, Where: storage.By("purpose", "channel", "subject")}

	putState = &storage.Write{Verb: storage.Put, Table: schema.ConsentState, Set: stateColumns}
	addState = &storage.Write{Verb: storage.Insert, Table: schema.ConsentState, Set: stateColumns}
	setStar  = &storage.Write{Verb: storage.Update, Table: schema.ConsentState, Set: []string{"seq", "stops", "event", "body"},
		Where: storage.By("purpose", "channel", "subject", "seq"), Must: true}
	deleteState = &storage.Write{Verb: storage.Delete, Table: schema.ConsentState, Where: storage.By("purpose", "channel", "subject")}

	insertEvent = &storage.Write{Verb: storage.InsertNew, Table: schema.ConsentEvent, Set: eventColumns}
	addEvent    = &storage.Write{Verb: storage.Insert, Table: schema.ConsentEvent, Set: eventColumns}
	insertProof = &storage.Write{Verb: storage.Insert, Table: schema.ConsentProof, Set: []string{"subject", "id", "sealed", "keep_until", "ground"}}
	deleteProof = &storage.Write{Verb: storage.Delete, Table: schema.ConsentProof, Where: storage.By("subject", "id")}

	eventByIdem = &storage.Select{From: schema.ConsentEvent, Columns: eventColumns, Where: storage.By("idem")}
	eventsOf    = &storage.Select{From: schema.ConsentEvent, Columns: eventColumns, Where: storage.By("subject"), Order: []string{"seq"}}
	historyOf   = &storage.Select{From: schema.ConsentEvent, Columns: eventColumns, Where: storage.By("subject"), Order: []string{"seq"}, Mode: storage.History}
	proofOf     = &storage.Select{From: schema.ConsentProof, Columns: []string{"sealed"}, Where: storage.By("subject", "id")}
)
