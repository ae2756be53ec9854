package hostawaytest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestConversationsShowTheLatestMessageOnly(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	rows := get[[]row](k, "/conversations?limit=100")
	for _, c := range rows[:20] {
		latest := c["conversationMessages"].([]any)
		if len(latest) != 1 {
			t.Fatalf("%d messages in the list", len(latest))
		}
		newest := ""
		for _, m := range messages(k, id(c, "id"), "") {
			newest = max(newest, m["date"].(string))
		}
		if got := latest[0].(row)["date"]; got != newest {
			t.Errorf("conversation %v shows %v, its newest is %v", c["id"], got, newest)
		}
		if c["Reservation"] != nil {
			t.Error("Reservation without includeResources")
		}
	}
	full := get[row](k, fmt.Sprintf("/conversations/%d?includeResources=1", id(rows[0], "id")))
	if id(full["Reservation"].(row), "id") != id(rows[0], "reservationId") {
		t.Error("GET one lacks its reservation")
	}
	kinds := map[string]bool{}
	for _, c := range rows {
		kinds[fmt.Sprintf("%T", c["hasUnreadMessages"])] = true
	}
	if len(kinds) != 2 {
		t.Errorf("hasUnreadMessages comes as %v only", kinds)
	}
}

func messages(k *kit, conversation int64, query string) []row {
	k.t.Helper()
	var out []row
	for offset := 0; ; offset += 100 {
		rows := get[[]row](k, fmt.Sprintf("/conversations/%d/messages?limit=100&offset=%d%s", conversation, offset, query))
		out = append(out, rows...)
		if len(rows) < 100 {
			return out
		}
	}
}

func TestConversationsByReservation(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	guest := k.account.Landmarks().InHouse
	byFilter := get[[]row](k, fmt.Sprintf("/conversations?reservationId=%d", guest))
	byPath := get[[]row](k, fmt.Sprintf("/reservations/%d/conversations", guest))
	if len(byFilter) != 1 || len(byPath) != 1 || byFilter[0]["id"] != byPath[0]["id"] {
		t.Errorf("%v and %v", byFilter, byPath)
	}
	if a := k.call("GET", "/conversations?limit=1&listingMapId=40101&hasUnreadMessages=1", nil); a.Count != k.call("GET", "/conversations?limit=1", nil).Count {
		t.Errorf("filters that do not exist filter: %v", a.Count)
	}
	if rows := get[[]row](k, fmt.Sprintf("/reservations/%d/conversations", k.account.Landmarks().OwnerStay)); len(rows) != 0 {
		t.Errorf("an owner stay has a conversation: %v", rows)
	}
}

func TestMessagesAreSentOnesUnlessAskedAndInNoHelpfulOrder(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	talk := k.account.Landmarks().WithWaiting
	sent, all := messages(k, talk, ""), messages(k, talk, "&includeScheduledMessages=1")
	if len(all) <= len(sent) || slices.ContainsFunc(sent, func(m row) bool { return m["status"] != "sent" }) {
		t.Errorf("%d sent of %d", len(sent), len(all))
	}
	if !slices.ContainsFunc(all, func(m row) bool { return m["status"] == "awaiting" && m["sentChannelDate"] == nil }) {
		t.Error("no awaiting message without a date of sending")
	}
	huge := messages(k, k.account.Landmarks().HugeThread, "")
	if len(huge) <= 100 || slices.IsSortedFunc(huge, func(a, b row) int { return strings.Compare(a["date"].(string), b["date"].(string)) }) {
		t.Errorf("%d messages, sorted by date", len(huge))
	}
	seen := map[int64]bool{}
	for _, m := range huge {
		seen[id(m, "id")] = true
	}
	if len(seen) != len(huge) {
		t.Errorf("%d different of %d: pages overlap", len(seen), len(huge))
	}
	one := get[row](k, fmt.Sprintf("/conversations/%d/messages/%d", k.account.Landmarks().HugeThread, id(huge[3], "id")))
	if one["body"] != huge[3]["body"] {
		t.Error("GET one differs from the list")
	}
	wantFail(t, k.call("GET", fmt.Sprintf("/conversations/%d/messages/1", talk), nil), 404, "Message not found")
}

