// The frame around every page: who is signed in, where they can go, and the one banner that matters most.
package dashboard

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"hostaway-mcp/store"
)

type navGroup struct {
	Label    string
	Operator bool // only operators have it
	Items    []navItem
}

type navItem struct {
	Label, Icon, Href string
	Key               string // pressed after g, it goes here
	Current           bool
	Trouble           HealthState // what is wrong there; "" when nothing is
}

// navHas says which pages a person has besides those that all have.
type navHas struct{ billing, owns, operates, operatesBilling bool }

// nav lists the pages that exist for this person, with the current one marked.
func nav(current string, has navHas) []navGroup {
	groups := []navGroup{
		{Items: []navItem{
			{Label: "Overview", Icon: "layout-dashboard", Href: "/", Key: "o"},
			{Label: "Usage", Icon: "chart-column", Href: "/usage", Key: "u"},
		}},
		{Label: "Connect", Items: []navItem{
			{Label: "Hostaway", Icon: "plug", Href: "/connection", Key: "h"},
			{Label: "API keys", Icon: "key-round", Href: "/keys", Key: "k"},
		}},
	}
	org := navGroup{Label: "Org"}
	if has.billing {
		org.Items = append(org.Items, navItem{Label: "Billing", Icon: "credit-card", Href: billingHref, Key: "b"})
	}
	if has.owns {
		org.Items = append(org.Items, navItem{Label: "Export", Icon: "download", Href: exportHref, Key: "e"})
	}
	if len(org.Items) > 0 {
		groups = append(groups, org)
	}
	if has.operates {
		items := []navItem{
			{Label: "Server", Icon: "server", Href: serverHref, Key: "s"},
			{Label: "All orgs", Icon: "building-2", Href: "/operator/orgs", Key: "a"},
		}
		if has.operatesBilling {
			items = append(items, navItem{Label: "All billing", Icon: "receipt", Href: "/operator/billing", Key: "m"})
		}
		groups = append(groups, navGroup{Label: "Operator", Operator: true, Items: items})
	}
	for g := range groups {
		for i := range groups[g].Items {
			groups[g].Items[i].Current = groups[g].Items[i].Href == current
		}
	}
	return groups
}

const (
	serverHref  = "/operator"
	billingHref = "/billing"
	exportHref  = "/export"
)

// markServer puts the state of the server beside its page, wherever an operator is.
func markServer(groups []navGroup, state HealthState) {
	for _, group := range groups {
		for i := range group.Items {
			if group.Items[i].Href == serverHref && state != HealthOK {
				group.Items[i].Trouble = state
			}
		}
	}
}

// banner is about the whole org and stands on every page until it is dealt with. Without an address it is only told: another
// person has to act. Kind is bad, warn or info.
type banner struct{ Kind, Text, Href, Action string }

// orgChoice is one org that the signed-in person belongs to.
type orgChoice struct {
	ID, Name, Role string
	Current        bool
}

// view collects what the frame shows.
func (d *Dashboard) view(c *fiber.Ctx, v *visit, s shown) (*view, error) {
	theme := c.Cookies("theme")
	if theme != "light" && theme != "dark" {
		theme = ""
	}
	data := &view{
		Title: s.Title, Current: s.Current, Theme: theme, CSRF: d.csrfFor(c, v), RequestID: v.requestID,
		Version: d.cfg.Version, SignedIn: v.signedIn(), CanManage: v.manages(), Refresh: s.Refresh, Page: s.Data,
	}
	if !wantsPart(c) {
		data.Flash = d.takeFlash(c)
	}
	if !v.signedIn() {
		return data, nil
	}
	if data.Here = c.Path(); c.Method() == fiber.MethodGet {
		data.Here = c.OriginalURL()
	}
	member := v.session.Member
	data.OrgName, data.OrgID, data.Role = v.org.Name(), v.org.ID(), string(member.Role)
	data.UserName, data.Email = member.Name, member.Email
	data.Nav = nav(s.Current, navHas{
		billing: v.manages() && d.cfg.Billing != nil, owns: v.owns(), operates: d.operates(v), operatesBilling: d.cfg.BillingOperator != nil,
	})
	if data.UserName == "" {
		data.UserName = member.Email
	}
	if wantsPart(c) || s.Page == "problem" {
		return data, nil // a problem page asks nothing more of a store that may be the problem
	}
	return data, d.addOrgFacts(c, v, data, s)
}

// addOrgFacts looks up the person's other orgs and the state of the connection.
func (d *Dashboard) addOrgFacts(c *fiber.Ctx, v *visit, data *view, s shown) error {
	memberships, err := d.cfg.Store.Memberships(c.UserContext(), v.token)
	if err != nil {
		return err
	}
	for _, m := range memberships {
		data.Orgs = append(data.Orgs, orgChoice{m.OrgID, m.OrgName, string(m.Role), m.OrgID == v.org.ID()})
	}
	conn, err := v.org.Connection(c.UserContext())
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	refused := err == nil && conn.State == store.ConnectionRefused
	if data.Banner, err = d.banner(c, v, s, refused); err != nil {
		return err
	}
	if d.operates(v) {
		markServer(data.Nav, judge(d.cfg.Operator.Health(c.UserContext())).State)
	}
	return nil
}

// banner is the worst thing that is the matter with the org, unless the page is where one deals with it.
func (d *Dashboard) banner(c *fiber.Ctx, v *visit, s shown, refused bool) (*banner, error) {
	var stopped, soon *banner
	if d.cfg.Billing != nil {
		p, err := d.planOf(c, v)
		if err != nil {
			return nil, err
		}
		stopped, soon = planBanners(p, v.manages())
	}
	var credentials *banner
	if refused {
		credentials = &banner{"bad", "Hostaway refuses the stored credentials, so tools can't answer.", "/connection", "Reconnect"}
	}
	var address *banner
	if d.unverified(v) {
		address = &banner{"info", "Confirm your email address to make API keys and to connect Hostaway.", verifyHref, "Confirm"}
	}
	for _, b := range []*banner{stopped, credentials, soon, address} {
		if b != nil && (b.Href == "" || b.Href != s.Current) {
			return b, nil
		}
	}
	return nil, nil
}

// switchOrg moves the session to another org of the same person.
func (d *Dashboard) switchOrg(c *fiber.Ctx, v *visit) error {
	if err := d.cfg.Store.SwitchOrg(c.UserContext(), v.token, posted(c, "org")); err != nil {
		return err
	}
	return d.done(c, "/", "org-switched")
}

// switchTheme stores light or dark for people without JavaScript; the script does the same in place. The cookie holds no secret.
func (d *Dashboard) switchTheme(c *fiber.Ctx, _ *visit) error {
	theme := "dark"
	if posted(c, "theme") == "light" {
		theme = "light"
	}
	c.Cookie(&fiber.Cookie{Name: "theme", Value: theme, Path: "/", MaxAge: 365 * 24 * 3600, Secure: d.secure, SameSite: fiber.CookieSameSiteLaxMode})
	return c.Redirect(safeNext(posted(c, "next")), fiber.StatusSeeOther)
}
