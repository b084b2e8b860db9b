package audit

import (
	"context"
	"log/slog"

	"github.com/gdprkit/gdprkit/gdpr"
)

// RecordBatch adds an entry for each subject, with attrs[i] for subjects[i], as one
// step: all or none. It is [Log.Record] for work on many rows at once, which would
// otherwise cost a round trip for each.
func (l *Log) RecordBatch(ctx context.Context, action string, subjects []string, attrs [][]slog.Attr) error {
	if len(subjects) != len(attrs) {
		return gdpr.Invalid("RecordBatch", "has %d subjects and %d sets of attributes", len(subjects), len(attrs))
	}
	events := make([]Event, len(subjects))
	for i := range events {
		events[i] = Event{Action: action, Subject: subjects[i], Attrs: attrs[i]}
	}
	_, err := l.add(ctx, events...)
	return err
}
