// Package cluster brings up three Galera nodes, or a PostgreSQL primary with a
// synchronous standby, on loopback, for tests that kill nodes under load.
//
// For most uses call [StartGalera] or [StartReplicated]. Both skip the test when
// the binaries are missing, and fail it with CI set. The tests of this package run
// only with GDPRKIT_CLUSTER or GDPRKIT_LONG set, since they take minutes.
package cluster
