package audit

import (
	"bytes"
	"crypto/hmac"
)

const toldLabel = "gdprkit/audit/told/v1"

// tell makes log.redacted or log.pruned, which explains why something is missing that
// an outside checkpoint covers. Its last attribute is a MAC over what stands before,
// so that nobody without Options.Secret can forge one behind the checkpoint.
func (l *Log) tell(id *identity, act string, attr ...value) (*draft, error) {
	x := l.ownLeaf(id, act, attr)
	mac := l.mac(toldLabel, bytes.TrimSuffix(x.append(nil), []byte("]}")))
	x.attr = append(x.attr, value{key: "mac", kind: 'r', text: string(mac)})
	return newDraft(x)
}

// told reports whether an entry that tell made is as it was made. Without a secret
// nobody can say.
func (l *Log) told(text []byte, v *leafView) bool {
	if l.opt.Secret.Len() == 0 {
		return true
	}
	mac := value{key: "mac", kind: 'r', text: string(v.bytes("mac"))}
	before, ok := bytes.CutSuffix(text, append(mac.append([]byte{','}), "]}"...))
	return ok && hmac.Equal(l.mac(toldLabel, before), []byte(mac.text))
}
