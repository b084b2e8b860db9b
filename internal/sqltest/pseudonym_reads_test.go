package sqltest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

const (
	sealedSize = 30 + 32 + 16 // of a value of one block
	liveValue  = "ada@example.org"
)

// Arguments: directory, number of live subjects. It reads live subjects, whose
// values are in the file "live", and shredded ones, listed in "gone", until there is
// a file "stop".
var _ = sqltest.Child("pseudonym-reads", func(c *sqltest.ChildProcess) error {
	n, err := strconv.Atoi(c.Args[1])
	if err != nil {
		return err
	}
	v, err := openWith(c.Args[0], c.DB.Tenant("acme"), nil, pseudonym.Options{KeyBound: readerBound, CacheSize: 64}, true)
	if err != nil {
		return err
	}
	live, err := os.ReadFile(filepath.Join(c.Args[0], "live"))
	if err != nil {
		return err
	}
	r := &reads{v: v, live: live, n: n, dir: c.Args[0], seen: map[string]time.Time{}}
	for i := 0; !r.stop; i++ {
		if i%50 == 0 {
			if err := r.look(); err != nil {
				return err
			}
		}
		if err := r.one(c); err != nil {
			return err
		}
		if i == 200 {
			c.Say("reading")
		}
	}
	c.Say("%d readings of live subjects, %d of shredded ones", r.opened, r.refused)
	return nil
})

type reads struct {
	v               *pseudonym.Vault
	live            []byte
	n               int
	dir             string
	gone            []string             // lines of the file: subject, sealed value as text
	seen            map[string]time.Time // when this process learnt of it
	stop            bool
	opened, refused int
}

// look reads what was shredded since.
func (r *reads) look() error {
	_, err := os.Stat(filepath.Join(r.dir, "stop"))
	r.stop = err == nil
	b, err := os.ReadFile(filepath.Join(r.dir, "gone"))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(b[:bytes.LastIndexByte(b, '\n')+1])) {
		if _, ok := r.seen[line]; !ok {
			r.seen[line] = time.Now()
			r.gone = append(r.gone, line)
		}
	}
	return nil
}

// one reads one of each.
func (r *reads) one(ctx context.Context) error {
	i := rand.IntN(r.n)
	plain, err := r.v.Open(ctx, fmt.Sprintf("c-%d", i), restorePlace, r.live[i*sealedSize:][:sealedSize])
	if err != nil || string(plain) != liveValue {
		return fmt.Errorf("reading %d of a live subject: %w", r.opened, err)
	}
	r.opened++
	if len(r.gone) == 0 {
		return nil
	}
	line := r.gone[rand.IntN(len(r.gone))]
	if time.Since(r.seen[line]) <= readerBound {
		return nil
	}
	subject, text, _ := strings.Cut(strings.TrimSpace(line), " ")
	if _, err = r.v.OpenText(ctx, subject, restorePlace, text); !errors.Is(err, pseudonym.ErrShredded) {
		return fmt.Errorf("a shred was acknowledged, and the answer is %v", err)
	}
	r.refused++
	return nil
}

// Arguments: directory, name of the step to die at, which of that name, subject. It
// tells the names of the steps and how many there were.
var _ = sqltest.Child("pseudonym-shred-named", func(c *sqltest.ChildProcess) error {
	return runNamed(c, func(v *pseudonym.Vault) error { return v.Shred(c, c.Args[3], pseudonym.Proof) })
})

// The arguments of the other, without the subject. Epochs are destroyed at once, so
// that a rotation has every step that there is.
var _ = sqltest.Child("pseudonym-rotate-named", func(c *sqltest.ChildProcess) error {
	return runNamed(c, func(v *pseudonym.Vault) error { return v.Rotate(c) })
})

func runNamed(c *sqltest.ChildProcess, do func(*pseudonym.Vault) error) error {
	f := new(fuse)
	v, err := openWith(c.Args[0], c.DB.Tenant("acme"), f, pseudonym.Options{Window: 1}, true)
	if err != nil {
		return err
	}
	if err := v.Ready(c); err != nil {
		return err
	}
	nth, err := strconv.Atoi(c.Args[2])
	if err != nil {
		return err
	}
	f.arm(c.Args[1], nth)
	if err := do(v); err != nil {
		return err
	}
	f.disarm()
	for _, name := range f.order {
		c.Say("%s\t%d", name, f.count[name])
	}
	return nil
}

