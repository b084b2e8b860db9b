// Package datamap describes an existing CRM once.
package datamap
