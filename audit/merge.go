package audit

import "iter"

type iterRows = iter.Seq2[entryRow, error]

// mergeRows merges sources that are each in order of seq, leaving out repeats.
func mergeRows(sources []iterRows, down bool) iter.Seq2[entryRow, error] {
	return func(yield func(entryRow, error) bool) {
		type source struct {
			next func() (entryRow, error, bool)
			row  entryRow
			ok   bool
		}
		all := make([]*source, len(sources))
		for i, s := range sources {
			next, stop := iter.Pull2(s)
			defer stop()
			all[i] = &source{next: next}
			var err error
			if all[i].row, err, all[i].ok = next(); err != nil {
				yield(entryRow{}, err)
				return
			}
		}
		for last := int64(-1); ; {
			var best *source
			for _, s := range all {
				if s.ok && (best == nil || (s.row.seq < best.row.seq) != down && s.row.seq != best.row.seq) {
					best = s
				}
			}
			if best == nil {
				return
			}
			row := best.row
			var err error
			if best.row, err, best.ok = best.next(); err != nil {
				yield(entryRow{}, err)
				return
			}
			if row.seq != last && !yield(row, nil) {
				return
			}
			last = row.seq
		}
	}
}
