package dsar

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gdprkit/gdprkit/storage"
)

// States of an item.
const (
	itemPlanned  = "planned"
	itemTried    = "tried" // a remote source is being called
	itemDone     = "done"
	itemDeferred = "deferred" // kept for now; waits for its date
	// itemCancelled: the request was closed, without being carried out, before this was done.
	itemCancelled = "cancelled"
)

// deskSource stands for the desk itself among the sources. No source can have
// this name.
const deskSource = "@desk"

// Actions of the kinds other than erasure, in the items of their plans.
const (
	actRectify  Action = "rectify"
	actRestrict Action = "restrict"
	actObject   Action = "object"
	actWithdraw Action = "withdraw"
)

// erasing decides for each record of a source whether it goes, and if not, why.
func (p *planner) erasing(ctx context.Context, s Source, subject string) error {
	if f, ok := s.(forgetter); ok {
		return p.forgetting(ctx, f, subject)
	}
	_, can := s.(Eraser)
	fore := newForesight(p, s, subject)
	c := p.d.newCopier(p.r, p.f)
	for rec, err := range s.Collect(ctx, subject, p.f.Scope) {
		if err != nil {
			return err
		}
		if err := c.check(s, rec); err != nil {
			return err
		}
		i := item{subject: subject, source: s.Name(), category: rec.Section.Category, table: rec.Section.Table, record: rec.Key}
		fields, err := p.decide(ctx, &i, rec)
		if err != nil {
			return err
		}
		i.fields = encodeFields(fields)
		if i.dates, err = encodeDates(rec.Dates); err != nil {
			return err
		}
		if !can && i.action != ActKeep {
			return fmt.Errorf("%w: source %s holds records and cannot erase", ErrCapability, s.Name())
		}
		if err := fore.add(ctx, i, rec.Section); err != nil {
			return err
		}
	}
	return fore.flush(ctx)
}

// decide sets action, kind, ground and until of i, and returns the fields.
func (p *planner) decide(ctx context.Context, i *item, rec *Record) ([]string, error) {
	i.action, i.ground = ActErase, p.r.ground
	if rec.Section.InPlace {
		i.action = ActMask
	}
	fields := selected(rec.Section, p.f.Scope.Fields)
	if len(p.f.Scope.Fields) > 0 {
		i.action = ActMask
		if len(fields) == 0 {
			i.action, i.kind, i.ground = ActKeep, "scope", "out-of-scope"
			return nil, nil
		}
	}
	keep, until, kind, ground, err := p.d.keep(ctx, i.subject, i.category, rec.Section.RecordPrefix+i.record, rec.Dates)
	if err == nil && !keep && rec.Duty != nil {
		keep, until, kind, ground = true, rec.Duty.Until, keptMust, rec.Duty.Ground
	}
	if err != nil || !keep {
		return fields, err
	}
	i.kind, i.ground, i.until = kind, clip(ground), storage.Micros(until)
	if kind != keptMust {
		i.action = ActKeep
		return nil, nil
	}
	i.action = ActBlock
	loose := beyondDuty(rec.Section)
	if len(fields) > 0 {
		loose = slices.DeleteFunc(loose, func(f string) bool { return !slices.Contains(fields, f) })
	}
	return loose, nil
}

// Kinds of keeping, as a [Keeper] names them.
const (
	keptMust  = "must"
	keptClaim = "claim"
	keptBasis = "basis"
)

// keptSource is the kind of a record that its source keeps for a reason of its own. It
// keeps no key alive, unlike a basis that a Keeper vouches for.
const keptSource = "source"

func (d *Desk) keep(ctx context.Context, subject, category, record string, dates map[string]time.Time) (bool, time.Time, string, string, error) {
	if d.o.Keeper == nil {
		return false, time.Time{}, "", "", nil
	}
	keep, until, kind, ground, err := d.o.Keeper.Keep(ctx, subject, category, record, dates)
	if err == nil && keep && kind != keptMust && kind != keptClaim && kind != keptBasis {
		err = invalid("Keeper.kind", "must be must, claim or basis")
	}
	if err != nil {
		err = &keeperError{category, err}
	}
	return keep, until, kind, ground, err
}

// selected returns the columns of sec that fields name; all the same if fields is empty.
func selected(sec *Section, fields []string) []string {
	var out []string
	for _, c := range sec.Columns {
		if !c.Immutable && slices.Contains(fields, c.Name) {
			out = append(out, c.Name)
		}
	}
	return out
}

// beyondDuty returns the columns that a duty to keep the record does not cover. A
// duty names fields; what it does not name goes.
func beyondDuty(sec *Section) []string {
	if !slices.ContainsFunc(sec.Columns, func(c Column) bool { return c.Duty }) {
		return nil
	}
	var out []string
	for _, c := range sec.Columns {
		if !c.Duty && !c.Immutable {
			out = append(out, c.Name)
		}
	}
	return out
}

