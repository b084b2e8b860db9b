package dsar

import "context"

// Stops tells whether an open request holds a person's records: a sweep that
// removed them meanwhile would destroy what the answer must contain. It is the
// bridge that a sweep asks; the category does not matter.
func (d *Desk) Stops(ctx context.Context, subject, category string) (stopped bool, ground string, err error) {
	var requests []string
	for rec, err := range d.store.Scan(ctx, requestsOf, []any{subject}) {
		if err != nil {
			return false, "", err
		}
		var id string
		if err := rec.Scan(&id); err != nil {
			return false, "", err
		}
		requests = append(requests, id)
	}
	for _, id := range requests {
		r := new(row)
		if err := d.store.Get(ctx, requestByID, []any{id}, r.pointers()...); err != nil {
			return false, "", err
		}
		if r.state.Open() {
			return true, "open request", nil
		}
	}
	return false, "", nil
}
