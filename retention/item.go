package retention

import (
	"encoding/binary"
	"errors"
)

// The body of a page, version 1: a version byte, then for each item uvarint length
// and bytes of the key, a byte for the action (its high bit: limited to fields),
// uvarint length and bytes of the rule.
const itemsV1 = 1

var itemActions = []Action{Erase, Mask, Anonymise, Block, Unblock}

var errPage = errors.New("retention: page of a plan is damaged")

func encodeItems(items []Item) []byte {
	b := []byte{itemsV1}
	for i := range items {
		it := &items[i]
		b = binary.AppendUvarint(b, uint64(len(it.Key)))
		b = append(b, it.Key...)
		code := byte(0)
		for j, a := range itemActions {
			if a == it.Action {
				code = byte(j)
			}
		}
		if it.Limited {
			code |= 0x80
		}
		b = append(b, code)
		b = binary.AppendUvarint(b, uint64(len(it.Rule)))
		b = append(b, it.Rule...)
	}
	return b
}

func decodeItems(source string, b []byte) ([]Item, error) {
	if len(b) == 0 || b[0] != itemsV1 {
		return nil, errPage
	}
	var items []Item
	all, at := string(b), 1 // the texts of the items are parts of one string
	text := func() (string, bool) {
		n, w := binary.Uvarint(b[at:])
		if w <= 0 || n > uint64(len(b)-at-w) {
			return "", false
		}
		from := at + w
		at = from + int(n)
		return all[from:at], true
	}
	for at < len(b) {
		key, ok := text()
		if !ok || at == len(b) || int(b[at]&0x7f) >= len(itemActions) {
			return nil, errPage
		}
		it := Item{Source: source, Key: key, Action: itemActions[b[at]&0x7f], Limited: b[at]&0x80 != 0}
		at++
		if it.Rule, ok = text(); !ok {
			return nil, errPage
		}
		items = append(items, it)
	}
	return items, nil
}
