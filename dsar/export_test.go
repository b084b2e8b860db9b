package dsar

// OnKeyed has f called with the use of each keyed hash that the desk makes.
func (d *Desk) OnKeyed(f func(use string)) { d.onKeyed = f }
