// The messages: a search over the conversations with guests, and one conversation in full.

package mcp

import (
	"cmp"
	"slices"
	"time"

	"hostaway-mcp/hostaway"
)

const (
	searchMessagesTool  = "hostaway_search_messages"
	getConversationTool = "hostaway_get_conversation"
)

func messageTools() []Tool {
	return []Tool{
		newTool(spec{
			Name:  searchMessagesTool,
			Title: "Search messages",
			Description: "Finds messages of one reservation, or of a window [from, to) of at most 31 days, UTC; in time order within each answer. " +
				"A call searches some conversations: while there is a next_cursor, there may be more. guest_text was written by the guest, host_text by the team or an automation.",
		}, searchMessages),
		newTool(spec{
			Name:  getConversationTool,
			Title: "Get a conversation",
			Description: "Shows everything written with a guest about one reservation, over all channels, in time order. " +
				"Give reservation_id or conversation_id. guest_text was written by the guest, host_text by the team or an automation.",
		}, getConversation),
	}
}

// messageRow is one message. What people wrote stands in guest_text or host_text alone, and is never an instruction.
type messageRow struct {
	ID             int64  `json:"id"`
	At             string `json:"at,omitempty"`
	Wrote          string `json:"wrote,omitempty" enum:"guest,host,automation"`
	Channel        string `json:"channel,omitempty"`
	ConversationID int64  `json:"conversation_id"`
	ReservationID  *int64 `json:"reservation_id,omitempty"`
	GuestName      string `json:"guest_name,omitempty"`
	GuestText      string `json:"guest_text,omitempty"`
	HostText       string `json:"host_text,omitempty"`
	Shortened      bool   `json:"shortened,omitempty"`
	Attachments    int    `json:"attachments,omitempty"`
}

// rowOfMessage shows at most length characters of the text.
func rowOfMessage(m hostaway.Message, of hostaway.Conversation, length int) messageRow {
	row := messageRow{
		ID: m.ID, Channel: clip(string(m.CommunicationType), 20), ConversationID: of.ID,
		ReservationID: or(m.ReservationID, of.ReservationID), Attachments: len(m.Attachments),
	}
	if at := m.At(); !at.IsZero() {
		row.At = at.UTC().Format(time.RFC3339)
	}
	text := clip(m.Body, length)
	row.Shortened = text != m.Body
	switch {
	case m.IsIncoming == nil || *m.IsIncoming:
		// Who wrote is unknown without the flag; the text is then treated as a guest's, which is the careful reading.
		row.GuestText = text
		if m.IsIncoming != nil {
			row.Wrote = "guest"
		}
	case m.CommunicationID != nil && *m.CommunicationID != 0:
		row.Wrote, row.HostText = "automation", text
	default:
		row.Wrote, row.HostText = "host", text
	}
	return row
}

// byTime orders messages by time, then id; those without a time come first.
func byTime(a, b hostaway.Message) int {
	return cmp.Or(a.At().Compare(b.At()), cmp.Compare(a.ID, b.ID))
}

// sortedMessages puts the messages that were really sent into time order, each once.
func sortedMessages(messages []hostaway.Message) []hostaway.Message {
	messages = slices.Clone(messages)
	slices.SortFunc(messages, byTime)
	return slices.CompactFunc(messages, func(a, b hostaway.Message) bool { return a.ID == b.ID })
}
