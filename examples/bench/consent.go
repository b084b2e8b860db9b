package main

// consentCases measures package consent.
func consentCases() []Case { return nil }
