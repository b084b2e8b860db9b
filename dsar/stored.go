package dsar

import (
	"bytes"
	"context"
	"io"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

const pieceSize = 256 << 10

var (
	addPiece    = &storage.Write{Verb: storage.Insert, Table: schema.RequestBundle, Set: []string{"request", "n", "expires", "piece"}}
	piecesOf    = &storage.Select{From: schema.RequestBundle, Columns: []string{"n", "expires", "piece"}, Where: storage.By("request"), Order: []string{"n"}}
	expiredPart = &storage.Write{Verb: storage.Delete, Table: schema.RequestBundle, Where: []storage.Term{{Column: "expires", Cmp: storage.Le}}}
)

// StoreBundle makes a bundle and keeps it, sealed in pieces, for Options.BundleFor,
// so that the person can fetch it. An erasure of the person removes it. It needs a
// Sealer, and replaces a stored bundle of the same request.
func (d *Desk) StoreBundle(ctx context.Context, id string, act Act) (*Manifest, error) {
	if d.o.Sealer == nil {
		return nil, gdpr.ErrUnsealed
	}
	r, err := d.load(ctx, id)
	if err != nil {
		return nil, err
	}
	if _, err := d.store.Apply(ctx, bundlesOf.With(id)); err != nil {
		return nil, err
	}
	w := &pieceWriter{ctx: ctx, d: d, id: r.id, expires: storage.Micros(d.now().Add(d.o.BundleFor))}
	m, err := d.bundle(ctx, id, w, act, func() error { return w.flush(true) })
	if err != nil {
		_, derr := d.store.Apply(ctx, bundlesOf.With(id))
		if derr != nil {
			return nil, derr
		}
		return nil, err
	}
	return m, nil
}

type pieceWriter struct {
	ctx     context.Context
	d       *Desk
	id      string
	expires int64
	n       int64
	buf     bytes.Buffer
}

// Write collects a piece and stores it when it is full.
func (w *pieceWriter) Write(p []byte) (int, error) {
	w.buf.Write(p)
	for w.buf.Len() >= pieceSize {
		if err := w.flush(false); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// flush stores one piece; the last has the number 0 in its place's name so that a
// cut tail is noticed.
func (w *pieceWriter) flush(last bool) error {
	w.n++
	b := w.buf.Next(pieceSize)
	sealed, err := w.d.encloseBytes(w.ctx, w.id, piecePlace(w.id, w.n, last), b, true)
	if err != nil {
		return err
	}
	_, err = w.d.store.Apply(w.ctx, addPiece.With(w.id, w.n, w.expires, sealed))
	return err
}

func piecePlace(id string, n int64, last bool) string {
	rec := id + "/" + itoa(n)
	if last {
		rec += "/last"
	}
	return place("gdpr_request_bundle", "piece", rec)
}

// Fetch writes a stored bundle to w. It is [ErrExpired] when there is none, or no
// longer, or when its tail is missing.
func (d *Desk) Fetch(ctx context.Context, id string, w io.Writer) error {
	r, err := d.load(ctx, id)
	if err != nil {
		return err
	}
	if err := d.allow(ctx, "request.bundle", r); err != nil {
		return err
	}
	var n, expires int64
	var piece []byte
	held := false
	for rec, err := range d.store.Scan(ctx, piecesOf, []any{id}) {
		if err != nil {
			return err
		}
		if held {
			if err := d.fetchPiece(ctx, id, n, false, piece, w); err != nil {
				return err
			}
		}
		if err := rec.Scan(&n, &expires, &piece); err != nil {
			return err
		}
		if expires <= storage.Micros(d.now()) {
			return ErrExpired
		}
		piece, held = bytes.Clone(piece), true
	}
	if !held {
		return ErrExpired
	}
	return d.fetchPiece(ctx, id, n, true, piece, w)
}

func (d *Desk) fetchPiece(ctx context.Context, id string, n int64, last bool, sealed []byte, w io.Writer) error {
	b, err := d.discloseBytes(ctx, id, piecePlace(id, n, last), sealed)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

// DropBundles removes stored bundles that have expired and returns how many
// pieces went. Call it daily.
func (d *Desk) DropBundles(ctx context.Context) (int, error) {
	n, err := d.store.Apply(ctx, expiredPart.With(storage.Micros(d.now())))
	if err != nil {
		return 0, err
	}
	return int(n[0]), nil
}
