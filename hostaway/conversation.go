package hostaway

// conversation.go: the conversations with guests (Hostaway docs, Conversations, 2026-10).

import (
	"context"
	"time"
)

// Conversation is one thread with a guest. Its proxy e-mail addresses are left out on purpose.
type Conversation struct {
	ID                int64      `json:"id"`
	ListingID         *int64     `json:"listingMapId"`
	ReservationID     *int64     `json:"reservationId"`
	Type              string     `json:"type"` // e.g. host-guest-email
	RecipientName     string     `json:"recipientName"`
	HasUnreadMessages *bool      `json:"hasUnreadMessages"`
	MessageSentOn     *time.Time `json:"messageSentOn"`     // last message to the guest, UTC
	MessageReceivedOn *time.Time `json:"messageReceivedOn"` // last message from the guest, UTC
	IsArchived        *bool      `json:"isArchived"`
	// LatestMessages holds only the latest message of the thread; use Messages for all of them.
	LatestMessages []Message `json:"conversationMessages"`
	// Reservation is filled only with IncludeResources.
	Reservation *Reservation `json:"Reservation"`
}

// ConversationFilter narrows the list of conversations. The API has no filter by date, listing, channel or unread: to find
// unread threads, list reservations with HasUnreadMessages.
type ConversationFilter struct {
	ReservationID int64
	// IncludeResources also fills Reservation of each row.
	IncludeResources bool
}

// Conversations gets one page of conversations, each with its latest message only.
func (c *Client) Conversations(ctx context.Context, filter ConversationFilter, request PageRequest) (Page[Conversation], error) {
	what := get("list conversations", "/conversations")
	what.query.number("reservationId", filter.ReservationID)
	what.query.flag("includeResources", filter.IncludeResources)
	if filter.ReservationID < 0 {
		return Page[Conversation]{}, doing(what.op, badInput("ids can't be negative"))
	}
	return fetchPage(ctx, c, what, conversationPaging, request, conversationID)
}

// Conversation gets one conversation; NotFound when the account has none with this id.
func (c *Client) Conversation(ctx context.Context, id int64, include ...Include) (Conversation, error) {
	what := get("get conversation", "/conversations/"+itoa(id))
	what.query.include(include)
	if id <= 0 {
		return Conversation{}, doing(what.op, noSuchID())
	}
	return fetchOne[Conversation](ctx, c, what)
}

// ReservationConversations gets all conversations of a reservation; NotFound when the account has none with this id.
func (c *Client) ReservationConversations(ctx context.Context, reservationID int64) ([]Conversation, error) {
	what := get("list conversations of reservation", "/reservations/"+itoa(reservationID)+"/conversations")
	if reservationID <= 0 {
		return nil, doing(what.op, noSuchID())
	}
	return fetchAll[Conversation](ctx, c, what)
}
