package audittest

import (
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/gdpr"
)

// Sample returns the i-th of a series of events with every kind of attribute that
// needs no sealer.
func Sample(i int) audit.Event {
	e := audit.Event{Action: "contact.viewed", Subject: fmt.Sprint("c-", i%50), Attrs: []slog.Attr{
		slog.Int("i", i), gdpr.Clear("screen", "overview \"é\"\n"),
	}}
	switch i % 10 {
	case 1:
		e.Attrs = append(e.Attrs, slog.Uint64("max", math.MaxUint64), slog.Float64("pi", math.Pi), slog.Any("nil", nil))
	case 2:
		e.Attrs = append(e.Attrs, slog.Time("t", time.Unix(-1, 999999999)), slog.Duration("d", time.Minute), slog.Bool("b", i%2 == 0))
	case 3:
		e.Subjects = []string{"c-1000"}
		e.Attrs = append(e.Attrs, gdpr.Clear("bad", "\xff"))
	}
	return e
}
