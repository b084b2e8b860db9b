// Package gdprkit is the front door of a library that gives an existing CRM its
// GDPR features from inside the CRM's own process and database.
package gdprkit
