package store

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestBillingMailComesBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	ends := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	want := BillingMail{Amount: 42000, UnitAmount: 500, Currency: "usd", Listings: 84, Reason: "payment_failed", EndsAt: &ends}
	mail, err := NewBillingMail(MailTrialEnding, ToOwners, "trial:1", want)
	if err != nil {
		t.Fatal(err)
	}
	var got BillingMail
	if err := json.Unmarshal(mail.Payload, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" || mail.Kind != "trial_ending" || mail.To != "owners" || mail.DedupeKey != "trial:1" {
		t.Errorf("mail %+v (-want +got):\n%s", mail, diff)
	}
}
