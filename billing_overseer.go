// How billing does, for the operator's pages, and the two decisions that are an
// operator's.
package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hostaway-mcp/billing"
	"hostaway-mcp/dashboard"
	"hostaway-mcp/store"
)

const (
	listedMost   = 200                 // orgs in a list on a page
	repairsShown = 24 * time.Hour      // after a run put something right
	compareApart = time.Minute         // between two comparisons that operators ask for
	refusedAfter = 14 * 24 * time.Hour // until an operator is asked about an org that can't be counted
)

// billingOverseer implements dashboard.BillingOperator.
type billingOverseer struct {
	plans
	store *store.Store
	jobs  func() []jobStatus
	// stripe is what is wrong with Stripe itself, as the health's list has it.
	stripe func() []check
	// ask has a job run now.
	ask func(name string, apart time.Duration) (asking, error)
}

// Status is billing in figures, from the store and from memory.
func (o billingOverseer) Status(ctx context.Context) (dashboard.BillingStatus, error) {
	f, err := o.store.BillingFigures(ctx)
	if err != nil {
		return dashboard.BillingStatus{}, err
	}
	s := dashboard.BillingStatus{PendingEvents: f.PendingEvents, Mismatched: o.room.Mismatched()}
	if f.OldestEvent != nil {
		s.OldestEvent = max(0, o.now().Sub(*f.OldestEvent))
	}
	signatures, err := o.room.Signatures(ctx)
	if err != nil {
		return s, err
	}
	last := o.room.LastEventAt() // since the start; before that the store knows, also where the secret was changed since
	for _, kept := range []*time.Time{f.NewestEvent, moment(signatures.VerifiedAt)} {
		if kept != nil && last.Before(*kept) {
			last = *kept
		}
	}
	s.LastEventAt, s.RefusedPosts, s.RefusedAt = moment(last), signatures.Refused, moment(signatures.RefusedAt)
	s.VerifiedAt = moment(signatures.VerifiedAt)
	if doubt := signatureDoubt("webhook", signatures); doubt != nil {
		s.Unbelieved = &dashboard.Unbelieved{All: signatures.Doubt == billing.AllRefused, Text: doubt.Text, Do: doubt.Do}
	}
	for _, c := range o.stripe() {
		s.Stripe = append(s.Stripe, dashboard.HealthCheck{Name: c.Name, State: dashboard.HealthState(c.State), Text: c.Text, Do: c.Do})
	}
	for _, j := range o.jobs() {
		if j.Name == reconcileJob {
			s.Comparing = j.Running
			if j.LastError != "" {
				s.CompareFailedAt = moment(j.LastFailure)
			}
		}
		switch {
		case j.LastSuccess.IsZero():
		case j.Name == sweepJob:
			s.LastSweepAt = &j.LastSuccess
		case j.Name == reconcileJob:
			s.ReconciledAt = &j.LastSuccess
		}
	}
	if full := s.ReconciledAt; full != nil && (s.LastSweepAt == nil || full.After(*s.LastSweepAt)) { // it is a sweep and more
		s.LastSweepAt = full
	}
	names, err := o.addStates(ctx, &s)
	if err != nil {
		return s, err
	}
	return s, errors.Join(o.addFindings(ctx, &s, names), o.addHeld(ctx, &s), o.addRefused(ctx, &s))
}

// moment is a time that may not have been yet.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// addStates counts the orgs by state, and returns their names.
func (o billingOverseer) addStates(ctx context.Context, s *dashboard.BillingStatus) (map[string]string, error) {
	names, orgs := map[string]string{}, map[dashboard.BillingState]int{}
	for org, err := range o.store.EachOrg(ctx) {
		if err != nil {
			return nil, err
		}
		names[org.ID()] = org.Name()
		state, err := o.stateOf(ctx, org)
		if err != nil {
			return nil, err
		}
		orgs[state]++
	}
	for _, state := range planStates() {
		if orgs[state] > 0 {
			s.States = append(s.States, dashboard.StateCount{State: state, Orgs: orgs[state]})
		}
	}
	return names, nil
}

// stateOf is an org's state as the operator counts it: a trial with a card is one that
// pays. Only a debt behind our trial needs the status, since it may have ended.
func (o billingOverseer) stateOf(ctx context.Context, org *store.Org) (dashboard.BillingState, error) {
	access, status := org.Access(), ""
	if access.Access == store.AccessTrial && isDebt(access.Reason, "") {
		account, err := org.Billing(ctx)
		if err != nil {
			return "", err
		}
		status = account.Status
	}
	return planState(access, status), nil
}

func planStates() []dashboard.BillingState {
	return []dashboard.BillingState{
		dashboard.BillingActive, dashboard.BillingTrial, dashboard.BillingGrace, dashboard.BillingSuspended, dashboard.BillingPaused, dashboard.BillingUnconfirmed,
		dashboard.BillingTrialOver, dashboard.BillingNoTrial, dashboard.BillingCanceled, dashboard.BillingNotConnected, dashboard.BillingExempt,
	}
}

