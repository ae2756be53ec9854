// Billing in an org's export: every count with its listings, and no text of a mail.

package store

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestExportOfBilling(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	st := openAt(t, &now)
	a, b := newParty(t, st, "Acme", 710001), newParty(t, st, victim, 820002)
	bill(t, st, a.org, "Acme")
	bill(t, st, b.org, victim)
	o := &Org{store: st, id: a.org}
	if _, err := o.RecordCount(t.Context(), Actor{}, ListingCount{CountedAt: now, Source: CountManual, Problem: "page 2 was refused"}, QuantityChange{}); err != nil {
		t.Fatal(err)
	}
	if err := o.EnqueueMails(t.Context(), NewMail{Kind: "suspended", To: ToOwners, DedupeKey: "b", Payload: []byte(`a link that lets people in`)}); err != nil {
		t.Fatal(err)
	}
	_, texts := exportOf(t, o)
	want := map[string]string{ // of the first row
		"billing.json":         `"customer_id": "cus_Acme"`,
		"listing_counts.json":  `"ids": [7,11]`,
		"billable.json":        `"effective_at": "2026-08-01T12:00:00Z", "recorded_at": "2026-08-01T12:00:00Z", "quantity": 2, "reason": "trial"`,
		"billed_quantity.json": `"quantity": 2`,
		"mails.json":           `"kind": "trial_started"`,
	}
	for name, mark := range want {
		if !strings.Contains(texts[name], mark) {
			t.Errorf("%s lacks %s:\n%s", name, mark, texts[name])
		}
	}
	var counts []struct {
		Complete int     `json:"complete"`
		IDsHash  string  `json:"ids_hash"`
		IDs      []int64 `json:"ids"`
	}
	if err := json.Unmarshal([]byte(texts["listing_counts.json"]), &counts); err != nil || len(counts) != 2 {
		t.Fatalf("%d counts, %v", len(counts), err)
	}
	if len(counts[0].IDsHash) != 64 || !slices.Equal(counts[0].IDs, []int64{7, 11}) || counts[1].Complete != 0 || counts[1].IDs != nil {
		t.Errorf("%+v", counts)
	}
	for name, text := range texts {
		for _, bad := range []string{victim, "lets people in", "payload"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s holds %q", name, bad)
			}
		}
	}
}
