package mcp

// listing_changes_test.go changes listings in batches, by preview and confirmation.

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/hostaway/hostawaytest"
)

type batchAnswer = written[batchPreview, batchResult]

// confirm asks for a preview, and makes the change with its token.
func confirm[P, O any](f *toolFrame, tool string, a args) (P, O) {
	f.t.Helper()
	var preview, done written[P, O]
	f.ask(tool, a, &preview)
	if preview.Status != statusPreview || preview.Preview == nil || preview.ConfirmToken == "" {
		f.t.Fatalf("no preview: %+v", preview)
	}
	f.ask(tool, a.with("confirm_token", preview.ConfirmToken), &done)
	if done.Status != statusDone || done.Result == nil {
		f.t.Fatalf("not done: %+v", done)
	}
	return *preview.Preview, *done.Result
}

func writes(f *toolFrame) int {
	return f.sim.CountCalls("PUT", "") + f.sim.CountCalls("POST", "/listings")
}

func TestABatchOfChanges(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	all := f.account.ListingIDs()
	a, b, archived := all[0], all[1], f.account.Landmarks().ArchivedListing
	for _, id := range []int64{a, b} {
		f.account.SetListing(id, "cleaningFee", 60)
		f.account.SetListing(id, "checkOutTime", 10)
		f.account.SetListing(id, "instantBookable", 0)
	}
	change := args{"changes": []args{
		{"listing_ids": []int64{a, archived}, "cleaning_fee": "75.50", "check_out_hour": 11, "instant_book": true},
		{"listing_ids": []int64{b}, "cleaning_fee": 60, "check_out_hour": 10},
		{"listing_ids": []int64{99}, "price": 120},
	}}
	var preview batchAnswer
	f.ask(batchUpdateTool, change, &preview)
	if writes(f) != 0 {
		t.Fatal("the preview changed something")
	}
	rows := preview.Preview.Listings
	fields := []fieldChange{{"cleaning_fee", "60", "75.5"}, {"check_out_hour", "10", "11"}, {"instant_book", "false", "true"}}
	if diff := cmp.Diff(fields, rows[0].Changes); diff != "" || rows[0].Problem != "" || rows[0].Name == "" {
		t.Error(diff, rows[0])
	}
	wantWords(t, rows[1].Problem, "archived")
	wantWords(t, rows[2].Problem, "already as wanted")
	wantWords(t, rows[3].Problem, "no such listing")
	wantWords(t, preview.Preview.Summary, "1 of 4 listings would change")

	var done batchAnswer
	f.ask(batchUpdateTool, change.with("confirm_token", preview.ConfirmToken), &done)
	wantWords(t, done.Result.Summary, "2 of 4 succeeded")
	items := done.Result.Items
	if !items[0].OK || items[1].OK || !items[2].OK || items[3].OK {
		t.Errorf("items %+v", items)
	}
	wantWords(t, items[1].Reason+items[1].Remedy, "archived", "Restore the listing")
	wantWords(t, items[3].Reason+items[3].Remedy, "no such listing", listPropertiesTool)
	l, err := f.client.Listing(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	if !l.CleaningFee.Equal(decimal.RequireFromString("75.5")) || *l.CheckOutTime != 11 || !*l.InstantBookable {
		t.Errorf("fee %s, check-out %d", l.CleaningFee, *l.CheckOutTime)
	}
	for _, call := range f.sim.Calls() {
		if call.Method == "PUT" && strings.Contains(call.Body, "[") {
			t.Errorf("a list was sent, which replaces what is there: %s", call.Body)
		}
	}
	wantWords(t, f.refused(batchUpdateTool, change.with("confirm_token", preview.ConfirmToken)), "not valid for this change")
}

func TestEveryFieldIsWrittenAsItIsNamed(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	id := f.account.ListingIDs()[0]
	fields := args{
		"name": "New name", "internal_name": "N-1", "description": "Quiet.", "house_rules": "None.", "capacity": 3, "bedrooms": 2,
		"price": "99.90", "guests_included": 2, "extra_guest_price": 15, "cleaning_fee": 33, "min_nights": 4, "max_nights": 44,
		"check_in_hour": 17, "check_out_hour": 9, "instant_book": true, "cancellation_policy": "firm",
	}
	f.account.SetListing(id, "instantBookable", 0)
	f.account.SetListing(id, "cancellationPolicy", "strict")
	preview, result := confirm[batchPreview, batchResult](f, batchUpdateTool, args{"changes": []args{fields.with("listing_ids", []int64{id})}})
	if !result.Items[0].OK || len(preview.Listings[0].Changes) != len(fields) {
		t.Errorf("%d changes of %d: %+v %+v", len(preview.Listings[0].Changes), len(fields), preview.Listings[0].Changes, result)
	}
	for _, c := range preview.Listings[0].Changes {
		want := fmt.Sprint(fields[c.Field])
		if d, err := decimal.NewFromString(want); err == nil {
			want = d.String()
		}
		if c.After != want {
			t.Errorf("%s becomes %q, want %q", c.Field, c.After, want)
		}
	}
	var shown getPropertyDetailsOut
	f.ask(getPropertyDetailsTool, args{"listing_id": id, "detail": true}, &shown)
	l := shown.Listing
	got := args{
		"name": l.Name, "internal_name": l.InternalName, "description": l.Texts.Description, "house_rules": l.Texts.HouseRules, "capacity": *l.Rooms.Capacity,
		"bedrooms": *l.Rooms.Bedrooms, "price": l.Prices.BaseNight, "guests_included": *l.Prices.GuestsIncluded,
		"extra_guest_price": strings.TrimSuffix(l.Prices.ExtraGuest, ".00"), "cleaning_fee": strings.TrimSuffix(l.Prices.CleaningFee, ".00"),
		"min_nights": *l.StayRules.MinNights, "max_nights": *l.StayRules.MaxNights, "check_in_hour": *l.StayRules.CheckInFrom,
		"check_out_hour": *l.StayRules.CheckOut, "instant_book": *l.StayRules.InstantBook, "cancellation_policy": l.StayRules.Cancellation,
	}
	for name, want := range fields {
		if fmt.Sprint(got[name]) != fmt.Sprint(want) {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
}

func TestALargeBatchIsReadByPages(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, func(a *hostawaytest.Account) { a.Size = 250 })
	var some []int64
	for i, id := range f.account.ListingIDs() {
		if i%5 == 0 {
			some = append(some, id)
		}
	}
	f.sim.ResetCalls()
	preview, result := confirm[batchPreview, batchResult](f, batchUpdateTool, args{"changes": []args{{"listing_ids": some, "check_out_hour": 13, "min_nights": 9}}})
	if len(preview.Listings) != 50 || result.Summary != "50 of 50 succeeded" && !strings.Contains(result.Summary, "of 50") {
		t.Errorf("%d previews, %s", len(preview.Listings), result.Summary)
	}
	if reads := f.sim.CountCalls("GET", ""); reads > 5 {
		t.Errorf("%d reads for the preview of 50 listings", reads)
	}
	for _, row := range preview.Listings {
		if len(row.Changes) != 2 {
			t.Errorf("listing %d: %+v", row.ListingID, row)
		}
	}
}

func TestLongTextsDoNotBurstThePreview(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, func(a *hostawaytest.Account) { a.Size = 60 })
	change := args{"listing_ids": f.account.ListingIDs()[:30], "description": strings.Repeat("long \"text\" ", 600), "house_rules": strings.Repeat("no ", 900)}
	var preview batchAnswer
	f.ask(batchUpdateTool, args{"changes": []args{change}}, &preview)
	for _, row := range preview.Preview.Listings {
		if len(row.Changes) != 2 || !strings.HasSuffix(row.Changes[0].After, "…") {
			t.Fatalf("listing %d: %+v", row.ListingID, row)
		}
	}
	everything := args{
		"listing_ids": f.account.ListingIDs()[:50], "name": "x", "internal_name": "x", "description": "x", "house_rules": "x", "capacity": 33, "bedrooms": 33,
		"price": 33, "guests_included": 33, "extra_guest_price": 33, "cleaning_fee": 33, "min_nights": 33, "max_nights": 33, "check_in_hour": 2, "check_out_hour": 2,
	}
	wantWords(t, f.refused(batchUpdateTool, args{"changes": []args{everything}}), "too large for one answer", "fewer")
}

func TestOneFailureDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		fault hostawaytest.Fault
		words []string
		sum   string
	}{
		{"refused in a 200", hostawaytest.Fault{Kind: hostawaytest.FailIn200, Text: "Listing error: price: too strange"}, []string{"Hostaway refused: Listing error: price: too strange", "Correct the value"}, "2 of 3"},
		{"a fault", hostawaytest.Fault{Kind: hostawaytest.Status500HTML}, []string{"may or may not", getPropertyDetailsTool}, "2 of 3"},
		{"cut off after the change", hostawaytest.Fault{Kind: hostawaytest.DropAfter}, []string{"may or may not"}, "2 of 3"},
		{"ignored", hostawaytest.Fault{Kind: hostawaytest.Answer, Text: `{"status":"success","result":{"id":40102,"price":1}}`}, []string{"did not take over all fields", "dashboard"}, "2 of 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newToolFrame(t, nil)
			all := f.account.ListingIDs()
			c.fault.Method, c.fault.Path = "PUT", fmt.Sprintf("/listings/%d", all[1])
			f.sim.Fail(c.fault)
			_, result := confirm[batchPreview, batchResult](f, batchUpdateTool, args{"changes": []args{{"listing_ids": all[:3], "price": 77}}})
			wantWords(t, result.Summary, c.sum)
			wantWords(t, result.Items[1].Reason+" "+result.Items[1].Remedy, c.words...)
			if !result.Items[0].OK || result.Items[1].OK || !result.Items[2].OK {
				t.Errorf("%+v", result.Items)
			}
			if c.name == "ignored" && strings.Join(result.Items[1].Ignored, " ") != "price" {
				t.Errorf("ignored %v", result.Items[1].Ignored)
			}
		})
	}
}

