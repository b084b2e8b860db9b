package pseudonym_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func BenchmarkSeal256(b *testing.B) {
	v := newVault(b, nil)
	plain := make([]byte, 256)
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Seal(ctx, "c-1042", place, plain); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen256(b *testing.B) {
	v := newVault(b, nil)
	ctx := b.Context()
	sealed, err := v.Seal(ctx, "c-1042", place, make([]byte, 256))
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Open(ctx, "c-1042", place, sealed); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkIndex(b *testing.B) {
	v := newVault(b, nil)
	ctx := b.Context()
	var dst [32]byte
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.AppendIndex(ctx, dst[:0], "email", "ada.lovelace@example.org"); err != nil {
			b.Fatal(err)
		}
	}
}
