// Conversations and messages: lists show the latest message only, messages come in no helpful order.
package hostawaytest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

type conversation struct {
	id          int64
	reservation *reservation
	unread      bool
	archived    bool

	plan               planned
	loaded             bool
	messages           []*message // by time
	firstMessage       int64
	sentOn, receivedOn stamp
	lastAt             stamp
}

type message struct {
	id                       int64
	incoming, automatic      bool
	seen                     bool
	kind                     string // communicationType
	status                   string
	at                       stamp
	topic                    topic
	body                     string // set: said by a client or a test; empty: from the topic
	attachment, viaAnotherUI bool
}

var communicationTypes = []string{"email", "channel", "sms", "whatsapp"}

func listConversations(x *exchange) reply {
	w := x.world
	w.fill()
	rows := w.conversationsByActivity()
	if id, given := x.query.number("reservationId"); given {
		rows = slices.DeleteFunc(rows, func(c *conversation) bool { return c.reservation.id != id })
	}
	p := paging(x.query, 100, 100)
	p.count = len(rows)
	from, to := p.cut(len(rows))
	out := []json.RawMessage{}
	for _, c := range rows[from:to] {
		out = append(out, w.conversationRow(c, x.query.truth("includeResources")))
	}
	return listed(out, p)
}

func (w *world) conversationsByActivity() []*conversation {
	rows := slices.Clone(w.conversations)
	for _, c := range rows {
		w.load(c)
	}
	slices.SortFunc(rows, func(a, b *conversation) int { return cmp.Or(cmp.Compare(b.lastAt, a.lastAt), cmp.Compare(b.id, a.id)) })
	return rows
}

func listReservationConversations(x *exchange) reply {
	r := x.reservation("id")
	if r == nil {
		return noSuch("Reservation")
	}
	rows := []json.RawMessage{}
	if c := x.world.talkOf[r.id]; c != nil {
		rows = append(rows, x.world.conversationRow(c, x.query.truth("includeResources")))
	}
	return ok(rows)
}

func (x *exchange) conversation() *conversation {
	x.world.fill()
	c := x.world.threadOf[x.number("id")]
	if c != nil {
		x.world.load(c)
	}
	return c
}

func getConversation(x *exchange) reply {
	c := x.conversation()
	if c == nil {
		return noSuch("Conversation")
	}
	return ok(x.world.conversationRow(c, x.query.truth("includeResources")))
}

func (w *world) conversationRow(c *conversation, resources bool) json.RawMessage {
	w.load(c)
	r := c.reservation
	o := newObject().set("id", c.id).set("accountId", w.accountID).set("listingMapId", r.listingID).set("reservationId", r.id).
		set("type", "host-guest-email").set("recipientEmail", orNull(r.guest.email)).set("recipientName", orNull(strings.TrimSpace(r.guest.name()))).
		set("recipientPicture", nil).set("hostEmail", hostProxy(r)).set("guestEmail", orNull(r.guest.email))
	if c.id%4 == 0 {
		o.set("hasUnreadMessages", c.unread) // seen both as a boolean and as 0 or 1
	} else {
		o.set("hasUnreadMessages", flag(c.unread))
	}
	o.set("messageSentOn", c.sentOn).set("messageReceivedOn", c.receivedOn).set("isArchived", flag(c.archived)).set("isSnoozed", flag(false))
	latest := []json.RawMessage{}
	if m := c.latest(); m != nil {
		latest = append(latest, w.messageRow(c, m))
	}
	o.set("conversationMessages", latest)
	if resources {
		o.set("Reservation", w.reservationRow(r, include{}))
	}
	return o.done()
}

// latest gives the last message that was sent, by either side.
func (c *conversation) latest() *message {
	for _, m := range slices.Backward(c.messages) {
		if m.status == "sent" {
			return m
		}
	}
	return nil
}

func listMessages(x *exchange) reply {
	c := x.conversation()
	if c == nil {
		return noSuch("Conversation")
	}
	rows := slices.Clone(c.messages)
	if !x.query.truth("includeScheduledMessages") {
		rows = slices.DeleteFunc(rows, func(m *message) bool { return m.status != "sent" })
	}
	// The docs promise no order, so none is given that a client could come to rely on.
	slices.SortFunc(rows, func(a, b *message) int { return cmp.Compare(newDice(a.id).next(), newDice(b.id).next()) })
	p := paging(x.query, 100, 100)
	p.count = len(rows)
	from, to := p.cut(len(rows))
	out := []json.RawMessage{}
	for _, m := range rows[from:to] {
		out = append(out, x.world.messageRow(c, m))
	}
	return listed(out, p)
}

