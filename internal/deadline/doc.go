// Package deadline computes the end of the periods of the GDPR by Regulation
// (EEC, Euratom) No 1182/71: a calendar month from the receipt, clamped to the
// last day of a shorter month, lengthened by pauses, and moved once, at the end,
// to the next working day of the controller's Member State.
//
// Public holidays are rules in holidays.json, so that every year is covered.
// What authorities or authors dispute is an option and off by default. One-off
// days that a government proclaims are the host's to add.
package deadline
