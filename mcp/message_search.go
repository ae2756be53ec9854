// The search over messages. Hostaway can filter conversations by reservation only, so a window is searched conversation by
// conversation, a bounded number of pages a call, and the cursor remembers how far it came.

package mcp

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"hostaway-mcp/hostaway"
)

type searchMessagesIn struct {
	ReservationID int64         `json:"reservation_id,omitempty" jsonschema:"or a window"`
	From          hostaway.Date `json:"from,omitempty" jsonschema:"first day"`
	To            hostaway.Date `json:"to,omitempty" jsonschema:"day after the last"`
	GuestName     string        `json:"guest_name,omitempty" maxlen:"100" jsonschema:"part of name"`
	Text          string        `json:"text,omitempty" maxlen:"200" jsonschema:"words in it"`
	Cursor        string        `json:"cursor,omitempty" jsonschema:"last next_cursor"`
}

type searchMessagesOut struct {
	Messages []messageRow `json:"messages"`
	// Searched and Of count conversations; Of is absent where Hostaway gives no number.
	Searched   int    `json:"searched_conversations"`
	Of         *int   `json:"of,omitempty"`
	NextCursor string `json:"next_cursor,omitempty"`
}

const (
	longestMessageWindow = 31
	// messagePages is the most pages of Hostaway's that one search reads.
	messagePages = 30
	// mostMessages is the most messages in one answer.
	mostMessages = 50
	// foundTextLength is how much of a message a search shows.
	foundTextLength = 700
)

func searchMessages(ctx context.Context, c Caller, in searchMessagesIn) (searchMessagesOut, error) {
	in.Text, in.GuestName = strings.TrimSpace(in.Text), strings.TrimSpace(in.GuestName)
	if err := in.check(); err != nil {
		return searchMessagesOut{}, err
	}
	query := in
	query.Cursor = ""
	at, err := openCursor(searchMessagesTool, in.Cursor, query)
	if err != nil {
		return searchMessagesOut{}, err
	}
	s := messageSearch{c: c, in: in, place: parseMessagePlace(at), left: messagePages, room: answerBudget - frameReserve - weightOf(widestPaged()) - 200}
	if err := s.run(ctx); err != nil {
		return searchMessagesOut{}, err
	}
	slices.SortFunc(s.rows, func(a, b messageRow) int { return cmp.Or(strings.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID)) })
	out := searchMessagesOut{Messages: s.rows, Searched: s.place.conversation, Of: s.of}
	if !s.done {
		out.NextCursor = sealCursor(searchMessagesTool, s.place.String(), query)
	}
	if out.Messages == nil {
		out.Messages = []messageRow{}
	}
	return out, nil
}

func (in searchMessagesIn) check() error {
	if in.ReservationID != 0 && in.From.IsZero() && in.To.IsZero() {
		return nil
	}
	if in.From.IsZero() && in.To.IsZero() {
		return refuseArgument("A search needs reservation_id, or from and to.",
			"Give a window of at most 31 days, or find the reservation with "+searchBookingsTool+".")
	}
	most := longestMessageWindow
	if in.ReservationID != 0 {
		most = 10_000
	}
	return period(in.From, in.To, most)
}

// messagePlace is how far a search came: the conversations before number conversation are done, and of that one the messages up
// to and with the one of this time and id.
type messagePlace struct {
	conversation int
	seconds, id  int64
}

func (p messagePlace) String() string {
	return fmt.Sprintf("%d %d %d", p.conversation, p.seconds, p.id)
}

func parseMessagePlace(text string) messagePlace {
	var p messagePlace
	_, _ = fmt.Sscanf(text, "%d %d %d", &p.conversation, &p.seconds, &p.id) // sealed by us, or empty: the start
	return p
}

// passed tells whether a message stands at the place or before it.
func (p messagePlace) passed(m hostaway.Message) bool {
	return p.id != 0 && cmp.Or(cmp.Compare(m.At().Unix(), p.seconds), cmp.Compare(m.ID, p.id)) <= 0
}

type messageSearch struct {
	c     Caller
	in    searchMessagesIn
	place messagePlace
	left  int // pages that may still be read
	room  int // bytes that may still be answered
	rows  []messageRow
	of    *int
	done  bool
}

