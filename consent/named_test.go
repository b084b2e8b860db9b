package consent

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// capabilities are the rows of the list of capabilities that this package answers.
var capabilities = []string{
	"S09", "S10", "S11", "S12", "S13", "S14", "S15", "S16", "S17", "S18", "S19", "S20", "S21", "S22",
	"S23", "S24", "S25", "S26", "S27", "S28", "S29", "S31", "S36", "S60", "S62", "S63", "S66", "S67",
}

// lessons are the public issues under "consent", one of each line.
var lessons = []string{
	"SuiteCRM5549", "Mautic6413", "SuiteCRM5548", "Margince3807", "Margince2955", "Margince4934", "Veda160", "Cachet2900", "Listmonk1418", "OCA79",
	"Trewknowledge91", "Trewknowledge112", "PrestaShop23328", "Veda164", "Veda66", "Veda156", "Mautic17380", "Margince2204", "Margince5144",
	"Keila259", "Kantara14", "DPV456", "EspoCRM886", "SuiteCRM5930",
}

// Every capability and every lesson has a test that is named after it.
func TestEachCapabilityAndLessonHasItsTest(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	named := map[string]string{}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil {
				continue
			}
			name := fn.Name.Name
			if rest, ok := strings.CutPrefix(name, "TestS"); ok && len(rest) > 3 {
				named["S"+rest[:2]] = name
			}
			if rest, ok := strings.CutPrefix(name, "TestLesson"); ok {
				for _, l := range lessons {
					if tail, ok := strings.CutPrefix(rest, l); ok && tail != "" && (tail[0] < '0' || tail[0] > '9') {
						named[l] = name
					}
				}
			}
		}
	}
	for _, s := range capabilities {
		require.NotEmpty(t, named[s], s)
	}
	for _, l := range lessons {
		require.NotEmpty(t, named[l], l)
	}
}
