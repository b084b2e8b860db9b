package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gdprkit/gdprkit/internal/frame"
)

// An Anchor keeps the newest checkpoint of each log outside the database: in a file
// on another volume, in a bucket with object lock, at a witness. The name is the
// same for all incarnations of a tenant's log and tells nothing of the tenant.
type Anchor interface {
	// Load returns the checkpoint last saved under name, nil if there is none.
	Load(ctx context.Context, name string) ([]byte, error)
	// Save replaces it and returns when it is durable.
	Save(ctx context.Context, name string, checkpoint []byte) error
}

// FileAnchor is an [Anchor] that keeps one file per log in a directory. Put it on a
// volume that is not restored together with the database.
type FileAnchor struct{ dir string }

// NewFileAnchor returns a FileAnchor for an existing directory.
func NewFileAnchor(dir string) *FileAnchor { return &FileAnchor{dir} }

// Load reads the file.
func (a *FileAnchor) Load(_ context.Context, name string) ([]byte, error) {
	b, err := os.ReadFile(a.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(a.dir); err != nil {
			return nil, unreachable(err) // the volume is not there: that is not "no checkpoint"
		}
		return nil, nil
	}
	if err != nil {
		return nil, unreachable(err)
	}
	return b, nil
}

// unreachable says what the file system's error means.
func unreachable(err error) error {
	return fmt.Errorf("audit: the directory of Options.Anchor cannot be used; mount or make it: %w", err)
}

// Save writes a new file, syncs it and renames it over the old one.
func (a *FileAnchor) Save(_ context.Context, name string, checkpoint []byte) error {
	f, err := os.CreateTemp(a.dir, ".anchor-*")
	if err != nil {
		return unreachable(err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(checkpoint)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), a.path(name))
	}
	if err != nil {
		return err
	}
	d, err := os.Open(a.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (a *FileAnchor) path(name string) string {
	return filepath.Join(a.dir, filepath.Base(name)+".checkpoint")
}

func (l *Log) anchorName() string {
	sum := sha256.Sum256(frame.Append([]byte("gdprkit/anchor/v1\x00"), l.opt.Origin, l.store.Scope()))
	return hex.EncodeToString(sum[:16])
}

// outsideCheckpoint returns what the anchor keeps, nil if there is no anchor or it
// keeps nothing.
func (l *Log) outsideCheckpoint(ctx context.Context, h *head) (*Checkpoint, error) {
	if l.opt.Anchor == nil {
		return nil, nil
	}
	msg, err := l.opt.Anchor.Load(ctx, l.anchorName())
	if err != nil || msg == nil {
		return nil, err
	}
	c, err := OpenCheckpoint(msg, append(l.trusted(h.origin), h.keys...)...)
	if err == nil && c.Origin == h.origin {
		return c, nil
	}
	return nil, rolledBack(0, "the checkpoint kept outside is not one of this log")
}

func (l *Log) compareOutside(ctx context.Context, h *head) error {
	c, err := l.outsideCheckpoint(ctx, h)
	if err != nil {
		return err
	}
	return l.extends(ctx, h, c)
}

// save replaces the outside checkpoint, but not by an older one that another process
// of this log was slower with.
func (l *Log) save(ctx context.Context, c *Checkpoint) error {
	if l.opt.Anchor == nil {
		return nil
	}
	msg, err := l.opt.Anchor.Load(ctx, l.anchorName())
	if err != nil {
		return err
	}
	if old, err := parseNote(msg); err == nil && old.Origin == c.Origin && old.Size > c.Size {
		return nil
	}
	return l.opt.Anchor.Save(ctx, l.anchorName(), c.Note)
}
