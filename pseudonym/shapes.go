package pseudonym

import (
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// The states of the row of a key or a secret.
const (
	live    = 1
	closing = 2
	added   = 3 // of a secret: accepted, not in use yet
)

// The states of an epoch row.
const (
	epochReady     = 1 // created, not yet confirmed
	epochCurrent   = 2
	epochDraining  = 3 // keys move out of it
	epochRetired   = 4 // for old backups only
	epochDestroyed = 5
)

var headColumns = []string{"incarnation", "n", "h", "planned", "planned_h", "epoch", "journal", "restored", "remnants"}

var (
	selHead   = &storage.Select{From: schema.KeyHead, Columns: headColumns, Where: storage.By("name"), Mode: storage.Current}
	claimHead = &storage.Claim{Into: schema.KeyHead, Columns: append([]string{"name"}, headColumns...), Read: headColumns}
	updEpoch  = &storage.Write{Verb: storage.Update, Table: schema.KeyHead, Set: []string{"epoch"},
		Where: storage.By("name", "epoch"), Must: true}
	updPlan = &storage.Write{Verb: storage.Update, Table: schema.KeyHead, Set: []string{"planned", "planned_h"},
		Where: storage.By("name")}
	moveHead = &storage.Write{Verb: storage.Update, Table: schema.KeyHead,
		Set:   []string{"n", "h", "planned", "planned_h", "remnants"},
		Where: storage.By("name", "incarnation", "n", "planned_h"), Must: true}
	updDone = &storage.Write{Verb: storage.Update, Table: schema.KeyHead, Set: []string{"n", "h", "remnants"},
		Where: storage.By("name")}
	updChain = &storage.Write{Verb: storage.Update, Table: schema.KeyHead,
		Set:   []string{"incarnation", "n", "h", "planned", "planned_h", "restored"},
		Where: storage.By("name")}
	updJournal  = &storage.Write{Verb: storage.Update, Table: schema.KeyHead, Set: []string{"journal"}, Where: storage.By("name")}
	updRestored = &storage.Write{Verb: storage.Update, Table: schema.KeyHead, Set: []string{"restored"}, Where: storage.By("name")}
	updRemnants = &storage.Write{Verb: storage.Update, Table: schema.KeyHead, Set: []string{"remnants"},
		Where: storage.By("name", "remnants")}
)

var keyColumns = []string{"kid", "epoch", "state", "wrapped"}

var (
	selKey = &storage.Select{From: schema.Key, Columns: keyColumns,
		Where: storage.By("subject", "compartment"), Mode: storage.Current}
	selKeyByID = &storage.Select{From: schema.Key, Columns: []string{"subject", "compartment", "state"},
		Where: storage.By("kid"), Mode: storage.Current}
	selKeysOfEpoch = &storage.Select{From: schema.Key,
		Columns: []string{"kid", "subject", "compartment", "wrapped"},
		Where:   []storage.Term{{Column: "epoch"}, {Column: "kid", Cmp: storage.Gt}},
		Order:   []string{"kid"}, Limit: rewrapPage}
	countKeysOfEpoch = &storage.Select{From: schema.Key, Columns: []string{storage.Count},
		Where: storage.By("epoch"), Mode: storage.Current}
	countKeys = &storage.Select{From: schema.Key, Columns: []string{storage.Count}, Where: storage.By("state")}
	insKey    = &storage.Write{Verb: storage.InsertNew, Table: schema.Key,
		Set: []string{"subject", "compartment", "kid", "epoch", "state", "wrapped", "created"}}
	closeKey = &storage.Write{Verb: storage.Update, Table: schema.Key, Set: []string{"state"},
		Where: storage.By("subject", "compartment")}
	selKeysOf = &storage.Select{From: schema.Key, Columns: []string{"compartment", "kid", "epoch", "state", "wrapped"},
		Where: storage.By("subject"), Order: []string{"compartment"}, Mode: storage.Current}
	delKey    = &storage.Write{Verb: storage.Delete, Table: schema.Key, Where: storage.By("kid")}
	delKeysOf = &storage.Write{Verb: storage.Delete, Table: schema.Key, Where: storage.By("subject")}
	rewrapKey = &storage.Write{Verb: storage.Update, Table: schema.Key, Set: []string{"wrapped", "epoch"},
		Where: storage.By("kid", "epoch", "state")}
)

var (
	selEpoch = &storage.Select{From: schema.KeyEpoch, Columns: []string{"ref", "kid", "wrapped", "state"},
		Where: storage.By("epoch"), Mode: storage.Current}
	selEpochs = &storage.Select{From: schema.KeyEpoch,
		Columns: []string{"epoch", "ref", "state", "created", "retired", "gone"}, Order: []string{"epoch"}}
	insEpoch = &storage.Write{Verb: storage.InsertNew, Table: schema.KeyEpoch,
		Set: []string{"epoch", "ref", "kid", "wrapped", "state", "created", "retired", "gone"}}
	updEpochState = &storage.Write{Verb: storage.Update, Table: schema.KeyEpoch, Set: []string{"state", "retired"},
		Where: storage.By("epoch", "state")}
	updEpochGone = &storage.Write{Verb: storage.Update, Table: schema.KeyEpoch, Set: []string{"state", "wrapped", "gone"},
		Where: storage.By("epoch")}
)

var (
	selSecret = &storage.Select{From: schema.KeySecret, Columns: []string{"generation", "kid", "epoch", "state", "wrapped"},
		Where: storage.By("name"), Order: []string{"generation"}, Desc: true, Mode: storage.Current}
	selSecretsOfEpoch = &storage.Select{From: schema.KeySecret,
		Columns: []string{"name", "generation", "kid", "wrapped", "state"},
		Where:   storage.By("epoch"), Order: []string{"name", "generation"}}
	countSecretsOfEpoch = &storage.Select{From: schema.KeySecret, Columns: []string{storage.Count},
		Where: storage.By("epoch"), Mode: storage.Current}
	insSecret = &storage.Write{Verb: storage.InsertNew, Table: schema.KeySecret,
		Set: []string{"name", "generation", "kid", "epoch", "state", "wrapped", "created"}}
	useSecret = &storage.Write{Verb: storage.Update, Table: schema.KeySecret, Set: []string{"state"},
		Where: storage.By("name", "generation", "state")}
	rewrapSecret = &storage.Write{Verb: storage.Update, Table: schema.KeySecret, Set: []string{"wrapped", "epoch"},
		Where: storage.By("kid", "epoch", "state")}
)

var (
	insClosing = &storage.Write{Verb: storage.InsertNew, Table: schema.KeyClosing,
		Set: []string{"subject", "compartment", "at"}}
	delClosing = &storage.Write{Verb: storage.Delete, Table: schema.KeyClosing,
		Where: storage.By("subject", "compartment")}
	selClosings = &storage.Select{From: schema.KeyClosing, Columns: []string{"subject", "compartment"},
		Order: []string{"subject", "compartment"}}
	selClosingsOf = &storage.Select{From: schema.KeyClosing, Columns: []string{"subject", "compartment"},
		Where: storage.By("subject"), Order: []string{"subject", "compartment"}, Mode: storage.Current}
	countClosings = &storage.Select{From: schema.KeyClosing, Columns: []string{storage.Count}}
)

var (
	putSchedule = &storage.Write{Verb: storage.Put, Table: schema.KeySchedule, Set: []string{"subject", "keep", "due"}}
	delSchedule = &storage.Write{Verb: storage.Delete, Table: schema.KeySchedule, Where: storage.By("subject")}
	selSchedule = &storage.Select{From: schema.KeySchedule, Columns: []string{"due", "subject", "keep"},
		Where: []storage.Term{{Column: "due", Cmp: storage.Le}}, Order: []string{"due", "subject"}}
	selScheduleOf = &storage.Select{From: schema.KeySchedule, Columns: []string{"keep"},
		Where: storage.By("subject"), Mode: storage.Current}
	countSchedule = &storage.Select{From: schema.KeySchedule, Columns: []string{storage.Count}}
)

var (
	insRecord = &storage.Write{Verb: storage.Insert, Table: schema.KeyRecord,
		Set: []string{"incarnation", "n", "kid", "record", "done"}}
	putRecord = &storage.Write{Verb: storage.Put, Table: schema.KeyRecord,
		Set: []string{"incarnation", "n", "kid", "record", "done"}}
	doneRecord = &storage.Write{Verb: storage.Update, Table: schema.KeyRecord, Set: []string{"done"},
		Where: storage.By("incarnation", "n")}
	delRecord  = &storage.Write{Verb: storage.Delete, Table: schema.KeyRecord, Where: storage.By("incarnation", "n", "done")}
	delPlanned = &storage.Write{Verb: storage.Delete, Table: schema.KeyRecord, Where: storage.By("incarnation", "done")}

	selRecordByKey = &storage.Select{From: schema.KeyRecord, Columns: []string{"n"},
		Where: storage.By("kid"), Mode: storage.Current}
	selRecord = &storage.Select{From: schema.KeyRecord, Columns: []string{"record"},
		Where: storage.By("incarnation", "n"), Mode: storage.Current}
	selRecordsFrom = &storage.Select{From: schema.KeyRecord, Columns: []string{"n", "record"},
		Where: []storage.Term{{Column: "incarnation"}, {Column: "n", Cmp: storage.Gt}, {Column: "n", Cmp: storage.Le}},
		Order: []string{"n"}}
	selRecordsAll = &storage.Select{From: schema.KeyRecord, Columns: []string{"incarnation", "n", "record"},
		Order: []string{"incarnation", "n"}}
)

var (
	selTomb = &storage.Select{From: schema.KeyTombstone, Columns: []string{"alias", "back"},
		Where: storage.By("tag", "compartment"), Mode: storage.Current}
	selTombsOf = &storage.Select{From: schema.KeyTombstone, Columns: []string{"compartment", "back"},
		Where: storage.By("tag"), Order: []string{"compartment"}, Mode: storage.Current}
	putTomb = &storage.Write{Verb: storage.Put, Table: schema.KeyTombstone,
		Set: []string{"tag", "compartment", "alias", "day", "back"}}
	newTomb = &storage.Write{Verb: storage.InsertNew, Table: schema.KeyTombstone,
		Set: []string{"tag", "compartment", "alias", "day", "back"}}
	backTomb = &storage.Write{Verb: storage.Update, Table: schema.KeyTombstone, Set: []string{"back"},
		Where: storage.By("tag", "compartment")}
	selOldTombs = &storage.Select{From: schema.KeyTombstone, Columns: []string{"day", "tag", "compartment"},
		Where: []storage.Term{{Column: "day", Cmp: storage.Lt}}, Order: []string{"day", "tag", "compartment"},
		Limit: prunePage}
	selOldestTomb = &storage.Select{From: schema.KeyTombstone, Columns: []string{"day"},
		Order: []string{"day", "tag", "compartment"}}
	delTomb = &storage.Write{Verb: storage.Delete, Table: schema.KeyTombstone,
		Where: storage.By("tag", "compartment")}
	countTombs = &storage.Select{From: schema.KeyTombstone, Columns: []string{storage.Count}}
	insFence   = &storage.Write{Verb: storage.InsertNew, Table: schema.KeyFence, Set: []string{"kid", "n", "day"}}
	selFences  = &storage.Select{From: schema.KeyFence, Columns: []string{"n", "kid"},
		Where: []storage.Term{{Column: "n", Cmp: storage.Gt}}, Order: []string{"n", "kid"}}
	selFence = &storage.Select{From: schema.KeyFence, Columns: []string{"n"}, Where: storage.By("kid"),
		Mode: storage.Current}
	countFences = &storage.Select{From: schema.KeyFence, Columns: []string{storage.Count}}
)

var (
	insToken = &storage.Write{Verb: storage.InsertNew, Table: schema.KeyToken,
		Set: []string{"domain", "token", "subject", "kid"}}
	delTokens = &storage.Write{Verb: storage.Delete, Table: schema.KeyToken, Where: storage.By("kid")}
	selToken  = &storage.Select{From: schema.KeyToken, Columns: []string{"subject"},
		Where: storage.By("domain", "token"), Mode: storage.Current}
	insIncarnation = &storage.Write{Verb: storage.Insert, Table: schema.KeyIncarnation,
		Set: []string{"id", "kind", "reason", "n", "at"}}
	countRestores = &storage.Select{From: schema.KeyIncarnation, Columns: []string{storage.Count},
		Where: []storage.Term{{Column: "kind", Cmp: storage.Ne}}}
)

var countRecordsOf = &storage.Select{From: schema.KeyRecord, Columns: []string{storage.Count},
	Where: storage.By("incarnation")}

var (
	selHeldKeys = &storage.Select{From: schema.Key, Columns: []string{"compartment", "created"},
		Where: storage.By("subject", "state"), Order: []string{"compartment"}}
	selHeldTokens = &storage.Select{From: schema.KeyToken, Columns: []string{"domain", "token"},
		Where: storage.By("subject"), Order: []string{"domain", "token"}}
	selHeldSchedule = &storage.Select{From: schema.KeySchedule, Columns: []string{"subject", "due"},
		Where: storage.By("subject"), Order: []string{"subject"}}
)
