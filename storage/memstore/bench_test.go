package memstore_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

func BenchmarkInsert(b *testing.B) {
	s := memstore.New(nil).Tenant("acme")
	b.ReportAllocs()
	for i := range b.N {
		if _, err := s.Apply(context.Background(), addThing.With(i, fmt.Sprint("kind", i), nil)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkInsertBatch(b *testing.B) {
	s := memstore.New(nil).Tenant("acme")
	b.ReportAllocs()
	for i := 0; i < b.N; i += 1000 {
		ops := make([]storage.Op, 1000)
		for j := range ops {
			ops[j] = addThing.With(i+j, fmt.Sprint("kind", i+j), nil)
		}
		if _, err := s.Apply(context.Background(), ops...); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	s := memstore.New(nil).Tenant("acme")
	ops := make([]storage.Op, 100_000)
	for j := range ops {
		ops[j] = addThing.With(j, "kind", nil)
	}
	if _, err := s.Apply(context.Background(), ops...); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		var kind string
		if err := s.Get(context.Background(), thingByID, []any{i % 100_000}, &kind); err != nil {
			b.Fatal(err)
		}
	}
}
