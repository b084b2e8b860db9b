package journal

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"sync"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/filelock"
)

// MaxRecord is the longest record, in bytes.
const MaxRecord = 64 << 10

// File is an open journal. It is safe for concurrent use.
type File struct {
	path string

	mu      sync.Mutex
	f       *os.File
	offsets []int64 // where each known record begins
	end     int64   // behind the last known record
	chain   chain   // of the last known record
	failed  error
}

// Create makes a new journal, mode 0600, and opens it. It refuses to overwrite a
// file.
func Create(path string) (*File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("journal: create: %w", err)
	}
	if _, err = f.WriteString(magic); err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("journal: create: %w", err), f.Close(), os.Remove(path))
	}
	return start(path, f)
}

// Open opens a journal and verifies it from the first record on. A missing file is
// an error: a new one in its place would hide that erasures are missing.
func Open(path string) (*File, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("journal: open: %w", err)
	}
	return start(path, f)
}

func start(path string, f *os.File) (*File, error) {
	j := &File{path: path, f: f, end: int64(len(magic))}
	head := make([]byte, len(magic))
	if _, err := f.ReadAt(head, 0); err != nil || string(head) != magic {
		return nil, errors.Join(ErrFormat, f.Close())
	}
	if err := j.refresh(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return j, nil
}

// Close closes the file.
func (j *File) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.f == nil {
		return nil
	}
	err := j.f.Close()
	j.f = nil
	return err
}

// Len returns how many records there are now.
func (j *File) Len() (uint64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	err := j.refresh()
	return uint64(len(j.offsets)), err
}

// Append writes a record and returns when it is on the disk.
func (j *File) Append(ctx context.Context, record []byte) error {
	return j.AppendAll(ctx, [][]byte{record})
}

// AppendAll writes records one after the other and waits for the disk once. After
// a crash the first few of them may be there.
func (j *File) AppendAll(ctx context.Context, records [][]byte) error {
	for _, r := range records {
		if len(r) == 0 || len(r) > MaxRecord {
			return gdpr.Invalid("record", "has %d bytes; 1 to %d are possible", len(r), MaxRecord)
		}
	}
	if len(records) == 0 {
		return nil
	}
	unlock, err := filelock.Lock(ctx, j.path)
	if err != nil {
		return fmt.Errorf("journal: lock: %w", err)
	}
	defer unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.refresh(); err != nil {
		return err
	}
	return j.write(records)
}

// write appends at the end, over a torn record if there is one. The caller holds
// both locks.
func (j *File) write(records [][]byte) error {
	if j.failed != nil {
		return j.failed
	}
	var b []byte
	c := j.chain
	var offsets []int64
	for _, r := range records {
		offsets = append(offsets, j.end+int64(len(b)))
		b, c = appendFrame(b, c, r)
	}
	err := j.f.Truncate(j.end)
	if err == nil {
		_, err = j.f.WriteAt(b, j.end)
	}
	if err == nil {
		err = j.f.Sync()
	}
	if err != nil {
		j.failed = fmt.Errorf("journal: append: %w", err)
		return j.failed
	}
	j.offsets = append(j.offsets, offsets...)
	j.end += int64(len(b))
	j.chain = c
	return nil
}

// Read yields the records from a position on. It holds no lock while the loop's
// body runs, and ends before a record that is still being written.
func (j *File) Read(ctx context.Context, from uint64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for i := from; ; i++ {
			record, err := j.at(ctx, i)
			if err != nil {
				yield(nil, err)
				return
			}
			if record == nil || !yield(record, nil) {
				return
			}
		}
	}
}

// at returns the record at a position, nil behind the last.
func (j *File) at(ctx context.Context, i uint64) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if i >= uint64(len(j.offsets)) {
		if err := j.refresh(); err != nil {
			return nil, err
		}
	}
	if j.f == nil {
		return nil, ErrClosed
	}
	if i >= uint64(len(j.offsets)) {
		return nil, nil
	}
	end := j.end
	if i+1 < uint64(len(j.offsets)) {
		end = j.offsets[i+1]
	}
	return readFrame(j.f, j.offsets[i], end)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !noDirSync {
		return err
	}
	return nil
}