func TestRefusedCredentialsEndABatch(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	all := f.account.ListingIDs()
	change := args{"changes": []args{{"listing_ids": all[:3], "price": 77}}}
	var preview, done batchAnswer
	f.ask(batchUpdateTool, change, &preview)
	f.account.SetSecret("another")
	f.account.RevokeTokens()
	f.ask(batchUpdateTool, change.with("confirm_token", preview.ConfirmToken), &done)
	wantWords(t, done.Result.Summary, "0 of 3")
	wantWords(t, done.Result.Items[0].Remedy, "connected again", "hostaway_whoami")
	if len(done.Result.Items) != 3 || done.Result.Items[2].Reason != "not tried" {
		t.Errorf("%+v", done.Result.Items)
	}
}

func TestACancelledBatchSaysWhatWasDone(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	all := f.account.ListingIDs()
	ctx, cancel := context.WithCancel(t.Context())
	price := decimal.NewFromInt(77)
	in := batchUpdateIn{Changes: []listingsChange{{ListingIDs: all[:4], listingFields: listingFields{Price: &price}}}}
	out, err := applyBatch(ctx, Caller{Hostaway: f.client, Progress: func(done, _ int, _ string) {
		if done == 2 {
			cancel()
		}
	}}, in)
	if err != nil {
		t.Fatal(err)
	}
	wantWords(t, out.Summary, "2 of 4")
	wantWords(t, out.Items[2].Reason, "cancelled")
	wantWords(t, out.Items[3].Reason, "not tried")
	if writes(f) != 2 {
		t.Errorf("%d writes, want 2", writes(f))
	}
}

