// Package retention keeps personal data exactly as long as purpose and law allow,
// by rules that a lawyer can read, and shows for every erased row which rule did it.
//
// For most uses write a schedule as JSON, read it with [ParseSchedule], make an
// [Engine] with [New], register a [Source] per table, and run [Engine.Plan],
// [Engine.Approve] and [Engine.Execute] once a day.
//
// # Model
//
// A [Rule] says for a category of records how long ([Period], ISO 8601), from when
// ([Start]: events of the record and an anchor such as the end of the calendar
// year), why (Ground) and what then ([Action]). It is a [Minimum], a [Maximum] or a
// [Limitation]; the periods of statutes come from country packs ([Packs]), listed
// in PERIODS.md. A [Schedule] is a checked set of rules.
//
// A [Day] is the schedule on one civil day, and a [Condition] the rules of one
// category on that day. [Condition.Evaluate] answers for a record in memory with a
// [Decision]; [Query.SQL] is the same condition as a WHERE clause. A record is
//
//   - stopped: a hold, a restriction (GDPR art. 18) or an open request wins over all;
//   - due: every minimum has ended, and the first maximum has, if there is one;
//   - blocked: a maximum has ended while a minimum runs, so it is kept for that only;
//   - active: neither.
//
// The [Engine] adds what time and schedules do not know: holds, blocked records, the
// end of a block when a purpose stands again, erasures that wait for a duty to end, keys
// that go with a person's last record. A [Plan] lists every row, its hash is
// approved, and Execute handles exactly those rows that still ask for it.
//
// # Transactions
//
// Plan and Execute refuse a transaction of the caller; every other method joins that
// of the context. Execute works in transactions of its own, each with a bounded number
// of rows: the host's rows, their audit entries, the side tables and the checkpoint
// commit together. A process that dies loses nothing and repeats nothing, and several
// processes may share one execution: they take shards by lease.
//
//	plan, err := engine.Plan(ctx, retention.PlanOptions{By: "u17"})
//	err = engine.Approve(ctx, plan.ID, plan.Hash, "u4")
//	result, err := engine.Execute(ctx, plan.ID, nil)
//
// Entries name an actor only if the context does (audit.WithActor), and a record by
// a hash of its key: the log outlives the record. The keys themselves stay in the
// store until the plan is done.
//
// # Errors
//
// A faulty schedule gives a [*ScheduleError] per fault, with JSON pointer and rule
// id; a source that breaks its contract a [*SourceError], and nothing is swept. The
// sentinels are those of this package, of gdpr and of storage.
//
// # Legal scope
//
// GDPR arts. 5(1)(e), 17(1)(a)-(c), 17(3)(b) and (e), 18, 89 are the frame; the
// periods are those of national law. The package does not decide whether a purpose
// is lawful, whether a period is right for a controller, or whether masked data is
// anonymous: rules marked unconfirmed are shipped disabled, and [Anonymise] needs an
// assessment. The controller's counsel signs the schedule.
//
// # Compatibility
//
// The JSON of a schedule is described by schedule.schema.json; fields are only
// added. A plan can be executed by the version that made it and the next.
package retention