// forgetting plans a source that decides by itself what of it may go.
func (p *planner) forgetting(ctx context.Context, f forgetter, subject string) error {
	if len(p.f.Scope.Fields) > 0 || len(p.f.Scope.Categories) > 0 && !slices.Contains(p.f.Scope.Categories, f.category()) {
		return nil
	}
	if f.forgetFunc() == nil {
		return nil
	}
	for _, err := range f.Collect(ctx, subject, Scope{}) {
		if err != nil {
			return err
		}
		i := item{subject: subject, source: f.Name(), category: f.category(), table: f.category(), record: wholeSource,
			action: ActErase, ground: p.r.ground}
		return p.add(ctx, i)
	}
	return nil
}

// rectifying plans the corrections of the file.
func (p *planner) rectifying(ctx context.Context) error {
	if len(p.f.Changes) == 0 {
		return invalid("Plan", "no corrections are settled; call Correct")
	}
	for _, s := range p.d.sources {
		p.begin(s.Name())
		for n, c := range p.f.Changes {
			if c.Source != s.Name() {
				continue
			}
			if _, ok := s.(Rectifier); !ok {
				return fmt.Errorf("%w: source %s cannot rectify", ErrCapability, s.Name())
			}
			category, err := rectifiable(s, c)
			if err != nil {
				return err
			}
			i := item{subject: p.r.subject, source: c.Source, category: category, table: c.Table, record: c.Key,
				action: actRectify, ground: "A16", evidence: itoa(int64(n))}
			if err := p.add(ctx, i.on(c.Field)); err != nil {
				return err
			}
		}
	}
	if int(p.n) != len(p.f.Changes) {
		return invalid("Change.Source", "is not the name of a source")
	}
	return nil
}

func rectifiable(s Source, c Change) (category string, err error) {
	for _, sec := range s.Sections() {
		if sec.Table != c.Table {
			continue
		}
		for _, col := range sec.Columns {
			if col.Name == c.Field && !col.Immutable {
				return sec.Category, nil
			}
		}
		return "", invalid("Change.Field", "is not a column of table %s that can be corrected", c.Table)
	}
	return "", invalid("Change.Table", "is not a table of source %s", s.Name())
}

// restricting plans the restriction of the subject and of each source that can.
func (p *planner) restricting(ctx context.Context) error {
	can := p.d.o.Restricter != nil
	for _, s := range p.d.sources {
		p.begin(s.Name())
		if _, ok := s.(SourceRestricter); !ok {
			continue
		}
		can = true
		for _, subject := range p.r.subjects {
			i := item{subject: subject, source: s.Name(), action: actRestrict, ground: p.r.ground}
			if err := p.add(ctx, i); err != nil {
				return err
			}
		}
	}
	if !can {
		return fmt.Errorf("%w: neither Options.Restricter nor a source can restrict", ErrCapability)
	}
	return p.onDesk(ctx, actRestrict, p.f.Scope.restricted(), p.d.o.Restricter != nil)
}

// choosing plans the withdrawal of, or objection to, each purpose.
func (p *planner) choosing(ctx context.Context) error {
	if p.r.kind == Withdrawal {
		if p.d.o.Withdraw == nil {
			return fmt.Errorf("%w: Options.Withdraw is not set", ErrCapability)
		}
		return p.onDesk(ctx, actWithdraw, p.f.Purposes, true)
	}
	if p.d.o.Object == nil {
		return fmt.Errorf("%w: Options.Object is not set", ErrCapability)
	}
	return p.onDesk(ctx, actObject, p.f.Purposes, true)
}

// onDesk plans what the desk does itself through a bridge.
func (p *planner) onDesk(ctx context.Context, a Action, records []string, on bool) error {
	if !on {
		return nil
	}
	p.begin(deskSource)
	for _, subject := range p.r.subjects {
		for _, rec := range records {
			i := item{subject: subject, source: deskSource, record: rec, action: a, ground: p.r.ground}
			if err := p.stands(ctx, &i); err != nil {
				return err
			}
			if err := p.add(ctx, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// stands notes in the item whether the purpose that is withdrawn from, or objected
// to, stood at the time of the plan. A purpose that the Grounds do not know is
// their error.
func (p *planner) stands(ctx context.Context, i *item) error {
	if p.d.o.Grounds == nil || i.action != actWithdraw && i.action != actObject || i.record == MarketingPurpose {
		return nil
	}
	stands, code, err := p.d.o.Grounds.Stands(ctx, i.subject, i.record, p.now)
	if err != nil {
		return err
	}
	i.evidence = "lapsed"
	if stands {
		i.evidence = "stood"
	}
	if checkCode("Grounds.code", code) == nil {
		i.evidence = joinCode(i.evidence, code)
	}
	if len(i.evidence) > 64 {
		i.evidence = i.evidence[:64]
	}
	return nil
}

// clip keeps a ground within its column.
func clip(s string) string {
	if len(s) > 191 {
		return s[:191]
	}
	return s
}