func TestImpossibleBatchesAreRefused(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	id := f.account.ListingIDs()[0]
	many := make([]int64, 51)
	for i := range many {
		many[i] = int64(i + 1)
	}
	one := func(more args) args { return args{"changes": []args{more.with("listing_ids", []int64{id})}} }
	for _, c := range []struct {
		args  args
		words []string
	}{
		{args{"changes": []args{}}, []string{"at least 1"}},
		{args{"changes": []args{{"listing_ids": []int64{}, "price": 1}}}, []string{"at least 1"}},
		{one(args{}), []string{"names no field"}},
		{args{"changes": []args{{"listing_ids": many, "price": 1}}}, []string{"51 listings", "at most 50"}},
		{args{"changes": []args{{"listing_ids": []int64{id, id}, "price": 1}}}, []string{"named twice"}},
		{one(args{"name": " "}), []string{"name is empty"}},
		{one(args{"price": -1}), []string{"price can't be -1", "from 0 to"}},
		{one(args{"price": 0}), []string{"every night would be free"}},
		{one(args{"price": "0.0001"}), []string{"too many decimals"}},
		{one(args{"price": "USD 411"}), []string{"an amount in digits"}},
		{one(args{"cleaning_fee": "1000000000000000000000"}), []string{"cleaning_fee can't be", "from 0 to"}},
		{one(args{"bathrooms": "1.55"}), []string{"too many decimals"}},
		{one(args{"min_nights": 5, "max_nights": 3}), []string{"nobody could book"}},
		{one(args{"name": "a\x00b"}), []string{"NUL character"}},
		{one(args{"check_in_hour": 24}), []string{"check_in_hour can't be 24", "0 to 23"}},
		{one(args{"min_nights": 0}), []string{"from 1 to"}},
		{one(args{"name": strings.Repeat("x", 201)}), []string{"longer than 200"}},
		{one(args{"cancellation_policy": "soft"}), []string{"one of flexible"}},
		{one(args{"special_status": "archived"}), []string{"no argument"}},
		{one(args{"listing_images": []string{}}), []string{"no argument"}},
		{one(args{"price": 1e300}), []string{"price"}},
	} {
		wantWords(t, f.refused(batchUpdateTool, c.args), c.words...)
	}
	if writes(f) != 0 {
		t.Errorf("%d writes", writes(f))
	}
	f.account.ArchiveListing(id)
	text := f.refused(batchUpdateTool, args{"changes": []args{{"listing_ids": []int64{id, 1, 2, 3, 4, 5, 6}, "price": 1}}})
	wantWords(t, text, "Nothing would change", "archived", "and 2 more")
}

