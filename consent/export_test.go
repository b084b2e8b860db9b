package consent

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExportOfAStrangerIsEmpty(t *testing.T) {
	b := open(t, nil)
	for doc, err := range b.Export(ctx, "nobody") {
		require.NoError(t, err)
		require.Fail(t, "something is held of a person unknown", string(doc))
	}
}
