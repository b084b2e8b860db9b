// Package bridgetest holds the list of interfaces by which the parts meet, and
// proves for each that the type which is meant to satisfy it does. The parts do
// not import each other; this package imports them all. It has no code of its own.
package bridgetest
