// Whoever sends mails hears of new ones at once.

package store_test

import (
	"testing"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

func TestMailQueuedTellsOfNewMails(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t, func(c *store.Config) { c.Mail = true })
	f := storetest.Org(t, st, "Acme")
	told := func() bool {
		select {
		case <-st.MailQueued():
			return true
		default:
			return false
		}
	}
	if told() {
		t.Error("told of a mail before there was one")
	}
	note := store.NewMail{Kind: store.MailRestored, To: store.ToOwners, DedupeKey: "1"}
	if err := f.Org.EnqueueMails(t.Context(), note); err != nil || !told() {
		t.Errorf("not told of an org's mail: %v", err)
	}
	if err := f.Org.EnqueueMails(t.Context(), note); err != nil || told() {
		t.Errorf("told of a mail that was there already: %v", err)
	}
	for range 2 {
		if err := st.EnqueueUserMail(t.Context(), store.NewUserMail{UserID: f.Member.UserID, Kind: store.MailAddressKnown, DedupeKey: "1"}); err != nil {
			t.Fatal(err)
		}
	}
	if !told() {
		t.Error("not told of a person's mail")
	}
	if told() {
		t.Error("told twice of what was queued before the first time")
	}
}