// run reads conversations until the answer is full, the pages are used up or nothing is left.
func (s *messageSearch) run(ctx context.Context) error {
	for s.left > 0 {
		page, err := s.conversations(ctx)
		if err != nil {
			return err
		}
		for _, conversation := range page.Items {
			enough, err := s.search(ctx, conversation)
			if err != nil || enough {
				return err
			}
			s.place = messagePlace{conversation: s.place.conversation + 1}
		}
		if page.Next.IsZero() || len(page.Items) == 0 {
			s.done = true
			return nil
		}
	}
	return nil
}

// conversations reads the conversations from the place on.
func (s *messageSearch) conversations(ctx context.Context) (hostaway.Page[hostaway.Conversation], error) {
	s.left--
	// A conversation may be without its guest's name; the reservation that comes with it on request then has it.
	filter := hostaway.ConversationFilter{ReservationID: s.in.ReservationID, IncludeResources: s.in.GuestName != ""}
	page, err := s.c.Hostaway.Conversations(ctx, filter, hostaway.PageRequest{Limit: upstreamPage, Cursor: hostaway.CursorAt(s.place.conversation)})
	if err != nil {
		return page, err
	}
	if s.of = page.Total; len(page.Items) == 0 && s.in.ReservationID != 0 {
		_, err = readReservation(ctx, s.c, s.in.ReservationID) // nothing was written, or there is no such reservation
	}
	total := 0
	if s.of != nil {
		total = *s.of
	}
	s.c.Progress(s.place.conversation, total, "searching conversations")
	return page, err
}

// search adds the matching messages of one conversation; enough is true when the search must stop before its end.
func (s *messageSearch) search(ctx context.Context, conversation hostaway.Conversation) (enough bool, err error) {
	if !s.mayMatch(conversation) {
		return false, nil
	}
	if s.left <= 0 {
		return true, nil
	}
	messages, pages, err := readMessages(ctx, s.c, conversation.ID, s.left)
	s.left -= pages
	if err != nil {
		return false, err
	}
	if messages == nil && pages >= messagePages-1 {
		return false, tooLong(conversation.ID)
	}
	if messages == nil {
		return true, nil // not all of it could be read with the pages left: the next call reads it from its beginning
	}
	came := s.place
	for _, m := range messages {
		if came.passed(m) || !s.matches(m) {
			continue
		}
		row := rowOfMessage(m, conversation, foundTextLength)
		row.GuestName = clip(conversation.RecipientName, 80)
		size := weightOf(row) + 2
		if len(s.rows) > 0 && (len(s.rows) == mostMessages || size > s.room) {
			return true, nil
		}
		s.rows, s.room = append(s.rows, row), s.room-size
		s.place.seconds, s.place.id = m.At().Unix(), m.ID
	}
	return false, nil
}

// mayMatch tells from the conversation alone whether it is worth reading.
func (s *messageSearch) mayMatch(conversation hostaway.Conversation) bool {
	if s.in.ReservationID != 0 && conversation.ReservationID != nil && *conversation.ReservationID != s.in.ReservationID {
		return false
	}
	name := conversation.RecipientName
	if conversation.Reservation != nil {
		name += "\n" + guestName(*conversation.Reservation)
	}
	if s.in.GuestName != "" && !containsFold(name, s.in.GuestName) {
		return false
	}
	last, known := time.Time{}, false
	for _, at := range []*time.Time{conversation.MessageSentOn, conversation.MessageReceivedOn} {
		if at != nil && at.After(last) {
			last, known = *at, true
		}
	}
	return s.in.From.IsZero() || !known || !last.Before(s.in.From.In(time.UTC))
}

func (s *messageSearch) matches(m hostaway.Message) bool {
	if s.in.Text != "" && !containsFold(m.Body, s.in.Text) {
		return false
	}
	if s.in.From.IsZero() {
		return true
	}
	day := hostaway.DateOf(m.At(), time.UTC)
	return !m.At().IsZero() && !day.Before(s.in.From) && day.Before(s.in.To)
}

func containsFold(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

// readMessages reads all messages of a conversation, in time order, and gives the number of pages it took. They are nil when
// mostPages did not suffice.
func readMessages(ctx context.Context, c Caller, conversationID int64, mostPages int) (messages []hostaway.Message, pages int, err error) {
	walk, err := c.Hostaway.AllMessages(ctx, conversationID, mostPages, func(fresh []hostaway.Message) error {
		messages = append(messages, fresh...)
		return nil
	})
	if err != nil || !walk.Complete {
		return nil, walk.Pages, err
	}
	if messages == nil {
		messages = []hostaway.Message{}
	}
	return sortedMessages(messages), walk.Pages, nil
}
