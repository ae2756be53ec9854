// The rows with a part of their own, by name: tests ask for them instead of searching.
package hostawaytest

// Landmarks are ids of rows that every world of at least a dozen listings has; 0 where a smaller one has none.
type Landmarks struct {
	ArchivedListing  int64
	MultiUnitListing int64 // four units
	BareListing      int64 // without description, rules, Wi-Fi, licence, photos
	TurnoverListing  int64 // one guest leaves today and the next arrives
	BlockedListing   int64 // three nights blocked with a note
	GapListing       int64 // one free night between two stays, six days from today

	DepartsToday  int64 // reservations
	ArrivesToday  int64
	InHouse       int64
	OwnerStay     int64
	LongStay      int64
	Cancelled     int64 // nothing kept
	CancelledKept int64 // a part of the money kept
	Inquiry       int64
	NoGuestName   int64 // the key guestName is missing
	ZeroNights    int64
	NullMoney     int64 // totalPrice null, no finance fields
	Quoted        int64 // listingMapId, nights and totalPrice are strings
	RealBools     int64 // flags are true and false instead of 1 and 0

	LongThread  int64 // conversations: 40 and more messages by email, channel, sms, whatsapp
	HugeThread  int64 // more than 100 messages
	Injection   int64 // the last message tries to give orders to a language model
	RichText    int64 // the last message has HTML, emoji and right-to-left text
	Unanswered  int64 // the last message is the guest's, and unread or not nobody answered
	WithWaiting int64 // has a scheduled message
}

// Landmarks gives the ids of the rows with a part of their own.
func (a *Account) Landmarks() Landmarks {
	var out Landmarks
	a.locked(func(w *world) { out = w.landmarks })
	return out
}

func (w *world) findLandmarks() {
	m := &w.landmarks
	for _, l := range w.listingOrder {
		switch {
		case l.archived:
			note(&m.ArchivedListing, l.id)
		case len(l.units) > 0:
			note(&m.MultiUnitListing, l.id)
		case l.index%12 == bareListing:
			note(&m.BareListing, l.id)
		case l.index%12 == 0:
			note(&m.TurnoverListing, l.id)
		case l.index%12 == 6:
			note(&m.GapListing, l.id)
		}
		if len(l.calendar) > 0 {
			note(&m.BlockedListing, l.id)
		}
	}
	for _, r := range w.byID() {
		m.noteReservation(w, r)
	}
	for _, c := range w.conversations {
		m.noteConversation(w, c)
	}
}

// note keeps the first id.
func note(to *int64, id int64) {
	if *to == 0 {
		*to = id
	}
}

func (m *Landmarks) noteReservation(w *world, r *reservation) {
	for _, check := range []struct {
		to   *int64
		when bool
	}{
		{&m.DepartsToday, r.anchor && r.departure == w.today && r.status == "new"},
		{&m.ArrivesToday, r.anchor && r.arrival == w.today && r.status == "new"},
		{&m.InHouse, r.anchor && r.arrival < w.today && r.departure > w.today && r.status == "new"},
		{&m.OwnerStay, r.anchor && r.status == "ownerStay"},
		{&m.LongStay, r.anchor && r.nights() >= 28},
		{&m.Cancelled, r.status == "cancelled" && r.hasMoney() && r.amounts[cancellationPayout] == 0},
		{&m.CancelledKept, r.status == "cancelled" && r.amounts[cancellationPayout] != 0},
		{&m.Inquiry, r.status == "inquiry" && r.arrival > w.today},
		{&m.NoGuestName, r.messy.noGuestName},
		{&m.ZeroNights, r.nights() == 0},
		{&m.NullMoney, r.messy.nullMoney},
		{&m.Quoted, r.messy.quoted},
		{&m.RealBools, r.messy.realBools},
	} {
		if check.when {
			note(check.to, r.id)
		}
	}
}

func (m *Landmarks) noteConversation(w *world, c *conversation) {
	to := map[script]*int64{
		longScript: &m.LongThread, hugeScript: &m.HugeThread, trickScript: &m.Injection, markupScript: &m.RichText, waitingScript: &m.Unanswered,
	}[c.plan.script]
	if to != nil {
		note(to, c.id)
	}
	if m.WithWaiting == 0 && c.plan.status == "new" && c.plan.arrival > w.today+5 {
		m.WithWaiting = c.id
	}
}
