// A batch of changes to listings: each listing succeeds or fails by itself, and the report says which, why, and what to do.

package mcp

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"hostaway-mcp/hostaway"
)

type batchUpdateIn struct {
	Changes []listingsChange `json:"changes" minitems:"1" jsonschema:"what to change where"`
}

type listingsChange struct {
	ListingIDs []int64 `json:"listing_ids" minitems:"1" jsonschema:"all get the same"`
	listingFields
}

// target is one listing and its change.
type target struct {
	id     int64
	change hostaway.ListingChange
}

const (
	mostUpdates = 50
	// readOneByOne is up to how many listings are read by themselves; more are picked out of the list.
	readOneByOne = 5
	// shownText is how much of a text a preview shows, if there is room.
	shownText = 300
)

// targets checks a batch and lays it out listing by listing.
func (in batchUpdateIn) targets() ([]target, error) {
	var out []target
	met := map[int64]bool{}
	for _, group := range in.Changes {
		change := group.change()
		if err := group.check(); err != nil {
			return nil, err
		}
		if change.IsEmpty() {
			return nil, refuseArgument("A change names no field.", "Give at least one field beside listing_ids.")
		}
		for _, id := range group.ListingIDs {
			if met[id] {
				return nil, refuseArgument(fmt.Sprintf("Listing %d is named twice.", id), "Put all its changes into one entry.")
			}
			met[id] = true
			out = append(out, target{id, change})
		}
	}
	if len(out) > mostUpdates {
		return nil, refuseArgument(fmt.Sprintf("The batch has %d listings.", len(out)), fmt.Sprintf("Change at most %d in one call.", mostUpdates))
	}
	return out, nil
}

type batchPreview struct {
	Summary  string           `json:"summary"`
	Listings []listingPreview `json:"listings"`
}

type listingPreview struct {
	ListingID int64         `json:"listing_id"`
	Name      string        `json:"name,omitempty"`
	Changes   []fieldChange `json:"changes,omitempty"`
	Problem   string        `json:"problem,omitempty"`
}

func previewBatch(ctx context.Context, c Caller, in batchUpdateIn) (batchPreview, error) {
	targets, err := in.targets()
	if err != nil {
		return batchPreview{}, err
	}
	current, err := readListings(ctx, c, targets)
	if err != nil {
		return batchPreview{}, err
	}
	if err := conflicts(targets, current); err != nil {
		return batchPreview{}, err
	}
	for length := shownText; length >= 20; length /= 2 {
		out, changing := previewOf(targets, current, length)
		if changing == 0 {
			return batchPreview{}, refuse("Nothing would change: "+out.problems()+".", "Find listings with "+listPropertiesTool+" and correct the batch.")
		}
		out.Summary = fmt.Sprintf("%d of %d listings would change", changing, len(targets))
		if weightOf(out) < answerBudget-frameReserve-1500 { // the token and its words come on top
			return out, nil
		}
	}
	return batchPreview{}, refuse("The preview of this batch is too large for one answer.", "Change fewer listings or fields in one call.")
}

// conflicts refuses a batch in which a listing would end up with values that contradict each other, so that no token is given for it.
func conflicts(targets []target, current map[int64]hostaway.Listing) error {
	var said []string
	for _, t := range targets {
		if l, there := current[t.id]; there {
			if why := conflict(l, t.change); why != "" {
				said = append(said, fmt.Sprintf("listing %d: %s", t.id, why))
			}
		}
	}
	if len(said) == 0 {
		return nil
	}
	more := ""
	if len(said) > 5 {
		said, more = said[:5], fmt.Sprintf("; and %d more", len(said)-5)
	}
	return refuse("The change would contradict what the listings have: "+strings.Join(said, "; ")+more+".", "Correct the values, or leave these listings out.")
}

func previewOf(targets []target, current map[int64]hostaway.Listing, length int) (out batchPreview, changing int) {
	for _, t := range targets {
		row := listingPreview{ListingID: t.id}
		l, there := current[t.id]
		if there {
			row.Name = clip(listingName(l), 60)
			row.Changes = fieldChanges(t.change.Diff(l), length)
		}
		switch {
		case !there:
			row.Problem = "no such listing in this account"
		case l.IsArchived():
			row.Problem = "archived: Hostaway will refuse the change"
		case len(row.Changes) == 0:
			row.Problem = "already as wanted"
		default:
			changing++
		}
		out.Listings = append(out.Listings, row)
	}
	return out, changing
}

