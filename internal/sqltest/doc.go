// Package sqltest runs the tests of gdprkit over real engines: SQLite, PostgreSQL
// with two drivers, and MariaDB. It is a module of its own, so that no driver
// enters the go.mod of the library.
//
// For most uses write a test in this package that calls [Each]:
//
//	func TestConsent(t *testing.T) {
//		sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
//			consenttest.Run(t, func(t *testing.T) storage.Directory { return e.Open(t) })
//		})
//	}
//
// # Servers
//
// A server comes from the environment, GDPRKIT_TEST_POSTGRES_DSN (a URL) and
// GDPRKIT_TEST_MYSQL_DSN (a DSN of go-sql-driver), or from the binaries of the
// machine: then one throw-away server per engine and test binary is started on
// loopback, as an ordinary user, and killed at the end. A database is made for each
// test. Without a server the test is skipped and says so; with CI set it fails.
//
// # Processes
//
// [Spawn] runs a function of the test binary in a process of its own, to be killed
// at any moment. Such functions are registered in package-level variables with
// [Child].
package sqltest
