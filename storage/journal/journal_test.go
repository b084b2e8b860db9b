package journal_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage/journal"
)

func create(t testing.TB) (*journal.File, string) {
	path := filepath.Join(t.TempDir(), "journal")
	j, err := journal.Create(path)
	require.NoError(t, err)
	t.Cleanup(func() { j.Close() })
	return j, path
}

func all(t testing.TB, j *journal.File, from uint64) (list []string) {
	for b, err := range j.Read(t.Context(), from) {
		require.NoError(t, err)
		list = append(list, string(b))
	}
	return list
}

func TestAppendAndRead(t *testing.T) {
	j, path := create(t)
	require.Empty(t, all(t, j, 0))
	require.NoError(t, j.Append(t.Context(), []byte("one")))
	require.NoError(t, j.AppendAll(t.Context(), [][]byte{[]byte("two"), bytes.Repeat([]byte("x"), journal.MaxRecord)}))
	require.Equal(t, []string{"one", "two"}, all(t, j, 0)[:2])
	require.Len(t, all(t, j, 2), 1)
	require.Empty(t, all(t, j, 3))
	require.Empty(t, all(t, j, 99))
	again, err := journal.Open(path)
	require.NoError(t, err)
	defer again.Close()
	n, err := again.Len()
	require.NoError(t, err)
	require.EqualValues(t, 3, n)
	require.NoError(t, again.Append(t.Context(), []byte("four")))
	require.Equal(t, []string{"four"}, all(t, j, 3), "seen by the other")
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestRefuses(t *testing.T) {
	j, path := create(t)
	require.ErrorIs(t, j.Append(t.Context(), nil), gdpr.ErrInvalid)
	require.ErrorIs(t, j.Append(t.Context(), make([]byte, journal.MaxRecord+1)), gdpr.ErrInvalid)
	_, err := journal.Create(path)
	require.ErrorIs(t, err, os.ErrExist)
	_, err = journal.Open(path + "-missing")
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(path+"-other", []byte("something else entirely, in a file"), 0o600))
	_, err = journal.Open(path + "-other")
	require.ErrorIs(t, err, journal.ErrFormat)
	require.NoError(t, j.Close())
	require.NoError(t, j.Close())
	require.ErrorIs(t, j.Append(t.Context(), []byte("x")), journal.ErrClosed)
}

// A record that was not written to its end is removed by the next append.
func TestTornTail(t *testing.T) {
	j, path := create(t)
	require.NoError(t, j.Append(t.Context(), []byte("one")))
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, j.Append(t.Context(), []byte("second")))
	full, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, j.Close())
	tails := [][]byte{append(bytes.Clone(whole), make([]byte, 4096)...)} // zeros after a crash
	for n := len(whole); n < len(full); n++ {
		tails = append(tails, full[:n])
	}
	lost := bytes.Clone(full)
	clear(lost[len(lost)-32:]) // its last block never arrived
	for i, tail := range append(tails, lost) {
		require.NoError(t, os.WriteFile(path, tail, 0o600))
		j, err := journal.Open(path)
		require.NoError(t, err, "tail %d", i)
		require.Equal(t, []string{"one"}, all(t, j, 0))
		require.NoError(t, j.Append(t.Context(), []byte("next")))
		require.Equal(t, []string{"one", "next"}, all(t, j, 0))
		require.NoError(t, j.Close())
	}
}

// Each byte of a journal is flipped in turn, and found.
func TestEveryByte(t *testing.T) {
	j, path := create(t)
	var ends []int
	for i := range 5 {
		require.NoError(t, j.Append(t.Context(), fmt.Appendf(nil, "record %d", i)))
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		ends = append(ends, len(b))
	}
	require.NoError(t, j.Close())
	good, err := os.ReadFile(path)
	require.NoError(t, err)
	for i := range good {
		for _, bit := range []byte{1, 0x80} {
			b := bytes.Clone(good)
			b[i] ^= bit
			require.NoError(t, os.WriteFile(path, b, 0o600))
			_, err := journal.Open(path)
			require.Error(t, err, "byte %d", i)
		}
	}
	// A removed record in the middle is damage.
	require.NoError(t, os.WriteFile(path, append(bytes.Clone(good[:ends[1]]), good[ends[2]:]...), 0o600))
	_, err = journal.Open(path)
	require.ErrorIs(t, err, journal.ErrDamaged)
}

func TestShorterWhileOpen(t *testing.T) {
	j, path := create(t)
	require.NoError(t, j.Append(t.Context(), []byte("one")))
	require.NoError(t, os.Truncate(path, 30))
	require.ErrorIs(t, j.Append(t.Context(), []byte("two")), journal.ErrDamaged)
}

// Two open files stand for two processes.
func TestManyWriters(t *testing.T) {
	a, path := create(t)
	b, err := journal.Open(path)
	require.NoError(t, err)
	defer b.Close()
	var wg sync.WaitGroup
	for w, j := range []*journal.File{a, b, a, b} {
		wg.Go(func() {
			for i := range 25 {
				if err := j.Append(context.Background(), fmt.Appendf(nil, "%d-%d", w, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, s := range all(t, a, 0) {
		seen[s] = true
	}
	require.Len(t, seen, 100)
	require.Equal(t, all(t, a, 0), all(t, b, 0))
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte("gdprkit.dev/journal/v1\n"))
	f.Add([]byte("gdprkit.dev/journal/v1\n\x00\x00\x00\x01x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "journal")
		require.NoError(t, os.WriteFile(path, b, 0o600))
		j, err := journal.Open(path)
		if err != nil {
			return
		}
		defer j.Close()
		all(t, j, 0)
	})
}

func ExampleOpen() {
	dir, _ := os.MkdirTemp("", "journal")
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "gdpr.journal")
	j, err := journal.Create(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = j.Append(context.Background(), []byte("first"))
	_ = j.Close()

	j, err = journal.Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer j.Close()
	for record, err := range j.Read(context.Background(), 0) {
		fmt.Println(string(record), err)
	}
	// Output: first <nil>
}
