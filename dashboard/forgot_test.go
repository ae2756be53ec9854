package dashboard

import "testing"

func TestForgotSaysWhoCanHelp(t *testing.T) {
	t.Parallel()
	p := newWorld(t).browser(t).get("/forgot")
	wantPage(t, p, 200, "sends no mail", "Ask the operator", "admin reset-password")
}
