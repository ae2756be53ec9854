package mcp

import (
	"testing"

	"hostaway-mcp/hostaway/hostawaytest"
)

func TestAGuestsStays(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	listing := f.account.ListingIDs()[0]
	stay := hostawaytest.Stay{ListingID: listing, GuestName: "Ada Byron", Email: "ada@example.org", BaseRate: "100"}
	add := func(arrival, departure, name, email string) int64 {
		stay.Arrival, stay.Departure, stay.GuestName, stay.Email = arrival, departure, name, email
		return f.account.AddReservation(stay)
	}
	first := add("2027-01-01", "2027-01-03", "Ada Byron", "ada@example.org")
	second := add("2027-02-01", "2027-02-03", "Ada B. Lovelace", "ADA@example.org")
	other := add("2027-03-01", "2027-03-03", "Ada Byron", "another@example.org")
	mailless := add("2027-04-01", "2027-04-03", "Ada Byron", "")
	has := func(out getGuestInfoOut, ids ...int64) {
		t.Helper()
		got := map[int64]bool{}
		for _, s := range out.Stays {
			got[s.ID] = true
		}
		for _, id := range ids {
			if !got[id] {
				t.Errorf("stay %d is missing", id)
			}
		}
		if len(got) != len(ids) || out.Total == nil || *out.Total != len(ids) {
			t.Errorf("%d stays and total %v, want %d", len(got), out.Total, len(ids))
		}
	}

	var byStay, byMail, byName, alone getGuestInfoOut
	f.ask(getGuestInfoTool, args{"reservation_id": first}, &byStay)
	has(byStay, first, second)
	if byStay.MatchedBy != "email" || byStay.Guest == nil || byStay.Guest.Email != "ada@example.org" || byStay.Guest.Name != "Ada Byron" {
		t.Errorf("matched by %s, guest %+v", byStay.MatchedBy, byStay.Guest)
	}
	f.ask(getGuestInfoTool, args{"email": " ada@example.org "}, &byMail)
	has(byMail, first, second)
	if byMail.Guest == nil {
		t.Error("one address is one guest, but there is none")
	}
	f.ask(getGuestInfoTool, args{"guest_name": "Ada Byron"}, &byName)
	has(byName, first, other, mailless)
	if byName.Guest != nil || byName.MatchedBy != "name" {
		t.Errorf("people of one name are made one guest: %+v", byName.Guest)
	}
	f.ask(getGuestInfoTool, args{"reservation_id": mailless}, &alone)
	has(alone, mailless)
	if alone.MatchedBy != "reservation" {
		t.Errorf("a guest without address and phone is matched by %s", alone.MatchedBy)
	}
}

func TestANameWithAPhoneIsOnePerson(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	row := func(id, name, phone string) string {
		return `{"id":` + id + `,"listingMapId":40101,"status":"new","guestName":"` + name + `","phone":"` + phone + `","guestCity":"Leeds","guestLocale":"en"}`
	}
	f.sim.Fail(hostawaytest.Fault{Path: "/reservations/5", Kind: hostawaytest.Answer, Text: `{"status":"success","result":` + row("5", "Ada Byron", "+44 1") + `}`})
	f.sim.Fail(hostawaytest.Fault{Path: "/reservations", Kind: hostawaytest.Answer, Text: `{"status":"success","count":4,"limit":100,"result":[` +
		row("5", "Ada Byron", "+44 1") + "," + row("6", "ada byron", "+441") + "," + row("7", "Ada Byron", "+45 1") + "," + row("8", "Ada Byron Jr", "+44 1") + `]}`})
	var got getGuestInfoOut
	f.ask(getGuestInfoTool, args{"reservation_id": 5}, &got)
	if ids(got.Stays, func(s guestStay) int64 { return s.ID }) != "5 6 " || got.MatchedBy != "name" || got.Guest.City != "Leeds" || got.Guest.Language != "en" {
		t.Errorf("got %+v", got)
	}
}

func TestAGuestIsNamedInOneWay(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	for _, a := range []args{{}, {"reservation_id": 1, "email": "a@b.example"}, {"email": "a@b.example", "guest_name": "A"}, {"guest_name": "  "}} {
		wantWords(t, f.refused(getGuestInfoTool, a), "Exactly one of")
	}
	var nobody getGuestInfoOut
	f.ask(getGuestInfoTool, args{"email": "nobody@example.org"}, &nobody)
	if nobody.Guest != nil || len(nobody.Stays) != 0 || *nobody.Total != 0 {
		t.Errorf("nobody is %+v", nobody)
	}
}

func TestManyGuestsOfANameArePaged(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	met := map[int64]bool{}
	pages := walkPages(f, getGuestInfoTool, args{"guest_name": "a"}, func(p getGuestInfoOut) string { return p.NextCursor })
	for _, page := range pages {
		for _, s := range page.Stays {
			if met[s.ID] {
				t.Errorf("stay %d twice", s.ID)
			}
			met[s.ID] = true
		}
	}
	if len(pages) < 3 || len(met) != *pages[0].Total {
		t.Errorf("%d stays on %d pages, want %d", len(met), len(pages), *pages[0].Total)
	}
}
