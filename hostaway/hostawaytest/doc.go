// Package hostawaytest is a Hostaway API that keeps state and answers like the real one, quirks included. It serves the
// tests of every room and the accounts of the demo; it shares no code with the client, so that the two check each other.
//
// A Server holds any number of accounts, told apart by their tokens. Each account is a world drawn from (Seed, Today): the
// same two give the same bytes. Seed decides names, prices and texts. How many rows there are, and their ids, depends on
// Size alone, so two accounts of one size have colliding ids, and Marker tells whose row leaked.
//
// The rich world: 12 listings in Lisbon, Porto, Barcelona and Nashville (three zones, EUR and USD), one archived, one with
// four units, one badly described; about 1,300 reservations from a year back to half a year ahead over six channels, with
// cancellations (some with money kept), requests, inquiries and owner stays; guests who arrive, leave and stay today, same-day
// turnovers, gap nights, blocks; a thread per guest, some unanswered, one very long, one that tries to give orders to a
// model, one full of markup; reviews, tasks (some overdue, some forgotten), expenses and owner statements. Every 50th past
// stay is messy: no guestName, zero nights, null money, quoted numbers, real booleans. Account.Landmarks names them.
//
// In a test:
//
//	s := hostawaytest.Start(hostawaytest.Options{ActivationDelay: -1})
//	defer s.Close()
//	a := s.AddAccount(hostawaytest.Account{ID: 101, Secret: "secret", Seed: 1, Today: "2026-03-10"})
//	client := newClient(s.URL(), a.ID, a.Secret)               // "http://127.0.0.1:port/v1"
//	s.Fail(hostawaytest.Fault{Path: "/listings", Times: 2})    // two HTML 500s
//	a.ArchiveListing(a.Landmarks().TurnoverListing)            // as a person would in Hostaway's dashboard
//	_ = s.WaitForCalls(ctx, "GET", "/listings", 3)             // then look at s.Calls()
//
// All money adds up: the included lines of financeField are the reservation's totalPrice, and the reports sum the same lines.
// Where the documentation is silent the fake takes the least convenient reading: messages come in no order, an unknown
// afterId gives an empty page, a limit above the maximum is cut without a word, unknown parameters are ignored.
package hostawaytest