// TestAChangeThatContradictsTheListing: Hostaway would take each of these, and the listing could not be booked any more.
func TestAChangeThatContradictsTheListing(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	ids := f.account.ListingIDs()[:2]
	for _, id := range ids {
		f.account.SetListing(id, "minNights", 2)
		f.account.SetListing(id, "maxNights", 30)
		f.account.SetListing(id, "personCapacity", 4)
		f.account.SetListing(id, "guestsIncluded", 2)
		f.account.SetListing(id, "currencyCode", "EUR")
	}
	for word, fields := range map[string]args{
		"min_nights would be 31 and max_nights 30":    {"min_nights": 31},
		"min_nights would be 2 and max_nights 1":      {"max_nights": 1},
		"guests_included would be 5 and the capacity": {"guests_included": 5},
		"guests_included would be 2 and the capacity": {"capacity": 1},
		"more decimals than EUR":                      {"price": "100.555"},
	} {
		said := f.refused(batchUpdateTool, args{"changes": []args{fields.with("listing_ids", ids)}})
		wantWords(t, said, word, fmt.Sprintf("listing %d", ids[0]), fmt.Sprintf("listing %d", ids[1]), "Correct the values")
	}
	if writes(f) != 0 {
		t.Errorf("%d writes", writes(f))
	}
	f.account.SetListing(ids[0], "maxNights", 0) // no maximum
	confirm[batchPreview, batchResult](f, batchUpdateTool, args{"changes": []args{{"listing_ids": ids[:1], "min_nights": 40}}})
}

func TestReasonsAndRemedies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		word string
	}{
		{&hostaway.Error{Code: hostaway.RateLimited}, "in a minute"},
		{&hostaway.Error{Code: hostaway.TimedOut}, "may or may not"},
		{&hostaway.Error{Code: hostaway.BadInput}, "Send this listing again"},
		{context.Canceled, "Send this listing again"},
	} {
		reason, remedy := reasonAndRemedy(t.Context(), c.err)
		wantWords(t, reason+" "+remedy, c.word)
	}
	if got := reasonGiven(context.Canceled); got != "" {
		t.Errorf("a reason out of nothing: %q", got)
	}
}

func TestEveryFieldOfAChangeHasOurName(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(listingFields{})
	if err != nil || string(raw) != "{}" {
		t.Errorf("an empty change is %s: %v", raw, err)
	}
	for theirs, ours := range map[string]string{
		"personCapacity": "capacity", "cleaningFee": "cleaning_fee", "name": "name", "cancellationPolicy": "cancellation_policy", "countryCode": "country_code",
	} {
		if got := fieldName(theirs); got != ours {
			t.Errorf("%s is called %s, want %s", theirs, got, ours)
		}
	}
}
