// The customer portal: configurations, and the sessions that open it.
package stripetest

import "strconv"

type configuration struct {
	id, headline, privacy, terms, returnURL string
	features                                map[string]string // by parameter, such as features[invoice_history][enabled]
	lists                                   map[string][]string
	metadata                                map[string]string
	inactive                                bool
	created                                 int64
}

type portalSession struct {
	id, customer, configuration, returnURL, flow, subscription string
	created                                                    int64
}

func (c *configuration) on(feature string) bool {
	return c.features["features["+feature+"][enabled]"] == "true"
}

func (c *configuration) text(key, otherwise string) string {
	if v := c.features[key]; v != "" {
		return v
	}
	return otherwise
}

func (s *Server) showConfiguration(c *configuration) object {
	reasons := c.lists["features[subscription_cancel][cancellation_reason][options]"]
	if reasons == nil {
		reasons = []string{}
	}
	updates := c.lists["features[customer_update][allowed_updates]"]
	if updates == nil {
		updates = []string{}
	}
	features := object{
		"customer_update":       object{"enabled": c.on("customer_update"), "allowed_updates": updates},
		"invoice_history":       object{"enabled": c.on("invoice_history")},
		"payment_method_update": object{"enabled": c.on("payment_method_update")},
		"subscription_cancel": object{
			"enabled": c.on("subscription_cancel"), "mode": c.text("features[subscription_cancel][mode]", "at_period_end"),
			"proration_behavior": c.text("features[subscription_cancel][proration_behavior]", "none"),
			"cancellation_reason": object{
				"enabled": c.features["features[subscription_cancel][cancellation_reason][enabled]"] == "true", "options": reasons,
			},
		},
		"subscription_pause":  object{"enabled": c.on("subscription_pause")},
		"subscription_update": object{"enabled": false, "default_allowed_updates": []string{}, "products": nil, "proration_behavior": "none"},
	}
	return s.shaped("billing_portal.configuration", object{
		"id": c.id, "active": !c.inactive, "created": c.created, "updated": c.created, "is_default": false, "features": features,
		"business_profile":   object{"headline": orNull(c.headline), "privacy_policy_url": orNull(c.privacy), "terms_of_service_url": orNull(c.terms)},
		"default_return_url": orNull(c.returnURL), "metadata": metadataObject(c.metadata),
	})
}

func (s *Server) createConfiguration(q *request) (object, error) {
	c := &configuration{id: s.id("bpc"), created: s.clock.now, features: map[string]string{}, lists: map[string][]string{}}
	if err := changeConfiguration(c, q); err != nil {
		return nil, err
	}
	s.configurations[c.id] = c
	return s.showConfiguration(c), nil
}

func changeConfiguration(c *configuration, q *request) error {
	if q.has("login_page[enabled]") && q.flag("login_page[enabled]") {
		return unknown("the portal's login page")
	}
	for _, list := range []string{"features[customer_update][allowed_updates]", "features[subscription_cancel][cancellation_reason][options]"} {
		if values := q.texts(list); len(values) > 0 {
			c.lists[list] = values
		}
	}
	for key := range q.form {
		if len(key) > 9 && key[:9] == "features[" {
			c.features[key] = q.text(key)
		}
	}
	for key, field := range map[string]*string{
		"business_profile[headline]": &c.headline, "business_profile[privacy_policy_url]": &c.privacy,
		"business_profile[terms_of_service_url]": &c.terms, "default_return_url": &c.returnURL,
	} {
		if q.has(key) {
			*field = q.text(key)
		}
	}
	if q.has("active") {
		c.inactive = !q.flag("active")
	}
	keepMetadata(&c.metadata, q.under("metadata"))
	return nil
}

func (s *Server) getConfiguration(q *request) (object, error) {
	c := s.configurations[q.PathValue("id")]
	if c == nil {
		return nil, noSuch("billing_portal.configuration", q.PathValue("id"))
	}
	return s.showConfiguration(c), nil
}

func (s *Server) updateConfiguration(q *request) (object, error) {
	c := s.configurations[q.PathValue("id")]
	if c == nil {
		return nil, noSuch("billing_portal.configuration", q.PathValue("id"))
	}
	if err := changeConfiguration(c, q); err != nil {
		return nil, err
	}
	return s.showConfiguration(c), nil
}

func (s *Server) listConfigurations(q *request) (object, error) {
	found := newest(s.configurations, func(c *configuration) bool {
		return (!q.has("active") || strconv.FormatBool(!c.inactive) == q.text("active")) && (!q.has("is_default") || q.text("is_default") == "false")
	})
	return paged(q, found, func(c *configuration) string { return c.id }, s.showConfiguration)
}

// createPortalSession needs a configuration, as an account does that has never saved one in the dashboard.
func (s *Server) createPortalSession(q *request) (object, error) {
	if _, err := s.liveCustomer(q, "customer"); err != nil {
		return nil, err
	}
	c := s.configurations[q.text("configuration")]
	if q.has("configuration") && c == nil {
		return nil, noSuchParam("billing_portal.configuration", "configuration", q.text("configuration"))
	}
	if c == nil {
		return nil, invalid("", "No configuration provided and your default configuration has not been created.")
	}
	p := &portalSession{
		id: s.id("bps"), customer: q.text("customer"), configuration: c.id, returnURL: q.text("return_url"), created: s.clock.now,
		flow: q.text("flow_data[type]"), subscription: q.text("flow_data[subscription_cancel][subscription]"),
	}
	if p.returnURL == "" {
		p.returnURL = c.returnURL
	}
	s.portalSessions[p.id] = p
	return s.showPortalSession(p, q), nil
}

func (s *Server) showPortalSession(p *portalSession, q *request) object {
	var flow any
	if p.flow != "" {
		after := object{"type": "portal_homepage", "hosted_confirmation": nil, "redirect": nil}
		if kind := q.text("flow_data[after_completion][type]"); kind != "" {
			after["type"] = kind
		}
		if url := q.text("flow_data[after_completion][redirect][return_url]"); url != "" {
			after["redirect"] = object{"return_url": url}
		}
		shown := object{"type": p.flow, "after_completion": after, "subscription_cancel": nil, "subscription_update": nil, "subscription_update_confirm": nil}
		if p.subscription != "" {
			shown["subscription_cancel"] = object{"subscription": p.subscription, "retention": nil}
		}
		flow = shown
	}
	return s.shaped("billing_portal.session", object{
		"id": p.id, "customer": p.customer, "configuration": p.configuration, "return_url": orNull(p.returnURL), "created": p.created,
		"flow": flow, "locale": orNull(q.text("locale")), "url": s.address + "/pages/portal/" + p.id,
	})
}
