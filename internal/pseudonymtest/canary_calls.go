package pseudonymtest

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/pseudonym"
)

// canary holds what the calls need: values that were sealed before.
type canary struct {
	v      *pseudonym.Vault
	sealed []byte
	stream []byte
	text   string
	token  string
	backup []byte
}

// canaryCard is a struct with the canary in it.
type canaryCard struct {
	Mail      string `gdpr:"contacts.mail,index=email"`
	MailIndex []byte
}

func (c *canary) prepare(t *testing.T) {
	ctx := t.Context()
	var err error
	c.sealed, err = c.v.Seal(ctx, canarySubject, place, []byte(canaryValue))
	require.NoError(t, err)
	c.text = pseudonym.Text(c.sealed)
	r, err := c.v.SealReader(ctx, canarySubject, place, strings.NewReader(canaryValue))
	require.NoError(t, err)
	c.stream, err = io.ReadAll(r)
	require.NoError(t, err)
	c.token, err = c.v.Token(ctx, "subject", canarySubject)
	require.NoError(t, err)
	require.NoError(t, c.v.Register(canaryCard{}))
	var b bytes.Buffer
	require.NoError(t, c.v.ExportKeys(ctx, &b))
	c.backup = b.Bytes()
}

// results are what a call returned and nobody may find a canary in. What opens a
// value, or names the subject, as it is made to do returns only its error.
type results []any

type canaryCall func(ctx context.Context, c *canary, v *pseudonym.Vault) results

