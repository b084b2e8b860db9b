package promisetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/gdprkit/gdprkit"
	"github.com/gdprkit/gdprkit/pseudonym"
)

var place = pseudonym.Place("contacts", "email", "7")

// sealed makes a case of a method that needs a sealed value.
func sealed(do func(sealed []byte) act) func(h *house) act {
	return func(h *house) act {
		b, err := h.Vault.Seal(h.ctx, subject, place, []byte(address))
		h.ok(err)
		return do(b)
	}
}

// plainly makes a case that needs nothing but the vault.
func plainly(do act) func(*house) act { return func(*house) act { return do } }

var vaultMethods = map[string]method{
	"Vault.AcceptRestore": {promise: nothing}, // there is no restore to accept: pseudonym and sqltest restore backups
	"Vault.AddSecret": {alone, plainly(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		return nil, k.Vault.AddSecret(ctx, pseudonym.SecretLink)
	})},
	"Vault.AppendIndex": {reads, func(h *house) act {
		_, err := h.Vault.Index(h.ctx, "email", address)
		h.ok(err)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			return k.Vault.AppendIndex(ctx, nil, "email", address)
		}
	}},
	"Vault.AuditTo": {promise: nothing},
	"Vault.Candidates": {reads, func(h *house) act {
		_, err := h.Vault.Index(h.ctx, "email", address)
		h.ok(err)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			return k.Vault.Candidates(ctx, "email", address)
		}
	}},
	"Vault.Destroy": {writes, plainly(func(ctx context.Context, k *gdprkit.Kit) (any, error) { return k.Vault.Destroy(ctx, subject) })},
	"Vault.Ensure":  {writes, plainly(func(ctx context.Context, k *gdprkit.Kit) (any, error) { return nil, k.Vault.Ensure(ctx, "c3") })},
	"Vault.Export":  {reads, plainly(func(ctx context.Context, k *gdprkit.Kit) (any, error) { return all(k.Vault.Export(ctx, subject)) })},
	"Vault.ExportKeys": {looks, plainly(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		var b bytes.Buffer
		return b.Len(), k.Vault.ExportKeys(ctx, &b)
	})},
	"Vault.Format":   {promise: nothing},
	"Vault.GoString": {promise: nothing},
	"Vault.ImportKeys": {alone, func(h *house) act {
		var b bytes.Buffer
		h.ok(h.Vault.ExportKeys(h.ctx, &b))
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			return nil, k.Vault.ImportKeys(ctx, bytes.NewReader(b.Bytes()), "drill")
		}
	}},
	"Vault.Index": {reads, func(h *house) act {
		_, err := h.Vault.Index(h.ctx, "email", address)
		h.ok(err)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) { return k.Vault.Index(ctx, "email", address) }
	}},
	"Vault.Invalidate": {promise: nothing},
	"Vault.KnownToken": {reads, func(h *house) act {
		token, err := h.Vault.Token(h.ctx, "log", subject)
		h.ok(err)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			known, err := k.Vault.KnownToken(ctx, "log", subject)
			if k == h.Kit && known != token {
				err = fmt.Errorf("the token is %q", known)
			}
			return known, err
		}
	}},
	"Vault.LogValue": {promise: nothing},
	"Vault.Open": {reads, sealed(func(b []byte) act {
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			plain, err := k.Vault.Open(ctx, subject, place, b)
			return string(plain), err
		}
	})},
	"Vault.OpenReader": {reads, func(h *house) act {
		r, err := h.Vault.SealReader(h.ctx, subject, place, bytes.NewReader([]byte(ada)))
		h.ok(err)
		b, err := io.ReadAll(r)
		h.ok(err)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			r, err := k.Vault.OpenReader(ctx, subject, place, bytes.NewReader(b))
			if err != nil {
				return nil, err
			}
			plain, err := io.ReadAll(r)
			return string(plain), err
		}
	}},
	"Vault.OpenStruct": {reads, func(h *house) act {
		l := letter{Text: ada}
		h.ok(h.Vault.SealStruct(h.ctx, subject, "7", &l))
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			own := l
			err := k.Vault.OpenStruct(ctx, subject, "7", &own)
			return own, err
		}
	}},
	"Vault.OpenText": {reads, func(h *house) act {
		s, err := h.Vault.SealText(h.ctx, subject, place, ada)
		h.ok(err)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			return k.Vault.OpenText(ctx, subject, place, s)
		}
	}},
	"Vault.PruneTombstones": {alone, func(h *house) act {
		_, err := h.Vault.Destroy(h.ctx, "c2")
		h.ok(err)
		h.pass(400 * 24 * time.Hour)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			return k.Vault.PruneTombstones(ctx, start.AddDate(1, 0, 0))
		}
	}},
	"Vault.Readmit": {writes, func(h *house) act {
		_, err := h.Vault.Destroy(h.ctx, "c2")
		h.ok(err)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			return nil, k.Vault.Readmit(ctx, "c2", "came back")
		}
	}},
	"Vault.Ready":    {alone, plainly(func(ctx context.Context, k *gdprkit.Kit) (any, error) { return nil, k.Vault.Ready(ctx) })},
	"Vault.Register": {promise: nothing},
	"Vault.Replay":   {alone, plainly(func(ctx context.Context, k *gdprkit.Kit) (any, error) { return k.Vault.Replay(ctx, "drill") })},
	"Vault.Report":   {reads, plainly(func(ctx context.Context, k *gdprkit.Kit) (any, error) { return k.Vault.Report(ctx) })},
	"Vault.Restored": {reads, plainly(func(ctx context.Context, k *gdprkit.Kit) (any, error) { return k.Vault.Restored(ctx) })},
	"Vault.Rotate":   {alone, plainly(func(ctx context.Context, k *gdprkit.Kit) (any, error) { return nil, k.Vault.Rotate(ctx) })},
	"Vault.RotateIndex": {writes, func(h *house) act {
		_, err := h.Vault.Index(h.ctx, "email", address)
		h.ok(err)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) { return nil, k.Vault.RotateIndex(ctx) }
	}},
	"Vault.Run": {promise: nothing}, // returns when its context ends; what it does is Work
	"Vault.ScheduleShred": {writes, func(h *house) act {
		due := h.now().Add(time.Hour)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			return nil, k.Vault.ScheduleShred(ctx, subject, due)
		}
	}},
	"Vault.Scope": {promise: nothing},
	"Vault.Seal": {writes, plainly(func(ctx context.Context, k *gdprkit.Kit) (any, error) { // the key of a new subject
		return k.Vault.Seal(ctx, "c3", place, []byte(ada))
	})},
	"Vault.SealReader": {writes, plainly(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		r, err := k.Vault.SealReader(ctx, "c3", place, bytes.NewReader([]byte(ada)))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(r)
	})},
	"Vault.SealStruct": {writes, plainly(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		l := letter{Text: ada}
		err := k.Vault.SealStruct(ctx, "c3", "7", &l)
		return l, err
	})},
	"Vault.SealText": {writes, plainly(func(ctx context.Context, k *gdprkit.Kit) (any, error) {
		return k.Vault.SealText(ctx, "c3", place, ada)
	})},
	"Vault.Secret": {reads, func(h *house) act {
		_, err := h.Vault.Secret(h.ctx, pseudonym.SecretLink)
		h.ok(err)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			b, err := k.Vault.Secret(ctx, pseudonym.SecretLink)
			return b.Len(), err
		}
	}},
	"Vault.Secrets": {reads, func(h *house) act {
		_, err := h.Vault.Secret(h.ctx, pseudonym.SecretLink)
		h.ok(err)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			list, err := k.Vault.Secrets(ctx, pseudonym.SecretLink)
			return len(list), err
		}
	}},
	"Vault.Shred":  {writes, plainly(func(ctx context.Context, k *gdprkit.Kit) (any, error) { return nil, k.Vault.Shred(ctx, subject) })},
	"Vault.String": {promise: nothing},
	"Vault.Subject": {reads, func(h *house) act {
		token, err := h.Vault.Token(h.ctx, "log", subject)
		h.ok(err)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			s, err := k.Vault.Subject(ctx, "log", token)
			if k == h.Kit && s != subject {
				err = fmt.Errorf("the token leads to %q", s)
			}
			return s, err
		}
	}},
	"Vault.Token": {writes, plainly(func(ctx context.Context, k *gdprkit.Kit) (any, error) { return k.Vault.Token(ctx, "log", "c3") })},
	"Vault.UnscheduleShred": {writes, func(h *house) act {
		h.ok(h.Vault.ScheduleShred(h.ctx, subject, h.now().Add(time.Hour)))
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			return nil, k.Vault.UnscheduleShred(ctx, subject)
		}
	}},
	"Vault.UseSecret": {alone, func(h *house) act {
		h.ok(h.Vault.AddSecret(h.ctx, pseudonym.SecretLink))
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) {
			return nil, k.Vault.UseSecret(ctx, pseudonym.SecretLink)
		}
	}},
	"Vault.Work": {alone, func(h *house) act {
		h.ok(h.Vault.ScheduleShred(h.ctx, subject, h.now().Add(time.Hour)))
		h.pass(2 * time.Hour)
		return func(ctx context.Context, k *gdprkit.Kit) (any, error) { return nil, k.Vault.Work(ctx) }
	}},
}