func getMessage(x *exchange) reply {
	c := x.conversation()
	if c == nil {
		return noSuch("Conversation")
	}
	at := slices.IndexFunc(c.messages, func(m *message) bool { return m.id == x.number("message") })
	if at < 0 {
		return noSuch("Message")
	}
	return ok(x.world.messageRow(c, c.messages[at]))
}

func createMessage(x *exchange) reply {
	c := x.conversation()
	if c == nil {
		return noSuch("Conversation")
	}
	f, valid := parseFields(x.body)
	kind := "email"
	if f.has("communicationType") {
		kind = f.text("communicationType")
	}
	switch {
	case c.reservation.listing.archived:
		return archived(c.reservation.listing)
	case !valid || strings.TrimSpace(f.text("body")) == "" || !f.has("body"):
		return refuse(http.StatusBadRequest, "body: can not be empty")
	case !slices.Contains(communicationTypes, kind):
		return refuse(http.StatusBadRequest, "communicationType: must be one of "+strings.Join(communicationTypes, ", "))
	}
	m := x.world.say(c, &message{kind: kind, status: "sent", at: x.world.now(), body: f.text("body"), seen: true})
	c.unread = false
	return ok(x.world.messageRow(c, m))
}

// say adds a message to the thread, gives it an id and moves the stamps.
func (w *world) say(c *conversation, m *message) *message {
	m.id = w.nextMessage
	w.nextMessage++
	c.add(m)
	slices.SortStableFunc(c.messages, func(a, b *message) int { return cmp.Compare(a.at, b.at) })
	if m.status == "sent" {
		c.reservation.activity = max(c.reservation.activity, m.at)
	}
	return m
}

func (c *conversation) add(m *message) {
	c.messages = append(c.messages, m)
	if m.status != "sent" {
		return
	}
	c.lastAt = max(c.lastAt, m.at)
	if m.incoming {
		c.receivedOn = max(c.receivedOn, m.at)
	} else {
		c.sentOn = max(c.sentOn, m.at)
	}
}

func (w *world) messageRow(c *conversation, m *message) json.RawMessage {
	r := c.reservation
	var sent stamp
	if m.status == "sent" {
		sent = m.at
	}
	var automation, thread any
	if m.automatic {
		automation = 3000 + int(m.topic)
	}
	if m.kind == "channel" && r.channel == channelAirbnb {
		thread = r.id * 3
	}
	o := newObject().set("id", m.id).set("accountId", w.accountID).set("listingMapId", r.listingID).set("reservationId", r.id).
		set("conversationId", c.id).set("communicationId", automation).set("airbnbThreadMessageId", thread).set("body", w.bodyOf(c, m)).
		set("communicationType", m.kind).set("status", m.status).set("isIncoming", flag(m.incoming)).set("isSeen", flag(m.seen)).
		set("sentUsingHostaway", flag(!m.incoming && !m.viaAnotherUI)).set("hash", fmt.Sprintf("%016x", newDice(m.id, w.seed).next())).
		set("listingTimeZoneName", orNull(r.listing.text("timeZoneName")))
	o.set("communicationEvent", nil).set("communicationTimeDelta", nil).set("communicationApplyListingTimeZone", nil).
		set("communicationAlwaysTrigger", nil).set("date", m.at).set("sentChannelDate", sent)
	attachments := []json.RawMessage{}
	if m.attachment {
		attachments = append(attachments, newObject().set("id", m.id+1).set("accountId", w.accountID).set("listingMapId", r.listingID).
			set("reservationId", r.id).set("taskId", nil).set("conversationMessageId", m.id).set("communicationId", nil).set("name", "photo.jpg").
			set("url", fmt.Sprintf("https://files.example.com/%d/photo.jpg", m.id)).set("extension", "jpg").set("mimeType", "image/jpeg").
			set("isImage", flag(true)).set("isPublic", flag(false)).done())
	}
	return o.set("attachments", attachments).set("insertedOn", m.at).set("updatedOn", m.at).done()
}

func (w *world) removeConversation(c *conversation) {
	delete(w.threadOf, c.id)
	delete(w.talkOf, c.reservation.id)
	w.conversations = slices.DeleteFunc(w.conversations, func(x *conversation) bool { return x == c })
}

// addConversation opens an empty thread for a reservation.
func (w *world) addConversation(r *reservation) *conversation {
	c := &conversation{id: w.nextConversation, reservation: r, loaded: true, lastAt: r.booked}
	w.nextConversation++
	w.conversations = append(w.conversations, c)
	w.threadOf[c.id], w.talkOf[r.id] = c, c
	return c
}
