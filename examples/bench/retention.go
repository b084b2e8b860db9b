package main

// retentionCases measures package retention.
func retentionCases() []Case { return nil }