// calls has a case for each method of a vault.
var calls = map[string]canaryCall{
	"AcceptRestore": func(ctx context.Context, _ *canary, v *pseudonym.Vault) results {
		return results{v.AcceptRestore(ctx, "drill"), v.AcceptRestore(ctx, strings.Repeat(canaryValue, 99))}
	},
	"AddSecret": func(ctx context.Context, _ *canary, v *pseudonym.Vault) results {
		return results{v.AddSecret(ctx, pseudonym.SecretLink), v.AddSecret(ctx, canaryValue)}
	},
	"AppendIndex": func(ctx context.Context, _ *canary, v *pseudonym.Vault) results {
		b, err := v.AppendIndex(ctx, nil, "phone", canaryValue)
		return results{b, err}
	},
	"AuditTo": func(_ context.Context, _ *canary, v *pseudonym.Vault) results { v.AuditTo(&Log{}); return nil },
	"Candidates": func(ctx context.Context, _ *canary, v *pseudonym.Vault) results {
		list, err := v.Candidates(ctx, "email", canaryValue)
		return results{list, err}
	},
	"Destroy": func(ctx context.Context, _ *canary, v *pseudonym.Vault) results {
		r, err := v.Destroy(ctx, canarySubject, pseudonym.Proof)
		again, wrong := v.Destroy(ctx, canaryValue, "none")
		return results{r, err, again, wrong}
	},
	"Ensure": func(ctx context.Context, _ *canary, v *pseudonym.Vault) results {
		return results{v.Ensure(ctx, canarySubject, canaryValue)}
	},
	"Export": func(ctx context.Context, _ *canary, v *pseudonym.Vault) (all results) {
		for b, err := range v.Export(ctx, canarySubject) {
			all = append(all, string(b), err)
		}
		return all
	},
	"ExportKeys": func(ctx context.Context, _ *canary, v *pseudonym.Vault) results {
		return results{v.ExportKeys(ctx, io.Discard)} // it names living subjects
	},
	"Format":   func(_ context.Context, _ *canary, v *pseudonym.Vault) results { return results{v, &v, []any{v}} },
	"GoString": func(_ context.Context, _ *canary, v *pseudonym.Vault) results { return results{v.GoString()} },
	"ImportKeys": func(ctx context.Context, c *canary, v *pseudonym.Vault) results {
		return results{v.ImportKeys(ctx, strings.NewReader(canaryValue), "drill"), v.ImportKeys(ctx, bytes.NewReader(c.backup[:len(c.backup)/2]), "drill")}
	},
	"Index": func(ctx context.Context, _ *canary, v *pseudonym.Vault) results {
		b, err := v.Index(ctx, "email", canaryValue)
		_, wrong := v.Index(ctx, canarySubject, canaryValue[:6])
		return results{b, err, wrong}
	},
	"Invalidate": func(_ context.Context, _ *canary, v *pseudonym.Vault) results {
		v.Invalidate(canarySubject)
		return nil
	},
	"LogValue": func(_ context.Context, _ *canary, v *pseudonym.Vault) results { return results{v.LogValue()} },
	"Open": func(ctx context.Context, c *canary, v *pseudonym.Vault) results {
		_, a := v.Open(ctx, canarySubject, place, c.sealed)
		_, b := v.Open(ctx, "other", place, c.sealed)
		_, d := v.Open(ctx, canarySubject, place+"0", c.sealed)
		_, e := v.Open(ctx, canarySubject, place, []byte(canaryValue))
		_, f := v.Open(ctx, canarySubject, canaryValue, c.sealed)
		return results{a, b, d, e, f}
	},
	"OpenReader": func(ctx context.Context, c *canary, v *pseudonym.Vault) results {
		r, err := v.OpenReader(ctx, canarySubject, place, bytes.NewReader(c.stream[:len(c.stream)-1]))
		if err == nil {
			_, err = io.ReadAll(r)
		}
		_, wrong := v.OpenReader(ctx, canarySubject, place, strings.NewReader(canaryValue))
		return results{err, wrong}
	},
	"OpenStruct": func(ctx context.Context, c *canary, v *pseudonym.Vault) results {
		card := canaryCard{Mail: c.text}
		return results{v.OpenStruct(ctx, canarySubject, "7", &card), v.OpenStruct(ctx, canarySubject, "7", canaryValue)}
	},
	"OpenText": func(ctx context.Context, c *canary, v *pseudonym.Vault) results {
		_, a := v.OpenText(ctx, canarySubject, place, c.text)
		_, b := v.OpenText(ctx, canarySubject, place, canaryValue)
		return results{a, b}
	},
	"PruneTombstones": func(ctx context.Context, _ *canary, v *pseudonym.Vault) results {
		n, err := v.PruneTombstones(ctx, time.Now().AddDate(-1, 0, 0))
		return results{n, err}
	},
	"Readmit": func(ctx context.Context, _ *canary, v *pseudonym.Vault) results {
		return results{v.Readmit(ctx, canarySubject, "came back"), v.Readmit(ctx, canaryValue, "")}
	},
	"Ready": func(ctx context.Context, _ *canary, v *pseudonym.Vault) results { return results{v.Ready(ctx)} },
	"Register": func(_ context.Context, _ *canary, v *pseudonym.Vault) results {
		return results{v.Register(canaryValue), v.Register(canaryCard{})}
	},
	"Replay": func(ctx context.Context, _ *canary, v *pseudonym.Vault) results {
		r, err := v.Replay(ctx, "drill")
		return results{r, err}
	},
	"Report": func(ctx context.Context, _ *canary, v *pseudonym.Vault) results {
		r, err := v.Report(ctx)
		return results{r, err}
	},
	"Restored": func(ctx context.Context, _ *canary, v *pseudonym.Vault) results {
		on, err := v.Restored(ctx)
		return results{on, err}
	},
	"Rotate":      func(ctx context.Context, _ *canary, v *pseudonym.Vault) results { return results{v.Rotate(ctx)} },
	"RotateIndex": func(ctx context.Context, _ *canary, v *pseudonym.Vault) results { return results{v.RotateIndex(ctx)} },
	"Run": func(ctx context.Context, _ *canary, v *pseudonym.Vault) results {
		ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		return results{v.Run(ctx)}
	},
	"ScheduleShred": func(ctx context.Context, _ *canary, v *pseudonym.Vault) results {
		return results{v.ScheduleShred(ctx, canarySubject, time.Now().AddDate(1, 0, 0)), v.ScheduleShred(ctx, canaryValue, time.Time{})}
	},
	"Scope": func(_ context.Context, _ *canary, v *pseudonym.Vault) results { return results{v.Scope()} },
	"Seal": func(ctx context.Context, _ *canary, v *pseudonym.Vault) results {
		b, err := v.Seal(ctx, canarySubject, place, []byte(canaryValue))
		_, wrong := v.Seal(ctx, canaryValue, place, []byte(canaryValue))
		_, noPlace := v.Seal(ctx, canarySubject, canaryValue, nil)
		return results{b, err, wrong, noPlace}
	},
	"SealReader": func(ctx context.Context, _ *canary, v *pseudonym.Vault) results {
		_, err := v.SealReader(ctx, canaryValue, place, strings.NewReader(canaryValue))
		return results{err}
	},
	"SealStruct": func(ctx context.Context, _ *canary, v *pseudonym.Vault) results {
		card := canaryCard{Mail: canaryValue}
		err := v.SealStruct(ctx, canarySubject, "7", &card)
		if err != nil {
			return results{err}
		}
		return results{card}
	},
	"SealText": func(ctx context.Context, _ *canary, v *pseudonym.Vault) results {
		s, err := v.SealText(ctx, canarySubject, place, canaryValue)
		return results{s, err}
	},
	"Secret": func(ctx context.Context, _ *canary, v *pseudonym.Vault) results {
		s, err := v.Secret(ctx, pseudonym.SecretLink)
		_, wrong := v.Secret(ctx, canaryValue)
		return results{s, err, wrong}
	},
	"Secrets": func(ctx context.Context, _ *canary, v *pseudonym.Vault) results {
		s, err := v.Secrets(ctx, pseudonym.SecretLink)
		return results{s, err}
	},
	"Shred": func(ctx context.Context, _ *canary, v *pseudonym.Vault) results {
		return results{v.Shred(ctx, canarySubject), v.Shred(ctx, canaryValue)}
	},
	"String": func(_ context.Context, _ *canary, v *pseudonym.Vault) results { return results{v.String()} },
	"Subject": func(ctx context.Context, c *canary, v *pseudonym.Vault) results {
		_, a := v.Subject(ctx, "subject", c.token)
		_, b := v.Subject(ctx, "subject", canaryValue)
		return results{a, b}
	},
	"KnownToken": func(ctx context.Context, _ *canary, v *pseudonym.Vault) results {
		s, err := v.KnownToken(ctx, "subject", canarySubject)
		_, wrong := v.KnownToken(ctx, canaryValue, canarySubject)
		return results{s, err, wrong}
	},
	"Token": func(ctx context.Context, _ *canary, v *pseudonym.Vault) results {
		s, err := v.Token(ctx, "subject", canarySubject)
		_, wrong := v.Token(ctx, canaryValue, canarySubject)
		return results{s, err, wrong}
	},
	"UnscheduleShred": func(ctx context.Context, _ *canary, v *pseudonym.Vault) results {
		return results{v.UnscheduleShred(ctx, canarySubject), v.UnscheduleShred(ctx, canaryValue)}
	},
	"UseSecret": func(ctx context.Context, _ *canary, v *pseudonym.Vault) results {
		return results{v.UseSecret(ctx, pseudonym.SecretLink), v.UseSecret(ctx, canaryValue)}
	},
	"Work": func(ctx context.Context, _ *canary, v *pseudonym.Vault) results { return results{v.Work(ctx)} },
}
