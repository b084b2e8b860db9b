package audit

import (
	"context"
	"log/slog"

	"github.com/gdprkit/gdprkit/storage"
)

// Stage returns the operations that add an entry as [Log.Record] does, for a part
// that writes them in one step with what the entry is about, and a function to call
// once that is committed. It returns none where entries are sealed inside the writing
// transaction: Record is the only way then.
func (l *Log) Stage(ctx context.Context, action, subject string, attrs ...slog.Attr) ([]storage.Op, func(), error) {
	if l.inside {
		return nil, nil, nil
	}
	e := &Event{Action: action, Subject: subject, Attrs: attrs}
	c, err := l.collect(ctx, e)
	if err != nil {
		return nil, nil, err
	}
	fresh := &newcomers{together: true}
	d, err := l.prepare(ctx, e, c, fresh)
	if err != nil {
		return nil, nil, err
	}
	committed := func() {
		l.cacheAliases(fresh)
		l.sealSoon(1)
	}
	return append(fresh.ops(), l.stageOp(d)), committed, nil
}
