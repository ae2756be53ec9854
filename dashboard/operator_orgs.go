// All orgs of the server in figures, and one of them for somebody who helps it. What lies inside an org stays there: no
// name of a person, key or guest, no account, no argument.
package dashboard

import (
	"errors"
	"net/url"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"hostaway-mcp/store"
)

const orgsPerPage = 25

type orgsData struct {
	Orgs               []store.OrgSummary
	Total              int
	Query              store.OrgQuery
	Columns            []orgColumn
	First, Last, Pages int    // rows shown, counted from 1, and pages in all
	Before, After      string // addresses of the neighbouring pages
	Sort, Order        string // as in the address, "" for the usual one
	Refused, Connected store.ConnectionState
}

// orgColumn is a column that can be sorted by.
type orgColumn struct {
	Name, Href, Order string // Order is ascending, descending or "" when it is sorted by another column
	Number            bool
	ID                string
}

var orgColumns = []struct {
	sort   store.OrgSort
	name   string
	number bool
}{
	{store.SortName, "Org", false},
	{store.SortMembers, "Members", true},
	{store.SortListings, "Listings", true},
	{store.SortCalls, "Calls this month", true},
	{store.SortLastCall, "Last call", true},
	{store.SortCreated, "Created", true},
}

// orgQuery reads the address. Whatever makes no sense there is left out.
func orgQuery(c *fiber.Ctx) store.OrgQuery {
	q := store.OrgQuery{Search: c.Query("q"), Sort: store.SortName, Page: 1, Limit: orgsPerPage}
	for _, column := range orgColumns {
		if string(column.sort) == c.Query("sort") {
			q.Sort = column.sort
		}
	}
	q.Descending = c.Query("order") == "descending"
	if page, err := strconv.Atoi(c.Query("page")); err == nil && page > 0 && page < 1_000_000 {
		q.Page = page
	}
	return q
}

// orgsAddress is the address of a query.
func orgsAddress(q store.OrgQuery) string {
	values := url.Values{}
	if q.Search != "" {
		values.Set("q", q.Search)
	}
	if q.Sort != store.SortName {
		values.Set("sort", string(q.Sort))
	}
	if q.Descending {
		values.Set("order", "descending")
	}
	if q.Page > 1 {
		values.Set("page", strconv.Itoa(q.Page))
	}
	if len(values) == 0 {
		return "/operator/orgs"
	}
	return "/operator/orgs?" + values.Encode()
}

func (d *Dashboard) operatorOrgsPage(c *fiber.Ctx, v *visit) error {
	q := orgQuery(c)
	orgs, total, err := d.cfg.Store.OrgSummaries(c.UserContext(), q)
	if err != nil {
		return err
	}
	data := orgsData{
		Orgs: orgs, Total: total, Query: q, Columns: sortLinks(q), Pages: (total + orgsPerPage - 1) / orgsPerPage,
		Refused: store.ConnectionRefused, Connected: store.ConnectionConnected,
	}
	if q.Sort != store.SortName {
		data.Sort = string(q.Sort)
	}
	if q.Descending {
		data.Order = "descending"
	}
	data.First, data.Last = (q.Page-1)*orgsPerPage+1, (q.Page-1)*orgsPerPage+len(orgs)
	if q.Page > 1 {
		before := q
		before.Page = min(q.Page-1, max(data.Pages, 1))
		data.Before = orgsAddress(before)
	}
	if q.Page < data.Pages {
		after := q
		after.Page++
		data.After = orgsAddress(after)
	}
	return d.show(c, v, shown{Page: "operator-orgs", Title: "All orgs", Current: "/operator/orgs", Data: data})
}

// sortLinks are the heads of the columns. Figures are sorted from the most, names from A; a second click turns it round.
func sortLinks(q store.OrgQuery) []orgColumn {
	columns := make([]orgColumn, 0, len(orgColumns))
	for _, column := range orgColumns {
		to := store.OrgQuery{Search: q.Search, Sort: column.sort, Descending: column.number}
		link := orgColumn{Name: column.name, Number: column.number, ID: "by-" + string(column.sort)}
		if column.sort == q.Sort {
			link.Order = "ascending"
			if q.Descending {
				link.Order = "descending"
			}
			to.Descending = !q.Descending
		}
		link.Href = orgsAddress(to)
		columns = append(columns, link)
	}
	return columns
}

type orgData struct {
	Org                     store.OrgReport
	KPIs                    []kpi
	Refused                 store.ConnectionState
	Commands                []orgCommand
	Owners, Admins, Members int
	Plan                    *plan // nil where nobody pays
}

// orgCommand is a line for the terminal of the server.
type orgCommand struct{ ID, What, Line string }

var errNoSuchOrg = &problem{
	Status: 404, Code: "not_found", Title: "Not found",
	Message: "There is no org with this id on the server; it may have been deleted.", Next: "Look for it by name among all orgs.",
}

func (d *Dashboard) operatorOrgPage(c *fiber.Ctx, v *visit) error {
	org, err := d.cfg.Store.OrgReport(c.UserContext(), c.Params("id"))
	if errors.Is(err, store.ErrNotFound) {
		return errNoSuchOrg
	}
	if err != nil {
		return err
	}
	data := orgData{
		Org: org, Refused: store.ConnectionRefused, KPIs: d.orgKPIs(org), Commands: d.orgCommands(org.ID),
		Owners: org.Roles[store.RoleOwner], Admins: org.Roles[store.RoleAdmin], Members: org.Roles[store.RoleMember],
	}
	if d.cfg.BillingOperator != nil {
		o, err := d.cfg.BillingOperator.Org(c.UserContext(), org.ID)
		if err != nil {
			return err
		}
		p := newPlan(o, d.cfg.Now())
		data.Plan = &p
	}
	return d.show(c, v, shown{Page: "operator-org", Title: org.Name, Current: "/operator/orgs", Data: data})
}

func (d *Dashboard) orgKPIs(org store.OrgReport) []kpi {
	calls := kpi{Label: "Calls this month", Value: number(org.Calls), Hint: "none yet"}
	if org.LastCallAt != nil {
		calls.Hint = "last one " + since(*org.LastCallAt, d.cfg.Now())
	}
	failed := kpi{Label: "Failed this month", Value: percent(org.Failed, org.Calls), Hint: number(org.Failed) + " of " + plural(org.Calls, "call")}
	listings := kpi{Label: "Active listings", Value: "–", Hint: "not counted yet"}
	if org.Connection == "" {
		listings.Hint = "Hostaway is not connected"
	}
	if org.Listings != nil {
		listings.Value, listings.Hint = number(*org.Listings), "when last counted"
	}
	return []kpi{calls, failed, listings, {Label: "Members", Value: number(org.Members), Hint: plural(org.Roles[store.RoleOwner], "owner")}}
}

// orgCommands are what the operator can do about an org, all of it at the server's own terminal.
func (d *Dashboard) orgCommands(id string) []orgCommand {
	return []orgCommand{
		{"members", "List its members", d.cfg.Binary + " admin member list " + id},
		{"rename", "Give it another name", d.cfg.Binary + " admin org rename " + id + ` "NEW NAME"`},
		{"export", "Write everything of it into an archive", d.cfg.Binary + " export-org " + id},
		{"delete", "Delete it with everything it has, for good; it asks for the name first", d.cfg.Binary + " delete-org " + id},
	}
}
