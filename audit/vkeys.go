package audit

import "context"

// VerifierKeys returns the keys by which a reader checks this log's checkpoints and
// bundles, in the form "name+hash+base64" of signed notes. Publish them outside the
// database: a key that comes with the data proves nothing. After [Log.Reopen] the
// log has another origin and so another key text; the earlier ones stay valid for
// what they signed.
func (l *Log) VerifierKeys(ctx context.Context) ([]string, error) {
	id, err := l.opened(ctx)
	if err != nil {
		return nil, err
	}
	return l.trusted(id.origin), nil
}
