package mask

import (
	"crypto/sha256"
	"iter"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/frame"
)

// maxGroups bounds the memory of [Groups].
const maxGroups = 1 << 20

// GroupReport says how many records share the same values. It is no assessment: the
// word stays "masked" until somebody has made one.
type GroupReport struct {
	K       int // size of the smallest group; 0 without records
	Records int
	Groups  int
	Single  int // records that are alone in their group: who knows the values knows the person
	Below   int // records in groups smaller than Wanted
	Wanted  int
	Columns int
}

// Groups counts the groups of records with equal values in every column and
// compares the smallest with the wanted size. Each record yields its values in the
// columns by which somebody may be recognised (quasi-identifiers), always in the
// same order. It refuses more than about a million different groups.
func Groups(records iter.Seq2[[]string, error], wanted int) (GroupReport, error) {
	r := GroupReport{Wanted: wanted}
	if wanted < 2 {
		return r, gdpr.Invalid("wanted", "must be at least 2")
	}
	sizes := map[[sha256.Size]byte]int{}
	for values, err := range records {
		if err != nil {
			return r, err
		}
		if r.Records == 0 {
			r.Columns = len(values)
		}
		if len(values) != r.Columns || r.Columns == 0 {
			return r, gdpr.Invalid("records", "must all have the same number of values, and at least one")
		}
		r.Records++
		sizes[frame.Hash("gdprkit/groups", values...)]++
		if len(sizes) > maxGroups {
			return r, gdpr.Invalid("records", "have more than %d different groups: nearly each stands alone", maxGroups)
		}
	}
	r.Groups = len(sizes)
	for _, n := range sizes {
		if r.K == 0 || n < r.K {
			r.K = n
		}
		if n == 1 {
			r.Single++
		}
		if n < wanted {
			r.Below += n
		}
	}
	return r, nil
}
