// Package hostawaytest is a Hostaway API for tests and for the demo.
package hostawaytest
