// Access: whether an org may call tools, which billing decides. An org without access is told what happened, what to do about it
// and where; its keys and settings stay, and the next call after it has paid works.

package mcp

import (
	"time"

	"hostaway-mcp/store"
)

// noAccess is the answer to a tool call of an org that may call none; nil when it may.
func (s *Server) noAccess(org *store.Org) *refusal {
	state := org.Access()
	if state.Allowed() {
		return nil
	}
	billing := s.dashboard(billingPath)
	const stays = " The API key stays, and tools answer again at once."
	subscribe := "Ask an owner or admin of the organization to subscribe at " + billing + "." + stays
	pay := "Ask an owner or admin of the organization to pay or to change the card at " + billing + "." + stays
	again := "Ask an owner or admin of the organization to subscribe again at " + billing + "." + stays
	look := "Ask an owner or admin of the organization to look at " + billing + "."
	ended := "The subscription of this organization ended" + onDay(state.CancelAt)
	said, known := map[store.AccessReason]refusal{
		store.ReasonNotConnected: {
			what: "Hostaway is not connected yet, and the free trial begins with the connection.",
			next: "Ask the person to connect their Hostaway account " + s.cfg.howToConnect() + "; if it is connected, to look at " + billing + ".",
		},
		store.ReasonTrialEnded:      {what: "The free trial of this organization ended" + onDay(state.TrialEndsAt) + ", so its tools are switched off.", next: subscribe},
		store.ReasonTrialUsed:       {what: "This organization has no subscription, and its Hostaway account had its free trial before.", next: subscribe},
		store.ReasonPaymentFailed:   {what: "A payment for this organization failed, so its tools are switched off.", next: pay},
		store.ReasonPaymentPending:  {what: "The first payment for this organization is not confirmed yet.", next: look + " Then call again."},
		store.ReasonUnpaid:          {what: "Invoices of this organization stayed unpaid, so its tools are switched off.", next: pay},
		store.ReasonPaused:          {what: "The subscription of this organization is paused, so its tools are switched off.", next: look},
		store.ReasonCanceled:        {what: ended + ", so its tools are switched off.", next: again},
		store.ReasonRefunded:        {what: "A payment of this organization was refunded, so its tools are switched off.", next: look},
		store.ReasonDisputed:        {what: "A payment of this organization is disputed, so its tools are switched off.", next: look},
		store.ReasonCustomerDeleted: {what: "This organization has no billing account any more, so its tools are switched off.", next: again},
	}[state.Reason]
	if state.Access == store.AccessCanceled && state.Reason == store.ReasonPaymentFailed { // nothing is left that could be paid
		said = refusal{what: ended + " because its payments failed, so its tools are switched off.", next: again}
	}
	if !known {
		said = refusal{what: "The tools of this organization are switched off until its billing is in order.", next: look}
	}
	said.code = codeNoAccess
	if state.Reason == store.ReasonNotConnected {
		said.code = codeNotConnected
	}
	return &said
}

// onDay says when, if it is known.
func onDay(at *time.Time) string {
	if at == nil {
		return ""
	}
	return " on " + at.UTC().Format(time.DateOnly)
}
