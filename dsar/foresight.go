package dsar

import "context"

// foresight holds the items of one source and subject back until the source has said
// what would become of them.
type foresight struct {
	p    *planner
	see  func(ctx context.Context, items []Item) ([]Result, error) // nil: unknown
	held []item
	secs []*Section
}

func newForesight(p *planner, s Source, subject string) *foresight {
	f := &foresight{p: p}
	if s, ok := s.(Foreseer); ok {
		f.see = s.Foresee(subject)
	}
	return f
}

func (f *foresight) add(ctx context.Context, i item, sec *Section) error {
	if f.see == nil {
		return f.p.add(ctx, i)
	}
	f.held, f.secs = append(f.held, i), append(f.secs, sec)
	if len(f.held) < MaxBatch {
		return nil
	}
	return f.flush(ctx)
}

func (f *foresight) flush(ctx context.Context) error {
	var call []Item
	var at []int
	for n := range f.held {
		if it, ok := eraserItem(&f.held[n]); ok {
			call, at = append(call, it), append(at, n)
		}
	}
	if len(call) > 0 {
		res, err := f.see(ctx, call)
		if err != nil {
			return err
		}
		if len(res) != len(call) {
			return errContract
		}
		for k, r := range res {
			if err := foreseen(&f.held[at[k]], r, f.secs[at[k]]); err != nil {
				return err
			}
		}
	}
	for _, i := range f.held {
		if err := f.p.add(ctx, i); err != nil {
			return err
		}
	}
	f.held, f.secs = f.held[:0], f.secs[:0]
	return nil
}

// foreseen has an item say what its source will do. What a Keeper decided stays.
func foreseen(i *item, r Result, sec *Section) error {
	if i.action == ActBlock {
		return nil
	}
	switch r.Outcome {
	case Erased:
		i.action = ActErase
	case Masked, Anonymised:
		i.action = ActMask
	case Blocked:
		i.action, i.kind, i.ground, i.fields = ActBlock, keptMust, clip(r.Evidence), encodeFields(beyondDuty(sec))
	case KeptBasis:
		i.action, i.kind, i.ground, i.fields = ActKeep, keptSource, clip(r.Evidence), ""
	case KeptClaim:
		i.action, i.kind, i.ground, i.fields = ActKeep, keptClaim, clip(r.Evidence), ""
	case NotHeld: // gone with a row that goes before it
	case Failed:
		return itemFailed(sec, "", r)
	default:
		return errContract
	}
	return nil
}
