package dashboard

import (
	"testing"
	"time"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// TestChecklistIsTickedByWhatIsThere, in any order, and goes away when all is done.
func TestChecklistIsTickedByWhatIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	b := w.owner(t, fix)
	wantPage(t, b.get("/"), 200, "1 of 3 done", "Create an API key<span class=\"sr\"> (done)", "Hostaway is not connected")
	conn := storetest.Connect(t, fix.Org, 40160, accountSecret)
	wantPage(t, b.get("/"), 200, "2 of 3 done", "Account 40160", "not counted yet")
	count := 1
	if err := fix.Org.MarkConnectionChecked(t.Context(), conn.Version, &count, time.Time{}); err != nil {
		t.Fatal(err)
	}
	wantPage(t, b.get("/"), 200, "Account 40160, 1 active listing", "counted just now")
	if err := fix.Org.MarkConnectionRefused(t.Context(), conn.Version, "invalid_client"); err != nil {
		t.Fatal(err)
	}
	wantPage(t, b.get("/"), 200, "1 of 3 done", "Hostaway refuses the stored credentials", "Reconnect")
	storetest.Connect(t, fix.Org, 40160, accountSecret)
	record(t, fix.Org, []store.ToolCall{{KeyID: fix.Key.ID, KeyName: "Claude", Tool: "hostaway_whoami", Outcome: store.OutcomeOK, StartedAt: noon.AddDate(0, 0, -100), Duration: time.Millisecond}})
	p := b.get("/")
	wantPage(t, p, 200, "Recent activity", w.server.URL+"/mcp")
	wantNot(t, p, "Get started")
}

func TestActivityIsToldInWords(t *testing.T) {
	t.Parallel()
	member := store.Actor{Kind: store.ActorMember, Name: "Maya"}
	key := store.Actor{Kind: store.ActorKey, Name: "Claude"}
	for _, tc := range []struct {
		entry store.AuditEntry
		want  activity
	}{
		{store.AuditEntry{Actor: member, Action: "api_key.created", Detail: "Laptop"}, activity{Icon: "key-round", Who: "Maya", What: "created the key", Target: "Laptop"}},
		{store.AuditEntry{Actor: member, Action: "billing.card_added", Detail: "x"}, activity{Icon: "activity", Who: "Maya", What: "billing card added", Target: "x"}},
		{store.AuditEntry{Actor: store.Actor{Kind: store.ActorOperator, Name: "root"}, Action: "org.renamed", Detail: "New"}, activity{Icon: "users", Who: "The operator", What: "renamed the org to", Target: "New"}},
		{store.AuditEntry{Actor: store.Actor{Kind: store.ActorSystem}, Action: "org.created", Detail: "New"}, activity{Icon: "users", What: "Created the org", Target: "New"}},
		{store.AuditEntry{Actor: store.Actor{Kind: store.ActorSystem, Name: "Hostaway"}, Action: "connection.refused", Detail: "invalid_client"}, activity{Icon: "circle-alert", Who: "Hostaway", What: "refuses the stored credentials", Bad: true}},
		{store.AuditEntry{Actor: key, Action: "hostaway_whoami", Outcome: store.OutcomeOK}, activity{Icon: "terminal", Who: "Claude", What: "called", Target: "hostaway_whoami"}},
		{store.AuditEntry{Actor: key, Action: "hostaway_whoami", Outcome: store.OutcomeError, ClientName: "cursor"}, activity{Icon: "terminal", Who: "Claude (cursor)", What: "got an error from", Target: "hostaway_whoami", Bad: true}},
		{store.AuditEntry{Actor: key, Action: "hostaway_whoami", Outcome: store.OutcomeRefused}, activity{Icon: "terminal", Who: "Claude", What: "was refused", Target: "hostaway_whoami", Bad: true}},
	} {
		tc.want.Times = 1
		if got := activityOf(tc.entry); got != tc.want {
			t.Errorf("%s: got %+v, want %+v", tc.entry.Action, got, tc.want)
		}
	}
}

func TestRepeatedActivityIsOneLine(t *testing.T) {
	t.Parallel()
	call := store.AuditEntry{Actor: store.Actor{Kind: store.ActorKey, Name: "Claude"}, Action: "hostaway_whoami", Outcome: store.OutcomeOK}
	other := call
	other.Action = "hostaway_list_properties"
	list := activities([]store.AuditEntry{call, call, call, other, call, other}, 3)
	if len(list) != 3 || list[0].Times != 3 || list[1].Times != 1 || list[2].Times != 1 {
		t.Errorf("got %+v", list)
	}
}