// siege is a database with many keys, of which processes die while another reads.
type siege struct {
	t       *testing.T
	e       *sqltest.Engine
	s       storage.Store
	dsn     string
	dir     string
	keys    int
	live    []byte
	victims int
	gone    map[string]string
	killed  int
}

func newSiege(t *testing.T, e *sqltest.Engine, keys int) *siege {
	k := &siege{t: t, e: e, keys: keys, dsn: e.DSN(t), dir: makeDir(t), gone: map[string]string{}}
	k.s = e.DB(t, e.SQL(t, k.dsn), nil).Tenant("acme")
	v := k.open()
	k.live = make([]byte, keys*sealedSize)
	for from := 0; from < keys; from += 500 {
		require.NoError(t, k.s.InTx(t.Context(), func(ctx context.Context) error {
			for i := from; i < min(from+500, keys); i++ {
				b, err := v.Seal(ctx, fmt.Sprintf("c-%d", i), restorePlace, []byte(liveValue))
				if err != nil {
					return err
				}
				copy(k.live[i*sealedSize:], b)
			}
			return nil
		}))
	}
	require.NoError(t, os.WriteFile(filepath.Join(k.dir, "live"), k.live, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(k.dir, "gone"), nil, 0o600))
	return k
}

func (k *siege) open() *pseudonym.Vault {
	v, err := openWith(k.dir, k.s, nil, pseudonym.Options{Window: 1}, true)
	require.NoError(k.t, err)
	require.NoError(k.t, v.Ready(k.t.Context()))
	return v
}

// victim seals a value of a new subject.
func (k *siege) victim(v *pseudonym.Vault) (subject, text string) {
	k.victims++
	subject = fmt.Sprintf("v-%d", k.victims)
	text, err := v.SealText(k.t.Context(), subject, restorePlace, liveValue)
	require.NoError(k.t, err)
	return subject, text
}

