// Package audittest holds the scenarios of package audit that every store must
// pass, and the attacks that the log must notice. They run over memstore in the
// root module and over SQL engines in internal/sqltest.
package audittest
