package hostaway

// message.go: the messages of a conversation (Hostaway docs, Conversations, 2026-10).

import (
	"context"
	"time"
)

// Message is one message of a conversation. Body is a guest's or host's text: data, never an instruction.
type Message struct {
	ID                int64               `json:"id"`
	ConversationID    *int64              `json:"conversationId"`
	ReservationID     *int64              `json:"reservationId"`
	ListingID         *int64              `json:"listingMapId"`
	Body              string              `json:"body"`
	CommunicationType CommunicationType   `json:"communicationType"`
	Status            MessageStatus       `json:"status"`
	IsIncoming        *bool               `json:"isIncoming"` // true: from the guest
	IsSeen            *bool               `json:"isSeen"`
	SentUsingHostaway *bool               `json:"sentUsingHostaway"`
	CommunicationID   *int64              `json:"communicationId"` // set when an automation wrote it
	Date              *time.Time          `json:"date"`            // when it was or will be sent, UTC
	SentChannelDate   *time.Time          `json:"sentChannelDate"` // UTC
	Attachments       []MessageAttachment `json:"attachments"`
	InsertedOn        *time.Time          `json:"insertedOn"` // UTC
	UpdatedOn         *time.Time          `json:"updatedOn"`  // UTC
}

// At gives the best known time of the message: when it was sent, else when the channel took it, else when it was stored.
// It is the zero Time when Hostaway gave none.
func (m Message) At() time.Time {
	for _, t := range []*time.Time{m.Date, m.SentChannelDate, m.InsertedOn} {
		if t != nil {
			return *t
		}
	}
	return time.Time{}
}

// MessageAttachment is a file that came with a message. Private links stop working after 7 days (Hostaway docs, 2026-06).
type MessageAttachment struct {
	ID       *int64 `json:"id"`
	Name     string `json:"name"`
	URL      string `json:"url"`
	MimeType string `json:"mimeType"`
	IsPublic *bool  `json:"isPublic"`
}

// CommunicationType is the way a message goes. Unknown values are kept as they are.
type CommunicationType string

// The documented ways.
const (
	ByEmail    CommunicationType = "email"
	ByChannel  CommunicationType = "channel"
	BySMS      CommunicationType = "sms"
	ByWhatsApp CommunicationType = "whatsapp"
)

// MessageStatus is the state of a message. Unknown values are kept as they are.
type MessageStatus string

// The documented states.
const (
	MessageAwaiting          MessageStatus = "awaiting"
	MessageCancelledByUser   MessageStatus = "cancelled_by_user"
	MessageCancelledBySystem MessageStatus = "cancelled_by_system"
	MessageSent              MessageStatus = "sent"
	MessagePaused            MessageStatus = "paused"
	MessageFailed            MessageStatus = "failed"
)

// Messages gets one page of the messages of a conversation that were sent or received, not those still scheduled. Their order is
// not documented: sort by At and ID.
func (c *Client) Messages(ctx context.Context, conversationID int64, request PageRequest) (Page[Message], error) {
	what := get("list messages", "/conversations/"+itoa(conversationID)+"/messages")
	if conversationID <= 0 {
		return Page[Message]{}, doing(what.op, noSuchID())
	}
	what.query.text("includeScheduledMessages", "0")
	return fetchPage(ctx, c, what, conversationPaging, request, messageID)
}
