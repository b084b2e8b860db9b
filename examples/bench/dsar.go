package main

// dsarCases measures package dsar.
func dsarCases() []Case { return nil }
