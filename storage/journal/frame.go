package journal

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	magic      = "gdprkit.dev/journal/v1\n"
	chainLabel = "gdprkit/file/v1\x00"
)

type chain = [sha256.Size]byte

func next(before chain, record []byte) chain {
	b := append(make([]byte, 0, 256), chainLabel...)
	b = append(b, before[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(record)))
	return sha256.Sum256(append(b, record...))
}

// headSize is that of u32 length ‖ u32 length XOR lengthMask. The second tells a
// changed length, which would seem to reach behind the end, from a torn record.
const (
	headSize   = 8
	lengthMask = 0x67647072
)

// appendFrame appends the head ‖ record ‖ chain.
func appendFrame(b []byte, before chain, record []byte) ([]byte, chain) {
	c := next(before, record)
	b = binary.BigEndian.AppendUint32(b, uint32(len(record)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(record))^lengthMask)
	b = append(b, record...)
	return append(b, c[:]...), c
}

// refresh reads and verifies what was appended since. It stops before a torn
// record. The caller holds mu.
func (j *File) refresh() error {
	if j.f == nil {
		return ErrClosed
	}
	info, err := j.f.Stat()
	if err != nil {
		return fmt.Errorf("journal: read: %w", err)
	}
	size := info.Size()
	if size < j.end {
		return fmt.Errorf("%w: it has become shorter", ErrDamaged)
	}
	if size == j.end {
		return nil
	}
	r := bufio.NewReader(io.NewSectionReader(j.f, j.end, size-j.end))
	for j.end < size {
		n, c, err := scanFrame(r, j.chain, size-j.end)
		if errors.Is(err, errTorn) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("journal: record %d: %w", len(j.offsets), err)
		}
		j.offsets = append(j.offsets, j.end)
		j.end += n
		j.chain = c
	}
	return nil
}

// errTorn marks the end of the file in the middle of a record.
var errTorn = errors.New("journal: torn record")

// scanFrame verifies the next record; left is what remains of the file.
func scanFrame(r *bufio.Reader, before chain, left int64) (n int64, c chain, err error) {
	var head [headSize]byte
	if left < int64(len(head)) {
		return 0, c, errTorn
	}
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, c, err
	}
	size := int64(binary.BigEndian.Uint32(head[:]))
	n = int64(len(head)) + size + sha256.Size
	if size == 0 || size > MaxRecord || size^lengthMask != int64(binary.BigEndian.Uint32(head[4:])) {
		return 0, c, tornIfZero(r, head)
	}
	if n > left {
		return 0, c, errTorn
	}
	b := make([]byte, size+sha256.Size)
	if _, err := io.ReadFull(r, b); err != nil {
		return 0, c, err
	}
	c = next(before, b[:size])
	if stored := chain(b[size:]); stored != c {
		if stored == (chain{}) && n == left { // the last block never reached the disk
			return 0, c, errTorn
		}
		return 0, c, ErrDamaged
	}
	return n, c, nil
}

// tornIfZero tells a tail of zero bytes, which some file systems leave after a
// crash, from damage.
func tornIfZero(r *bufio.Reader, head [headSize]byte) error {
	if head != [headSize]byte{} {
		return ErrDamaged
	}
	for {
		switch b, err := r.ReadByte(); {
		case errors.Is(err, io.EOF):
			return errTorn
		case err != nil:
			return err
		case b != 0:
			return ErrDamaged
		}
	}
}

// readFrame reads a record that refresh has verified.
func readFrame(r io.ReaderAt, from, to int64) ([]byte, error) {
	b := make([]byte, to-from-headSize-sha256.Size)
	if _, err := r.ReadAt(b, from+headSize); err != nil {
		return nil, fmt.Errorf("journal: read: %w", err)
	}
	return b, nil
}
