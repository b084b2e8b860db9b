//go:build !unix

package main

import "time"

// cpuTime falls back to wall time where the system has no getrusage.
func cpuTime() time.Duration { return wallTime() }
