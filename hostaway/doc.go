// Package hostaway speaks to the Hostaway Public API and knows nothing of the rest of this program.
//
// A [Client] belongs to one Hostaway account. It fetches and keeps that account's access token, holds every call back until the
// [Budget] has room for it, repeats what is safe to repeat, and turns Hostaway's loosely typed rows into Go values in which
// "unknown" stays unknown: a missing or unreadable optional field is nil, never zero by guess.
//
// Each resource has a file of its own: listings, reservations, the calendar, finance fields and reports, conversations and
// messages. Lists take a typed filter, because Hostaway ignores query parameters that it does not know and would answer with
// everything; what a filter here can express is what the API documents.
//
// All failures are *[Error] with a [Code]; a cancelled context comes back as context.Canceled. No error and no log line of this
// package holds a token, a secret or a query string.
//
// Facts about the API come from the Hostaway Public API documentation as of October 2026; the documentation of the single
// identifiers names the chapter.
package hostaway
