// What the operator of the server sees of its orgs: how many there are of what, and
// when. No name of a person, a key or a guest, no address and no secret is among it.

package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// OrgSort is what a list of orgs is sorted by.
type OrgSort string

// The figures to sort by. An org without the figure counts as least.
const (
	SortName     OrgSort = "name"
	SortMembers  OrgSort = "members"
	SortListings OrgSort = "listings"
	SortCalls    OrgSort = "calls"
	SortLastCall OrgSort = "last-call"
	SortCreated  OrgSort = "created"
)

// OrgQuery picks a page of all orgs. Search is a part of the name, in any case, or
// the start of an id; Limit is 1 to 100 and Page counts from 1. Zero values mean
// all orgs by name, the first 25.
type OrgQuery struct {
	Search      string
	Sort        OrgSort
	Descending  bool
	Page, Limit int
}

// OrgSummary is one org in figures. Calls and Failed are tool calls of this UTC
// month. Connection is empty and Listings nil without one, or while not counted.
type OrgSummary struct {
	ID, Name            string
	CreatedAt           time.Time
	Members, ActiveKeys int
	Connection          ConnectionState
	Listings            *int
	Calls, Failed       int
	LastCallAt          *time.Time
}

const (
	orgPage     = 25
	orgPageMost = 100
)