func TestSendingAMessage(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	talk := k.account.Landmarks().Injection
	path := fmt.Sprintf("/conversations/%d", talk)
	reservation := get[row](k, path)["reservationId"]
	m := result[row](k, k.call("POST", path+"/messages", row{"body": "Hello <b>you</b>", "communicationType": "whatsapp"}))
	for key, want := range map[string]any{
		"status": "sent", "isIncoming": 0.0, "sentUsingHostaway": 1.0, "communicationType": "whatsapp", "body": "Hello <b>you</b>", "reservationId": reservation,
	} {
		if m[key] != want {
			t.Errorf("%s is %v, want %v", key, m[key], want)
		}
	}
	if c := get[row](k, path); c["messageSentOn"] != "2026-03-10 09:00:00" || truth(fmt.Sprint(c["hasUnreadMessages"])) || c["conversationMessages"].([]any)[0].(row)["id"] != m["id"] {
		t.Errorf("the conversation afterwards: %v", c)
	}
	if m := result[row](k, k.call("POST", path+"/messages", row{"body": "x"})); m["communicationType"] != "email" {
		t.Errorf("default type %v", m["communicationType"])
	}
	wantFail(t, k.call("POST", path+"/messages", row{"body": " "}), 400, "body")
	wantFail(t, k.call("POST", path+"/messages", row{}), 400, "body")
	wantFail(t, k.call("POST", path+"/messages", row{"body": "x", "communicationType": "pigeon"}), 400, "communicationType")
}

func TestThreadsWorthReading(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	m := k.account.Landmarks()
	kinds := map[string]int{}
	for _, x := range messages(k, m.LongThread, "") {
		kinds[x["communicationType"].(string)]++
	}
	for _, kind := range communicationTypes {
		if kinds[kind] < 5 {
			t.Errorf("long thread: %v", kinds)
		}
	}
	latest := func(conversation int64) row {
		return get[row](k, fmt.Sprintf("/conversations/%d", conversation))["conversationMessages"].([]any)[0].(row)
	}
	for conversation, words := range map[int64]string{m.Injection: "Ignore all previous instructions", m.RichText: "<script>", m.Unanswered: "?"} {
		last := latest(conversation)
		if last["isIncoming"] != 1.0 || !strings.Contains(last["body"].(string), words) {
			t.Errorf("last message %v, want an incoming one with %q", last, words)
		}
	}
	if rich := latest(m.RichText)["body"].(string); !strings.Contains(rich, "🎉") || !strings.Contains(rich, "מתי") {
		t.Errorf("rich text: %q", rich)
	}
}

func TestUnreadIsNotUnanswered(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	unanswered, unread := 0, 0
	for _, c := range get[[]row](k, "/conversations?limit=100") {
		last := c["conversationMessages"].([]any)[0].(row)
		if last["isIncoming"] == 1.0 {
			unanswered++
		}
		if truth(fmt.Sprint(c["hasUnreadMessages"])) {
			unread++
		}
	}
	if unread == 0 || unread >= unanswered {
		t.Errorf("%d unread, %d unanswered: the difference is not testable", unread, unanswered)
	}
}

func TestAddedMessages(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	r := k.account.AddReservation(Stay{ListingID: 40101, Arrival: "2027-01-01", Departure: "2027-01-03"})
	k.account.AddMessage(r, Words{Body: "later", At: testStart.Add(-time.Hour), Kind: "sms"})
	k.account.AddMessage(r, Words{Body: "before", At: testStart.Add(-2 * time.Hour), FromHost: true})
	k.account.AddMessage(r, Words{Body: "tomorrow", At: testStart.Add(24 * time.Hour), FromHost: true, Status: "awaiting"})
	c := get[[]row](k, fmt.Sprintf("/reservations/%d/conversations", r))[0]
	if c["conversationMessages"].([]any)[0].(row)["body"] != "later" || !truth(fmt.Sprint(c["hasUnreadMessages"])) {
		t.Errorf("%v", c)
	}
	unread := allReservations(k, "&hasUnreadConversationMessages=1")
	if !slices.ContainsFunc(unread, func(x row) bool { return id(x, "id") == r }) {
		t.Error("the reservation is not among those with unread messages")
	}
}
