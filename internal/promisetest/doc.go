// Package promisetest checks what the library promises of every method of its five
// parts, whatever it is for:
//
//   - a method that writes does so in the host's transaction: rolled back, no row of
//     the library is changed; committed, its rows are there;
//   - a method that cannot take part in one says so with storage.ErrInTx and changes
//     nothing;
//   - a method that reads changes nothing;
//   - a method that takes an idempotency key and is called again with it changes
//     nothing and gives the same answer;
//   - called on another tenant with the same arguments it changes nothing of the
//     first one and answers nothing of it.
//
// The methods are found by reflection, so that a new one without a case fails.
package promisetest
