package dsar

import (
	"context"
	"errors"
	"fmt"

	"github.com/gdprkit/gdprkit/gdpr"
)

// guarded runs f, which calls the source s, under Options.SourceTimeout, and turns
// an error, a panic or a lack of answer into a [*SourceError]. A source that
// ignores its context is left behind: whatever it still does through the desk
// fails, since its context has ended.
func (d *Desk) guarded(ctx context.Context, s Source, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, d.o.SourceTimeout)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- &panicError{p}
			}
		}()
		done <- f(ctx)
	}()
	select {
	case err := <-done:
		return sourceError(s, err)
	case <-ctx.Done():
		select {
		case err := <-done: // it ended at the same moment
			return sourceError(s, err)
		default:
			return &SourceError{s.Name(), FaultTimeout, context.Cause(ctx)}
		}
	}
}

// Faults of a source, in [SourceError] and [Receipt].
const (
	FaultError    = "error"
	FaultPanic    = "panic"
	FaultTimeout  = "timeout"  // no answer within Options.SourceTimeout
	FaultContract = "contract" // broke the contract of [Source]
	FaultResidue  = "residue"  // said that a record was erased and still holds it
)

type panicError struct{ value any }

func (p *panicError) Error() string { return fmt.Sprintf("dsar: source panicked: %v", p.value) }

func sourceError(s Source, err error) error {
	var pe *panicError
	var se *SourceError
	var ke *keeperError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &se), errors.As(err, &ke), errors.Is(err, ErrCapability), errors.Is(err, ErrIncomplete):
		return err
	case errors.As(err, &pe):
		return &SourceError{s.Name(), FaultPanic, err}
	case errors.Is(err, context.DeadlineExceeded):
		return &SourceError{s.Name(), FaultTimeout, err}
	case errors.Is(err, errContract):
		return &SourceError{s.Name(), FaultContract, err}
	}
	return &SourceError{s.Name(), FaultError, err}
}

// keeperError says that not a source but the Keeper failed, and at which category. Its
// cause is told if it names a field and a rule, and is otherwise reached by
// errors.Unwrap only.
type keeperError struct {
	category string
	cause    error
}

func (e *keeperError) Error() string {
	text := "dsar: Options.Keeper failed at category " + e.category
	if errors.Is(e.cause, gdpr.ErrInvalid) {
		text += ": " + e.cause.Error()
	}
	return text
}

func (e *keeperError) Unwrap() error { return e.cause }
