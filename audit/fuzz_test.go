package audit

import (
	"bytes"
	"os"
	"testing"

	"github.com/gdprkit/gdprkit/internal/ids"
)

// FuzzLeaf: whatever the reader accepts is what the writer writes for it.
func FuzzLeaf(f *testing.F) {
	b, err := os.ReadFile("testdata/v1/log.bundle")
	if err != nil {
		f.Fatal(err)
	}
	for _, line := range bytes.Split(b, []byte("\n"))[:20] {
		if bytes.HasPrefix(line, []byte("E ")) {
			_, leaf, _ := bytes.Cut(line[2:], []byte(" "))
			f.Add(leaf)
		}
	}
	x := &leaf{log: "00112233445566778899aabbccddeeff", id: ids.New(), act: "a", by: "AAAAAAAAAAAAAAAAAAAAAA", sub: []string{"BBBBBBBBBBBBBBBBBBBBBA"}}
	for _, kind := range []byte("surifbtdnp") {
		text := map[byte]string{'i': "-9223372036854775808", 'f': "7ff8000000000001", 't': "-1.999999999", 'd': "0", 'u': "\xff"}[kind]
		x.attr = append(x.attr, value{key: "k" + string(kind) + "\"\x01", kind: kind, text: text, on: true})
	}
	f.Add(x.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		var v leafView
		if !v.parse(b) {
			return
		}
		if again := v.leaf().append(nil); !bytes.Equal(again, b) {
			t.Fatalf("read  %q\nwrote %q", b, again)
		}
		for i := range v.attrs {
			v.attrs[i].attr(v.sub)
		}
	})
}

// FuzzCheckpoint: a checkpoint has one text.
func FuzzCheckpoint(f *testing.F) {
	f.Add("a/b\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n")
	f.Add("a\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nx y\n")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCheckpoint(s)
		if err == nil && c.Text() != s {
			t.Fatalf("read %q\nwrote %q", s, c.Text())
		}
		_, _, _ = OpenNote([]byte(s), "a+00000000+AA")
	})
}

// FuzzBundle: nothing but the bundles themselves passes, and nothing panics.
func FuzzBundle(f *testing.F) {
	key, err := os.ReadFile("testdata/v1/key.txt")
	if err != nil {
		f.Fatal(err)
	}
	good := map[string]bool{}
	for _, name := range []string{"entry", "range", "subject"} {
		b, err := os.ReadFile("testdata/v1/" + name + ".bundle")
		if err != nil {
			f.Fatal(err)
		}
		good[string(b)] = true
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, err := VerifyBundle(bytes.NewReader(b), []string{string(bytes.TrimSpace(key))}, nil)
		if err == nil && !good[string(b)] {
			t.Fatal("accepted")
		}
	})
}