// OrgSummaries returns a page of the orgs and how many match in all. A page past
// the end is empty.
func (s *Store) OrgSummaries(ctx context.Context, q OrgQuery) (page []OrgSummary, total int, err error) {
	if q.Limit <= 0 || q.Limit > orgPageMost {
		q.Limit = orgPage
	}
	err = s.read(ctx, func(d systemDoor) error {
		all, err := d.orgKeys(ctx, q.Sort, monthOf(s.now()))
		if err != nil {
			return err
		}
		all = pickOrgs(all, q)
		total = len(all)
		from := min((max(q.Page, 1)-1)*q.Limit, total)
		page, err = d.orgFigures(ctx, all[from:min(from+q.Limit, total)], monthOf(s.now()))
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("list the orgs for the operator: %w", err)
	}
	return page, total, nil
}

// monthOf is the first day of the UTC month.
func monthOf(now time.Time) string { return now.Format("2006-01") + "-01" }

// orgKey is what orgs are searched and sorted by.
type orgKey struct {
	id, name, folded string
	rank             int64 // the figure to sort by; -1 without one
}

func (d systemDoor) orgKeys(ctx context.Context, by OrgSort, month string) ([]orgKey, error) {
	return list(ctx, d.hands, sysOrgKeys, args{string(by), month}, func(row *sql.Rows, to *orgKey) error {
		err := row.Scan(&to.id, &to.name, &to.rank)
		to.folded = strings.ToLower(to.name)
		return err
	})
}

// pickOrgs searches and sorts. SQLite folds the case of ASCII only, so this is not
// for SQL to do. Equal ranks stand by name, and equal names by id.
func pickOrgs(all []orgKey, q OrgQuery) []orgKey {
	search := strings.ToLower(strings.TrimSpace(q.Search))
	all = slices.DeleteFunc(all, func(o orgKey) bool {
		return !strings.Contains(o.folded, search) && !strings.HasPrefix(o.id, search)
	})
	slices.SortFunc(all, func(a, b orgKey) int {
		order := cmp.Compare(a.rank, b.rank)
		if q.Sort == SortName || q.Sort == "" {
			order = cmp.Compare(a.folded, b.folded)
		}
		if q.Descending {
			order = -order
		}
		return cmp.Or(order, cmp.Compare(a.folded, b.folded), cmp.Compare(a.id, b.id))
	})
	return all
}

// orgFigures reads the figures of these orgs, in their order.
func (d systemDoor) orgFigures(ctx context.Context, orgs []orgKey, month string) ([]OrgSummary, error) {
	place := make(map[string]int, len(orgs))
	ids := make([]string, len(orgs))
	for i, o := range orgs {
		ids[i], place[o.id] = o.id, i
	}
	asked, err := json.Marshal(ids)
	if err != nil {
		return nil, fmt.Errorf("write the ids: %w", err)
	}
	found, err := list(ctx, d.hands, sysOrgFigures, args{string(asked), month}, scanOrgSummary)
	slices.SortFunc(found, func(a, b OrgSummary) int { return cmp.Compare(place[a.ID], place[b.ID]) })
	return found, err
}

func scanOrgSummary(row *sql.Rows, to *OrgSummary) error {
	var created int64
	var last sql.NullInt64
	err := row.Scan(&to.ID, &to.Name, &created, &to.Members, &to.ActiveKeys, &to.Connection, &to.Listings, &to.Calls, &to.Failed, &last)
	to.CreatedAt, to.LastCallAt = fromMilli(created), fromNullMilli(last)
	return err
}

// OrgReport is one org for somebody who helps it.
type OrgReport struct {
	OrgSummary
	Roles                map[Role]int // how many members have the role
	CheckedAt, RefusedAt *time.Time   // of the connection
	Keys                 []KeyFact    // active ones first, newest first
	Failures             []ToolFailure
}

// KeyFact is an API key without the name that its org gave it.
type KeyFact struct {
	Mask                  string
	CreatedAt             time.Time
	LastUsedAt, RevokedAt *time.Time
}

// ToolFailure counts the calls of a tool that failed with one code.
type ToolFailure struct {
	Tool, Code string
	Count      int
	LastAt     time.Time
}

// Failures are looked for in the last entries of the audit log, so that a busy org
// costs no more than a quiet one.
const (
	failureDays    = 7
	failureEntries = 5000
)

// OrgReport returns the figures of one org; its Failures are those of the last seven
// days, or of the last 5,000 entries of its audit log, whatever is less.
// Error: ErrNotFound.
func (s *Store) OrgReport(ctx context.Context, orgID string) (r OrgReport, err error) {
	err = s.read(ctx, func(d systemDoor) error {
		r, err = d.orgReport(ctx, orgID, s.now())
		return err
	})
	if err != nil {
		return OrgReport{}, fmt.Errorf("report on the org: %w", err)
	}
	return r, nil
}

func (d systemDoor) orgReport(ctx context.Context, orgID string, now time.Time) (OrgReport, error) {
	found, err := d.orgFigures(ctx, []orgKey{{id: orgID}}, monthOf(now))
	if err != nil {
		return OrgReport{}, err
	}
	if len(found) == 0 {
		return OrgReport{}, ErrNotFound
	}
	r := OrgReport{OrgSummary: found[0], Roles: map[Role]int{}}
	var checked, refused sql.NullInt64
	var owners, admins, members int
	if err := d.get(ctx, sysOrgFacts, args{orgID}, &owners, &admins, &members, &checked, &refused); err != nil {
		return OrgReport{}, err
	}
	r.Roles[RoleOwner], r.Roles[RoleAdmin], r.Roles[RoleMember] = owners, admins, members
	r.CheckedAt, r.RefusedAt = fromNullMilli(checked), fromNullMilli(refused)
	r.Keys, err = list(ctx, d.hands, sysOrgKeyFacts, args{orgID}, func(row *sql.Rows, to *KeyFact) error {
		var last4 string
		var created int64
		var used, revoked sql.NullInt64
		err := row.Scan(&last4, &created, &used, &revoked)
		to.Mask, to.CreatedAt = APIKey{Last4: last4}.Mask(), fromMilli(created)
		to.LastUsedAt, to.RevokedAt = fromNullMilli(used), fromNullMilli(revoked)
		return err
	})
	if err != nil {
		return OrgReport{}, err
	}
	since := firstID("aud", now.AddDate(0, 0, -failureDays))
	r.Failures, err = list(ctx, d.hands, sysOrgFailures, args{orgID, since, failureEntries}, func(row *sql.Rows, to *ToolFailure) error {
		var last int64
		err := row.Scan(&to.Tool, &to.Code, &to.Count, &last)
		to.LastAt = fromMilli(last)
		return err
	})
	return r, err
}
