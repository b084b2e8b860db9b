package dsar_test

import (
	"testing"

	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/internal/dsartest"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

func hashed(d *dsar.Desk, note func(string)) { d.OnKeyed(func(use string) { note("keyed " + use) }) }

// Statements, keyed hashes, seals and entries are the same, whoever is known.
func TestCodesTellNobodyWhoIsKnown(t *testing.T) {
	dsartest.CodesTellNobodyWhoIsKnown(dsartest.NewUniform(t, memstore.New(nil), hashed))
}
