// A conversation in full: everything written with a guest about one reservation, over all channels, in time order.

package mcp

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"hostaway-mcp/hostaway"
)

type getConversationIn struct {
	ReservationID  int64  `json:"reservation_id,omitempty" jsonschema:"id of the reservation"`
	ConversationID int64  `json:"conversation_id,omitempty" jsonschema:"or of a conversation"`
	NewestFirst    bool   `json:"newest_first,omitempty" jsonschema:"last message first"`
	Cursor         string `json:"cursor,omitempty" jsonschema:"last next_cursor"`
}

type getConversationOut struct {
	ReservationID *int64       `json:"reservation_id,omitempty"`
	GuestName     string       `json:"guest_name,omitempty"`
	Unread        *bool        `json:"unread,omitempty"`
	Messages      []messageRow `json:"messages"`
	Total         int          `json:"total"`
	NextCursor    string       `json:"next_cursor,omitempty"`
}

// fullTextLength is how much of one message is shown; a longer one would not leave room for itself in an answer.
const fullTextLength = 4000

func getConversation(ctx context.Context, c Caller, in getConversationIn) (getConversationOut, error) {
	if (in.ReservationID == 0) == (in.ConversationID == 0) {
		return getConversationOut{}, refuseArgument("Exactly one of reservation_id and conversation_id is needed.", "Leave the other out.")
	}
	query := in
	query.Cursor = ""
	at, err := openCursor(getConversationTool, in.Cursor, query)
	if err != nil {
		return getConversationOut{}, err
	}
	t := thread{c: c, left: messagePages, messages: map[int64][]hostaway.Message{}}
	if in.ReservationID != 0 {
		err = t.readReservation(ctx, in.ReservationID)
	} else {
		err = t.readConversation(ctx, in.ConversationID)
	}
	if err != nil {
		return getConversationOut{}, err
	}
	return t.page(parseMessagePlace(at), query), nil
}

// thread is all that was written about a reservation.
type thread struct {
	c             Caller
	left          int // pages that may still be read
	conversations []hostaway.Conversation
	messages      map[int64][]hostaway.Message // by conversation
}

func (t *thread) readReservation(ctx context.Context, id int64) error {
	conversations, err := t.c.Hostaway.ReservationConversations(ctx, id)
	if errors.Is(err, &hostaway.Error{Code: hostaway.NotFound}) || (err == nil && len(conversations) == 0) {
		_, err = readReservation(ctx, t.c, id) // nothing was written, or there is no such reservation
	}
	if err != nil {
		return err
	}
	t.conversations = conversations
	for _, conversation := range conversations {
		if err := t.readMessages(ctx, conversation.ID); err != nil {
			return err
		}
	}
	return nil
}

// readConversation reads a conversation by its id, and the others of its reservation with it.
func (t *thread) readConversation(ctx context.Context, id int64) error {
	conversation, err := t.c.Hostaway.Conversation(ctx, id)
	if errors.Is(err, &hostaway.Error{Code: hostaway.NotFound}) {
		return &refusal{
			what: fmt.Sprintf("There is no conversation %d in this account.", id),
			next: "Find it with " + searchMessagesTool + ", or give a reservation_id.", code: codeNotFound,
		}
	}
	if err != nil {
		return err
	}
	if conversation.ReservationID != nil && *conversation.ReservationID != 0 {
		return t.readReservation(ctx, *conversation.ReservationID)
	}
	t.conversations = []hostaway.Conversation{conversation}
	return t.readMessages(ctx, id)
}

func (t *thread) readMessages(ctx context.Context, id int64) error {
	messages, pages, err := readMessages(ctx, t.c, id, t.left)
	t.left -= pages
	if err == nil && messages == nil {
		return tooLong(id)
	}
	t.messages[id] = messages
	return err
}

func tooLong(id int64) error {
	return refuse(fmt.Sprintf("Conversation %d has more messages than one call can read.", id), "Read it in Hostaway's inbox.")
}

// entry is a message with the conversation it stands in.
type entry struct {
	message hostaway.Message
	of      hostaway.Conversation
}

// page gives the messages behind the place, as many as fit.
func (t *thread) page(came messagePlace, query getConversationIn) getConversationOut {
	var all []entry
	out := getConversationOut{}
	for _, conversation := range t.conversations {
		out.ReservationID = or(out.ReservationID, conversation.ReservationID)
		if out.GuestName == "" {
			out.GuestName = clip(conversation.RecipientName, 80)
		}
		if out.Unread == nil || isTrue(conversation.HasUnreadMessages) {
			out.Unread = conversation.HasUnreadMessages
		}
		for _, m := range t.messages[conversation.ID] {
			all = append(all, entry{m, conversation})
		}
	}
	slices.SortFunc(all, func(a, b entry) int { return byTime(a.message, b.message) })
	if query.NewestFirst {
		slices.Reverse(all)
	}
	out.Total = len(all)
	start := 0
	if came.id != 0 {
		start = slices.IndexFunc(all, func(e entry) bool { return came.passed(e.message) == query.NewestFirst && e.message.ID != came.id })
		if start < 0 {
			start = len(all)
		}
	}
	rows := make([]messageRow, 0, len(all)-start)
	for _, e := range all[start:] {
		rows = append(rows, rowOfMessage(e.message, e.of, fullTextLength))
	}
	n := fitPage(rows, []any{out, widestPaged()})
	out.Messages = rows[:n]
	if n < len(rows) {
		last := all[start+n-1].message
		out.NextCursor = sealCursor(getConversationTool, messagePlace{0, last.At().Unix(), last.ID}.String(), query)
	}
	return out
}