// problems sums up why nothing would change.
func (p batchPreview) problems() string {
	var said []string
	for _, row := range p.Listings[:min(len(p.Listings), 5)] {
		said = append(said, fmt.Sprintf("%d: %s", row.ListingID, row.Problem))
	}
	if more := len(p.Listings) - len(said); more > 0 {
		said = append(said, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(said, "; ")
}

// readListings reads the targets as they are now; those that are not there are absent.
func readListings(ctx context.Context, c Caller, targets []target) (map[int64]hostaway.Listing, error) {
	out := map[int64]hostaway.Listing{}
	wanted := map[int64]bool{}
	for _, t := range targets {
		wanted[t.id] = true
	}
	if len(targets) > readOneByOne {
		enough := errors.New("all found")
		_, err := c.Hostaway.AllListings(ctx, hostaway.ListingFilter{}, scanPages, func(page []hostaway.Listing) error {
			for _, l := range page {
				if wanted[l.ID] {
					out[l.ID] = l
				}
			}
			c.Progress(len(out), len(targets), "reading listings")
			if len(out) == len(wanted) {
				return enough
			}
			return nil
		})
		if err != nil && !errors.Is(err, enough) {
			return nil, err
		}
	}
	for _, t := range targets {
		if _, there := out[t.id]; there {
			continue
		}
		l, err := c.Hostaway.Listing(ctx, t.id)
		switch {
		case err == nil:
			out[t.id] = l
		case !errors.Is(err, &hostaway.Error{Code: hostaway.NotFound}):
			return nil, err
		}
	}
	return out, nil
}

type batchResult struct {
	Summary string          `json:"summary"`
	Items   []listingResult `json:"items"`
}

type listingResult struct {
	ListingID int64    `json:"listing_id"`
	OK        bool     `json:"ok"`
	Reason    string   `json:"reason,omitempty"`
	Remedy    string   `json:"remedy,omitempty"`
	Ignored   []string `json:"ignored,omitempty"`
}

func applyBatch(ctx context.Context, c Caller, in batchUpdateIn) (batchResult, error) {
	targets, err := in.targets()
	if err != nil {
		return batchResult{}, err
	}
	out, succeeded := batchResult{}, 0
	for i, t := range targets {
		item, goOn := updateOne(ctx, c, t)
		out.Items = append(out.Items, item)
		if item.OK {
			succeeded++
		}
		c.Progress(i+1, len(targets), "changing listings")
		if !goOn {
			out.Items = append(out.Items, notTried(targets[i+1:])...)
			break
		}
	}
	out.Summary = fmt.Sprintf("%d of %d succeeded", succeeded, len(targets))
	return out, nil
}

// updateOne changes one listing. goOn is false when the rest of the batch can't be done either.
func updateOne(ctx context.Context, c Caller, t target) (item listingResult, goOn bool) {
	item.ListingID = t.id
	if ctx.Err() != nil {
		item.Reason, item.Remedy = "not tried: the call was cancelled", "Send this listing again."
		return item, false
	}
	l, err := c.Hostaway.UpdateListing(ctx, t.id, t.change)
	if err != nil {
		item.Reason, item.Remedy = reasonAndRemedy(ctx, err)
		return item, hostaway.CodeOf(err) != hostaway.CredentialsRefused && ctx.Err() == nil
	}
	if ignored := t.change.Diff(l); len(ignored) > 0 {
		item.Ignored = fieldNames(ignored)
		item.Reason, item.Remedy = "Hostaway did not take over all fields", "Set the ignored fields in Hostaway's dashboard."
		return item, true
	}
	item.OK = true
	return item, true
}

func notTried(rest []target) []listingResult {
	var out []listingResult
	for _, t := range rest {
		out = append(out, listingResult{ListingID: t.id, Reason: "not tried", Remedy: "Send this listing again."})
	}
	return out
}

// reasonAndRemedy says why one change failed, and what to do about it.
func reasonAndRemedy(ctx context.Context, err error) (reason, remedy string) {
	if unclear(ctx, err) {
		return "no clear answer from Hostaway: the change may or may not have been made", "Look with " + getPropertyDetailsTool + ", then send it again."
	}
	switch hostaway.CodeOf(err) {
	case hostaway.NotFound:
		return "no such listing in this account", "Find the id with " + listPropertiesTool + "."
	case hostaway.Refused:
		said := clip(reasonGiven(err), 200)
		if containsFold(said, "archived") {
			return "Hostaway refused: " + said, "Restore the listing in Hostaway's dashboard first."
		}
		return "Hostaway refused: " + said, "Correct the value and send this listing again."
	case hostaway.RateLimited:
		return "Hostaway's rate limit was reached", "Send this listing again in a minute."
	case hostaway.CredentialsRefused:
		return "Hostaway does not accept the credentials any more", "Hostaway must be connected again: hostaway_whoami says how."
	}
	return "the change could not be made", "Send this listing again."
}