// shred shreds a victim and tells the reader when that was acknowledged.
func (k *siege) shred(v *pseudonym.Vault, subject, text string) {
	require.NoError(k.t, v.Shred(k.t.Context(), subject, pseudonym.Proof))
	k.gone[subject] = text
	f, err := os.OpenFile(filepath.Join(k.dir, "gone"), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(k.t, err)
	_, err = fmt.Fprintf(f, "%s %s\n", subject, text)
	require.NoError(k.t, err)
	require.NoError(k.t, f.Close())
}

// steps runs a child to its end and returns what it did, in order.
func (k *siege) steps(child string, args ...string) (names []string, counts []int) {
	p := k.e.Spawn(k.t, child, k.dsn, append([]string{k.dir, "", "0"}, args...)...)
	require.NoError(k.t, p.Wait())
	for line := range p.Lines {
		name, count, _ := strings.Cut(line, "\t")
		n, err := strconv.Atoi(count)
		require.NoError(k.t, err)
		names, counts = append(names, name), append(counts, n)
	}
	return names, counts
}

// points lists at which steps to die: the first and the last of each name, and some
// at random.
func points(names []string, counts []int, every, random int) (list [][2]string) {
	total := 0
	for i, name := range names {
		total += counts[i]
		if i%every != 0 {
			continue
		}
		list = append(list, [2]string{name, "1"})
		if counts[i] > 1 && every == 1 {
			list = append(list, [2]string{name, strconv.Itoa(counts[i])})
		}
	}
	for range random {
		list = append(list, [2]string{"", strconv.Itoa(1 + rand.IntN(total))})
	}
	return list
}

// check opens some live subjects and all shredded ones with a new vault.
func (k *siege) check(v *pseudonym.Vault, live int) {
	for range live {
		k.opens(v, rand.IntN(k.keys))
	}
	for subject, text := range k.gone {
		_, err := v.OpenText(k.t.Context(), subject, restorePlace, text)
		require.ErrorIs(k.t, err, pseudonym.ErrShredded)
	}
}

func (k *siege) opens(v *pseudonym.Vault, i int) {
	plain, err := v.Open(k.t.Context(), fmt.Sprintf("c-%d", i), restorePlace, k.live[i*sealedSize:][:sealedSize])
	require.NoError(k.t, err)
	require.Equal(k.t, liveValue, string(plain))
}

func (k *siege) killShreds(every, random int) {
	v := k.open()
	subject, text := k.victim(v)
	names, counts := k.steps("pseudonym-shred-named", subject)
	k.shred(v, subject, text)
	k.t.Logf("shred has %d kinds of step: %s", len(names), strings.Join(names, " | "))
	undecided := 0
	for _, p := range points(names, counts, every, random) {
		subject, text := k.victim(v)
		err := k.e.Spawn(k.t, "pseudonym-shred-named", k.dsn, k.dir, p[0], p[1], subject).Wait()
		require.Error(k.t, err, "it did not come to %v", p)
		k.killed++
		v = k.open()
		plain, err := v.OpenText(k.t.Context(), subject, restorePlace, text)
		if err == nil {
			require.Equal(k.t, liveValue, plain)
			undecided++
		} else {
			require.ErrorIs(k.t, err, pseudonym.ErrShredded, "%v", p)
		}
		k.shred(v, subject, text)
		k.check(v, 5)
	}
	k.t.Logf("shred: killed %d times, %d before the decision", k.killed, undecided)
}

func (k *siege) killRotations(every, random int) {
	names, counts := k.steps("pseudonym-rotate-named")
	k.t.Logf("rotate has %d kinds of step: %s", len(names), strings.Join(names, " | "))
	before, missed := k.killed, 0
	for _, p := range points(names, counts, every, random) {
		for range 3 { // what a killed one has left may be too little to come to this step
			err := k.e.Spawn(k.t, "pseudonym-rotate-named", k.dsn, k.dir, p[0], p[1]).Wait()
			v := k.open()
			k.check(v, 50)
			subject, text := k.victim(v)
			k.shred(v, subject, text)
			if err != nil {
				require.ErrorContains(k.t, err, "killed")
				k.killed++
				break
			}
			missed++
		}
	}
	k.t.Logf("rotate: killed %d times, %d more rotations ended before their step", k.killed-before, missed)
}

// Kill -9 at every kind of step of Shred and of Rotate, and at random ones, while
// another process reads: every reading of a living subject succeeds, none of a
// shredded one does, and each next call goes on from there.
func TestKillUnderReads(t *testing.T) {
	keys, every, random := 2000, 5, 1
	if long() {
		keys, every, random = 100_000, 1, 15
	}
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		if e.Dialect != sqlstore.SQLite && !long() || e.Name == "postgres-pq" {
			t.Skip("in the long form; pq uses the server of pgx")
		}
		k := newSiege(t, e, keys)
		reader := e.Spawn(t, "pseudonym-reads", k.dsn, k.dir, strconv.Itoa(keys))
		if first, ok := <-reader.Lines; !ok {
			require.NoError(t, reader.Wait())
		} else {
			require.Equal(t, "reading", first)
		}
		k.killShreds(every, random)
		k.killRotations(every, random)

		v := k.open()
		require.NoError(t, v.Rotate(t.Context()))
		for i := range keys {
			k.opens(v, i)
		}
		k.check(v, 0)
		r, err := v.Report(t.Context())
		require.NoError(t, err)
		require.Zero(t, r.Pending)
		require.True(t, allSettled(r))
		for _, epoch := range r.Epochs[:len(r.Epochs)-1] {
			require.Zero(t, epoch.Keys)
			require.Equal(t, "destroyed", epoch.State)
		}
		require.NoError(t, os.WriteFile(filepath.Join(k.dir, "stop"), nil, 0o600))
		last := <-reader.Lines
		require.NoError(t, reader.Wait())
		t.Logf("%d keys, %d kills, %d subjects shredded, %d epochs; %s", keys, k.killed, len(k.gone), len(r.Epochs), last)
	})
}
