// Package sqlstore keeps the rows of gdprkit in the host's own SQL database:
// SQLite, PostgreSQL, and MySQL with MariaDB and Galera.
package sqlstore
