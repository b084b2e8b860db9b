package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/pseudonym"
)

// seals keeps a value of each person sealed, and shreds every third person.
type seals struct {
	who string

	mu    sync.Mutex
	state map[string]sealState
}

type sealState uint8

const (
	sealing sealState = iota
	sealed
	shredding
	shredded
)

func newSeals(who string) *seals { return &seals{who: who, state: map[string]sealState{}} }

func (s *seals) name() string { return "keys" }

func (s *seals) acknowledged() (n int) {
	for _, st := range s.state {
		if st != sealing {
			n++
		}
	}
	return n
}

func (s *seals) set(subject string, st sealState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state[subject] = st
}

func secretOf(subject string) []byte { return []byte("number of " + subject) }

var sealedPlace = pseudonym.Place("host_sealed", "value", "1")

func (s *seals) work(w *worker, n int) bool {
	subject := fmt.Sprintf("%s-%d", s.who, n)
	s.set(subject, sealing)
	if w.until("seal", func(ctx context.Context, p *place) error {
		return p.db.InTx(ctx, func(ctx context.Context) error {
			value, err := p.kit.Vault.Seal(ctx, subject, sealedPlace, secretOf(subject))
			if err != nil {
				return err
			}
			return p.exec(ctx, p.insertNew("host_sealed (subject, value)", "(?, ?)"), subject, pseudonym.Text(value))
		})
	}) == nil {
		return false
	}
	s.set(subject, sealed)
	if n%3 != 0 {
		return true
	}
	s.set(subject, shredding)
	if w.until("shred", func(ctx context.Context, p *place) error { return p.kit.Vault.Shred(ctx, subject) }) == nil {
		return false
	}
	s.set(subject, shredded)
	return true
}

// check: each acknowledged value opens, or its subject is shredded and it never
// opens again.
func (s *seals) check(t *testing.T, p *place, log entries) {
	p.kit.Vault.Invalidate()
	for subject, st := range s.state {
		rows := p.count(t, "SELECT count(*) FROM host_sealed WHERE subject = ?", subject)
		if rows == 0 {
			require.Equal(t, sealing, st, "lost: %s", subject)
			continue
		}
		var text string
		require.NoError(t, p.pool.QueryRowContext(t.Context(), p.bind("SELECT value FROM host_sealed WHERE subject = ?"), subject).Scan(&text))
		value, err := pseudonym.ParseText(text)
		require.NoError(t, err)
		plain, err := p.kit.Vault.Open(t.Context(), subject, sealedPlace, value)
		switch {
		case st == shredded || st == shredding && errors.Is(err, pseudonym.ErrShredded):
			require.ErrorIs(t, err, pseudonym.ErrShredded, subject)
			require.Nil(t, plain)
		default:
			require.NoError(t, err, subject)
			require.Equal(t, secretOf(subject), plain)
		}
	}
	require.Equal(t, log["key.shred.decided"], log["key.shredded"], "every decision was carried out")
}
