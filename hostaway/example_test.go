package hostaway_test

import (
	"context"
	"fmt"

	"github.com/shopspring/decimal"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/hostaway/hostawaytest"
	"hostaway-mcp/secret"
)

func exampleClient() (*hostaway.Client, func()) {
	server := hostawaytest.Start(hostawaytest.Options{ActivationDelay: -1})
	account := server.AddAccount(hostawaytest.Account{ID: 101, Secret: "s3cret", Seed: 1, Size: hostawaytest.Empty, Today: "2026-10-05"})
	_ = account
	client := hostaway.NewClient(hostaway.Config{
		BaseURL:        server.URL(),
		Credentials:    hostaway.Credentials{AccountID: 101, Secret: secret.New("s3cret")},
		ActivationWait: -1, // the example's server takes a token at once; the real one needs its second
	})
	return client, server.Close
}

// A listing is created, and found again by a filter.
func Example() {
	client, stop := exampleClient()
	defer stop()
	ctx := context.Background()
	created, err := client.CreateListing(ctx, hostaway.ListingChange{
		Name: new("Sea view"), City: new("Porto"), CurrencyCode: new("EUR"), Price: new(decimal.RequireFromString("120.50")),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	page, err := client.Listings(ctx, hostaway.ListingFilter{City: "Porto", ActiveOnly: true}, hostaway.PageRequest{Limit: 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, listing := range page.Items {
		fmt.Println(listing.ID == created.ID, listing.Name, listing.Price, listing.CurrencyCode, "of", *page.Total)
	}
	// Output: true Sea view 120.5 EUR of 1
}

// Before a change is made, Diff shows what it would change; afterwards, what Hostaway did not take over.
func ExampleListingChange_Diff() {
	listing := hostaway.Listing{Name: "Sea view", CleaningFee: new(decimal.RequireFromString("40"))}
	change := hostaway.ListingChange{Name: new("Sea view"), CleaningFee: new(decimal.RequireFromString("45.50"))}
	for _, d := range change.Diff(listing) {
		fmt.Printf("%s: %s -> %s\n", d.Field, d.Have, d.Want)
	}
	// Output: cleaningFee: 40 -> 45.5
}

// Failures are told apart by their code.
func ExampleCodeOf() {
	client, stop := exampleClient()
	defer stop()
	_, err := client.Reservation(context.Background(), 4711)
	switch hostaway.CodeOf(err) {
	case hostaway.NotFound:
		fmt.Println("no such reservation")
	case hostaway.RateLimited, hostaway.Unavailable:
		fmt.Println("try again later")
	}
	// Output: no such reservation
}

// A walk tells whether it saw everything; sums over an incomplete one must not be shown.
func ExampleClient_AllReservations() {
	client, stop := exampleClient()
	defer stop()
	nights := 0
	filter := hostaway.ReservationFilter{ArrivalFrom: hostaway.NewDate(2026, 9, 1), ArrivalTo: hostaway.NewDate(2026, 9, 30)}
	walk, err := client.AllReservations(context.Background(), filter, 60, func(rows []hostaway.Reservation) error {
		for _, r := range rows {
			if r.Status.Stands() && r.ArrivalDate != nil && r.DepartureDate != nil {
				nights += r.DepartureDate.Sub(*r.ArrivalDate)
			}
		}
		return nil
	})
	fmt.Println(nights, walk.Complete, err)
	// Output: 0 true <nil>
}
