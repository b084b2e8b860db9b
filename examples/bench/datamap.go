package main

// datamapCases measures package datamap.
func datamapCases() []Case { return nil }
