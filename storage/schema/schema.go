package schema

import (
	"slices"

	"github.com/gdprkit/gdprkit/storage"
)

// Version is the schema version that this list describes.
const Version = 1

// Tables returns every table in the order of creation.
func Tables() []*storage.Table {
	return slices.Concat(shared, audit, keys, consent, retention, dsar)
}

// Views returns every view in the order of creation.
func Views() []storage.View { return slices.Concat(consentViews, retentionViews) }