func (o billingOverseer) addFindings(ctx context.Context, s *dashboard.BillingStatus, names map[string]string) error {
	found, err := o.store.BillingFindings(ctx, o.now().Add(-repairsShown))
	if err != nil {
		return err
	}
	for _, f := range found {
		if f.ResolvedAt != nil && f.Repairs == 0 {
			continue
		}
		if f.ResolvedAt == nil && f.Subject == billing.ReconcilerSubject {
			s.Halted = f.Detail + ". " + billing.Remedy(f.Invariant, f.Detail)
			continue
		}
		one := dashboard.BillingFinding{Invariant: f.Invariant, Text: f.Detail, Do: billing.Remedy(f.Invariant, f.Detail), Since: f.FirstSeen}
		if f.OrgID != "" {
			one.Org = &dashboard.OrgName{ID: f.OrgID, Name: names[f.OrgID]}
		}
		if f.ResolvedAt != nil {
			one.Do, one.Since = "", f.LastSeen
			s.Repaired = append(s.Repaired, one)
			continue
		}
		s.Findings = append(s.Findings, one)
	}
	return nil
}

func (o billingOverseer) addHeld(ctx context.Context, s *dashboard.BillingStatus) error {
	orgs, err := o.store.HeldQuantities(ctx, listedMost)
	if err != nil {
		return err
	}
	for _, org := range orgs {
		desired, err := org.Desired(ctx)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if held := heldCount(desired); held != nil { // it may have been released just now
			s.Held = append(s.Held, dashboard.OrgHeld{Org: dashboard.OrgName{ID: org.ID(), Name: org.Name()}, HeldCount: *held})
		}
	}
	return nil
}

func (o billingOverseer) addRefused(ctx context.Context, s *dashboard.BillingStatus) error {
	orgs, err := o.store.RefusedConnections(ctx, o.now().Add(-refusedAfter), listedMost)
	if err != nil {
		return err
	}
	for _, org := range orgs {
		plan, err := o.Overview(ctx, org)
		if err != nil {
			return err
		}
		waits, err := o.waits(ctx, org)
		if err != nil {
			return err
		}
		desired, err := org.Desired(ctx)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		decided := waits || desired.Version > 0 && desired.Quantity == 0
		if plan.CredentialsRefusedAt == nil || decided {
			continue
		}
		s.Refused = append(s.Refused, dashboard.OrgRefused{
			Org: dashboard.OrgName{ID: org.ID(), Name: org.Name()}, Since: *plan.CredentialsRefusedAt, Billed: plan.Billed,
		})
	}
	return nil
}

// org finds an org by its id. Error: store.ErrNotFound.
func (o billingOverseer) org(ctx context.Context, id string) (*store.Org, error) {
	for org, err := range o.store.EachOrg(ctx) {
		if err != nil || org.ID() == id {
			return org, err
		}
	}
	return nil, fmt.Errorf("find the org: %w", store.ErrNotFound)
}

// Org is how one org stands.
func (o billingOverseer) Org(ctx context.Context, orgID string) (dashboard.BillingOverview, error) {
	org, err := o.org(ctx, orgID)
	if err != nil {
		return dashboard.BillingOverview{}, err
	}
	return o.Overview(ctx, org)
}

// Compare has the reconciler check all invariants now.
func (o billingOverseer) Compare(context.Context) (dashboard.Comparison, error) {
	became, err := o.ask(reconcileJob, compareApart)
	return dashboard.Comparison(became), err
}

// Release lets a held count be billed.
func (o billingOverseer) Release(ctx context.Context, orgID string, listings int, by store.Actor) error {
	org, err := o.org(ctx, orgID)
	if err != nil {
		return err
	}
	return o.room.ReleaseHold(ctx, org, listings, by)
}

// DecideRefused bills an org that can't be counted for nothing, or as before and asks
// again after two more weeks.
func (o billingOverseer) DecideRefused(ctx context.Context, orgID string, decision dashboard.RefusedDecision, by store.Actor) error {
	org, err := o.org(ctx, orgID)
	if err != nil {
		return err
	}
	if decision == dashboard.RefusedZero {
		return o.room.RefusedDecision(ctx, org, true, by)
	}
	return org.RecordAction(ctx, by, store.Action{Name: refusedWaits, Target: org.ID(), Detail: "the last count is billed while Hostaway refuses the credentials"})
}

// refusedWaits is in the audit log of an org whose last count is to stand for two more weeks.
const refusedWaits = "billing.refused_waits"

// waits tells whether an operator decided so within two weeks. Nothing much happens
// in an org whose tools can't reach Hostaway, so its log is short.
func (o billingOverseer) waits(ctx context.Context, org *store.Org) (bool, error) {
	since := o.now().Add(-refusedAfter)
	for before := ""; ; {
		page, next, err := org.ListAudit(ctx, store.AuditFilter{Before: before, Limit: 200})
		if err != nil {
			return false, err
		}
		for _, entry := range page {
			if entry.At.Before(since) {
				return false, nil
			}
			if entry.Action == refusedWaits {
				return true, nil
			}
		}
		if before = next; next == "" {
			return false, nil
		}
	}
}
