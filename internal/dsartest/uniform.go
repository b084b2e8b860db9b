package dsartest

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/stretchr/testify/require"
)

// Uniform is a desk of which every call to what lies outside is noted, with requests
// that differ in who and what is known. Hashed is set by who can count keyed hashes.
type Uniform struct {
	*World
	Hashed func(d *dsar.Desk, note func(call string))

	calls    []string
	requests map[string]string // by what is known
}

const (
	heldAddress   = "anna@example.org"
	wrongCode     = "ZZZZZZZZ"
	unknownPerson = "unknown person"
)

// NewUniform returns one.
func NewUniform(t *testing.T, dir storage.Directory, hashed func(*dsar.Desk, func(string))) *Uniform {
	u := &Uniform{World: NewWorld(t, dir), Hashed: hashed}
	u.Held[heldAddress] = Start.Add(-90 * 24 * time.Hour)
	u.Store = &Tap{u.Store, u.note}
	u.Options.Auditor = notedAudit{u.Audit, u.note}
	u.Options.Sealer = notedSealer{u.Sealer, u.note}
	held := u.Options.Held
	u.Options.Held = func(ctx context.Context, subject, address string) (time.Time, error) {
		u.note("held")
		return held(ctx, subject, address)
	}
	u.Restart()
	if hashed != nil {
		hashed(u.Desk, u.note)
	}
	return u
}

func (u *Uniform) note(call string) { u.calls = append(u.calls, call) }

// calls of f, one after the other.
func (u *Uniform) during(f func()) []string {
	u.calls = nil
	f()
	return slices.Clone(u.calls)
}

type notedAudit struct {
	dsar.Auditor
	note func(string)
}

// Record notes whether there is a subject: a log makes a token of it.
func (a notedAudit) Record(ctx context.Context, action, subject string, attrs ...slog.Attr) error {
	a.note(fmt.Sprintf("record %s, with subject: %t, attributes: %d", action, subject != "", len(attrs)))
	return a.Auditor.Record(ctx, action, subject, attrs...)
}

type notedSealer struct {
	dsar.Sealer
	note func(string)
}

// Seal notes its call.
func (s notedSealer) Seal(ctx context.Context, subject, place string, plain []byte) ([]byte, error) {
	s.note("seal")
	return s.Sealer.Seal(ctx, subject, place, plain)
}

// Open notes its call.
func (s notedSealer) Open(ctx context.Context, subject, place string, sealed []byte) ([]byte, error) {
	s.note("open")
	return s.Sealer.Open(ctx, subject, place, sealed)
}

// receive records a request that covers the subjects.
func (u *Uniform) receive(subjects ...string) string {
	in := Intake(dsar.Access)
	in.Subjects = subjects
	r, err := u.Desk.Receive(context.Background(), in)
	require.NoError(u.T, err)
	return r.ID
}

// prepare makes the requests whose codes are tried.
func (u *Uniform) prepare() {
	ctx := context.Background()
	u.requests = map[string]string{
		"unknown request": "00000000-0000-7000-8000-000000000000", "no id at all": "x",
		"person without a code": u.receive("c1"), "two persons": u.receive("c1", "c2"), unknownPerson: u.receive(),
		"address not held": u.receive("c1"), "code not sent": u.receive("c1"), "code expired": u.receive("c1"), "tries used up": u.receive("c1"), "cancelled": u.receive("c1"),
	}
	challenge := func(address string, names ...string) {
		for _, name := range names {
			require.NoError(u.T, u.Desk.Challenge(ctx, u.requests[name], address, By("emp1")))
		}
		_, err := u.Desk.Deliver(ctx, func(context.Context, dsar.Delivery) error { return nil })
		require.NoError(u.T, err)
	}
	challenge(heldAddress, "code expired")
	u.Wait(dsar.CodeFor + time.Second)
	challenge(heldAddress, "two persons", unknownPerson, "tries used up", "cancelled")
	challenge("nobody@example.org", "address not held")
	require.NoError(u.T, u.Desk.Challenge(ctx, u.requests["code not sent"], heldAddress, By("emp1")))
	for range dsar.CodeAttempts {
		require.ErrorIs(u.T, verify(u.World, u.requests["tries used up"], wrongCode), dsar.ErrCode)
	}
	_, err := u.Desk.Cancel(ctx, u.requests["cancelled"], By(dsar.BySubject))
	require.NoError(u.T, err)
}

// CodesTellNobodyWhoIsKnown: whether request, person and address are known or not,
// the calls of a refused code are the same one by one, and those of a challenge too.
func CodesTellNobodyWhoIsKnown(u *Uniform) {
	ctx := context.Background()
	u.prepare()
	u.Wait(time.Minute)
	var want []string
	for _, name := range slices.Sorted(mapKeys(u.requests)) {
		var err error
		got := u.during(func() { err = verify(u.World, u.requests[name], wrongCode) })
		require.ErrorIs(u.T, err, dsar.ErrCode, name)
		require.Equal(u.T, dsar.ErrCode.Error(), err.Error(), name)
		if want == nil {
			want = got
		}
		require.Equal(u.T, want, got, name)
	}
	require.NotEmpty(u.T, want)
	u.T.Log("a refused code:", want)
	want = nil
	for _, c := range []struct {
		name, address string
		subjects      []string
	}{
		{"known and held", heldAddress, []string{"c1"}},
		{"known and not held", "nobody@example.org", []string{"c1"}},
		{"two persons", heldAddress, []string{"c1", "c2"}},
		{"unknown person", heldAddress, nil},
		{"unknown to the CRM", heldAddress, []string{"c99"}},
	} {
		id := u.receive(c.subjects...)
		got := u.during(func() { require.NoError(u.T, u.Desk.Challenge(ctx, id, c.address, By("emp1")), c.name) })
		if want == nil {
			want = got
		}
		require.Equal(u.T, want, got, c.name)
		require.NotContains(u.T, got, "held", "the CRM is asked when the code goes out")
	}
	u.T.Log("a challenge:", want)
}

func mapKeys(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// CodeTime compares, in alternating pairs, the time that clock gives to refused codes
// of a known person with a code against those of everybody else, by name, and of that
// person against itself. It returns the medians of the quotients.
func CodeTime(u *Uniform, pairs, each int, clock func() time.Duration) map[string]float64 {
	u.prepare()
	u.calls = nil
	tries := func(id string) time.Duration {
		start := clock()
		for range each {
			if verify(u.World, id, wrongCode) == nil {
				u.T.Fatal("a wrong code was accepted")
			}
			u.calls = u.calls[:0]
		}
		return clock() - start
	}
	ratios := map[string]float64{}
	for _, name := range slices.Sorted(mapKeys(u.requests)) {
		known, other := u.requests["two persons"], u.requests[name]
		quotients := make([]float64, pairs)
		for n := range quotients {
			k, o := tries(known), tries(other)
			o, k = o+tries(other), k+tries(known) // the order turns within the pair
			quotients[n] = float64(o) / float64(k)
		}
		slices.Sort(quotients)
		ratios[name] = quotients[pairs/2]
	}
	return ratios
}
