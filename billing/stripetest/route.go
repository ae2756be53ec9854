// The route table: every path of the API that the fake answers, with the parameters it understands there.
package stripetest

import (
	"net/http"
	"strings"
)

// route is one method and path. params names what the handler understands, separated by spaces, [*] for any index or key.
type route struct {
	method, path, params string
	handle               func(*request) (object, error)
}

func (r route) name() string    { return r.method + " " + r.path }
func (r route) knows() []string { return strings.Fields(r.params) }

const (
	paging       = " limit starting_after ending_before "
	lineItems    = " line_items[*][price] line_items[*][quantity] "
	itemChanges  = " items[*][id] items[*][price] items[*][quantity] items[*][deleted] "
	customerData = " email name description phone metadata[*] balance invoice_settings[default_payment_method] test_clock payment_method " +
		"address[line1] address[line2] address[city] address[state] address[postal_code] address[country] preferred_locales[*] tax[ip_address] "
	portalFeatures = " features[invoice_history][enabled] features[payment_method_update][enabled] features[customer_update][enabled] " +
		"features[customer_update][allowed_updates][*] features[subscription_cancel][enabled] features[subscription_cancel][mode] " +
		"features[subscription_cancel][proration_behavior] features[subscription_cancel][cancellation_reason][enabled] " +
		"features[subscription_cancel][cancellation_reason][options][*] features[subscription_pause][enabled] " +
		"business_profile[headline] business_profile[privacy_policy_url] business_profile[terms_of_service_url] " +
		"default_return_url metadata[*] active login_page[enabled] "
	checkoutData = " mode customer client_reference_id success_url cancel_url expires_at metadata[*] locale currency " +
		"automatic_tax[enabled] tax_id_collection[enabled] allow_promotion_codes billing_address_collection payment_method_collection " +
		"customer_update[address] customer_update[name] payment_method_types[*] " +
		"subscription_data[metadata][*] subscription_data[trial_period_days] subscription_data[trial_end] subscription_data[description] " +
		"subscription_data[trial_settings][end_behavior][missing_payment_method] "
	subscriptionData = " metadata[*] default_payment_method description automatic_tax[enabled] off_session payment_behavior proration_behavior " +
		"trial_settings[end_behavior][missing_payment_method] cancel_at_period_end cancel_at trial_end " +
		"payment_settings[save_default_payment_method] "
	upcoming = " customer subscription subscription_items[*][id] subscription_items[*][quantity] subscription_items[*][price] " +
		"subscription_proration_date subscription_proration_behavior subscription_cancel_at_period_end "
)

func (s *Server) routes() []route {
	return []route{
		{"POST", "/v1/customers", customerData, s.createCustomer},
		{"GET", "/v1/customers", "email created[gt] created[gte] created[lt] created[lte]" + paging, s.listCustomers},
		{"GET", "/v1/customers/{id}", "", s.getCustomer},
		{"POST", "/v1/customers/{id}", customerData, s.updateCustomer},
		{"DELETE", "/v1/customers/{id}", "", s.deleteCustomer},
		{"GET", "/v1/customers/{id}/payment_methods", "type" + paging, s.listCustomerMethods},

		{"GET", "/v1/payment_methods", "type customer" + paging, s.listMethods},
		{"GET", "/v1/payment_methods/{id}", "", s.getMethod},
		{"POST", "/v1/payment_methods/{id}/attach", "customer", s.attachMethod},
		{"POST", "/v1/payment_methods/{id}/detach", "", s.detachMethod},

		{"POST", "/v1/products", "id name description unit_label active metadata[*] tax_code statement_descriptor url", s.createProduct},
		{"GET", "/v1/products", "ids[*] active" + paging, s.listProducts},
		{"GET", "/v1/products/{id}", "", s.getProduct},
		{"POST", "/v1/products/{id}", "name description unit_label active metadata[*] tax_code default_price", s.updateProduct},
		{"POST", "/v1/prices", "product currency unit_amount lookup_key transfer_lookup_key nickname metadata[*] tax_behavior billing_scheme active " +
			"recurring[interval] recurring[interval_count] recurring[usage_type]", s.createPrice},
		{"GET", "/v1/prices", "lookup_keys[*] product active currency type recurring[interval]" + paging, s.listPrices},
		{"GET", "/v1/prices/{id}", "", s.getPrice},
		{"POST", "/v1/prices/{id}", "active lookup_key transfer_lookup_key nickname metadata[*]", s.updatePrice},

		{"POST", "/v1/checkout/sessions", checkoutData + lineItems, s.createSession},
		{"GET", "/v1/checkout/sessions", "customer subscription" + paging, s.listSessions},
		{"GET", "/v1/checkout/sessions/{id}", "", s.getSession},
		{"POST", "/v1/checkout/sessions/{id}/expire", "", s.expireSession},

		{"POST", "/v1/billing_portal/configurations", portalFeatures, s.createConfiguration},
		{"GET", "/v1/billing_portal/configurations", "active is_default" + paging, s.listConfigurations},
		{"GET", "/v1/billing_portal/configurations/{id}", "", s.getConfiguration},
		{"POST", "/v1/billing_portal/configurations/{id}", portalFeatures, s.updateConfiguration},
		{"POST", "/v1/billing_portal/sessions", "customer return_url configuration locale flow_data[type] flow_data[subscription_cancel][subscription] " +
			"flow_data[after_completion][type] flow_data[after_completion][redirect][return_url]", s.createPortalSession},

		{"POST", "/v1/subscriptions", "customer trial_period_days items[*][price] items[*][quantity]" + subscriptionData, s.createSubscription},
		{"GET", "/v1/subscriptions", "customer status price created[gt] created[gte] created[lt] created[lte]" + paging, s.listSubscriptions},
		{"GET", "/v1/subscriptions/{id}", "", s.getSubscription},
		{"POST", "/v1/subscriptions/{id}", "proration_date cancellation_details[comment] cancellation_details[feedback]" + itemChanges + subscriptionData, s.updateSubscription},
		{"DELETE", "/v1/subscriptions/{id}", "invoice_now prorate cancellation_details[comment] cancellation_details[feedback]", s.cancelSubscription},
		{"POST", "/v1/subscriptions/{id}/resume", "billing_cycle_anchor proration_behavior", s.resumeSubscription},
		{"GET", "/v1/subscription_items", "subscription" + paging, s.listItems},

		{"GET", "/v1/invoices", "customer subscription status created[gt] created[gte] created[lt] created[lte]" + paging, s.listInvoices},
		{"GET", "/v1/invoices/upcoming", upcoming, s.upcomingInvoice},
		{"GET", "/v1/invoices/upcoming/lines", upcoming + paging, s.upcomingLines},
		{"GET", "/v1/invoices/{id}", "", s.getInvoice},
		{"GET", "/v1/invoices/{id}/lines", paging, s.listLines},
		{"POST", "/v1/invoices/{id}/finalize", "auto_advance", s.finalizeInvoice},
		{"POST", "/v1/invoices/{id}/pay", "payment_method off_session", s.payInvoice},
		{"POST", "/v1/invoices/{id}/void", "", s.voidInvoice},
		{"POST", "/v1/invoices/{id}/mark_uncollectible", "", s.giveUpInvoice},

		{"GET", "/v1/payment_intents/{id}", "", s.getIntent},
		{"GET", "/v1/charges", "customer" + paging, s.listCharges},
		{"GET", "/v1/charges/{id}", "", s.getCharge},
		{"POST", "/v1/refunds", "charge payment_intent amount reason metadata[*]", s.createRefund},
		{"GET", "/v1/disputes/{id}", "", s.getDispute},

		{"POST", "/v1/webhook_endpoints", "url api_version enabled_events[*] description metadata[*]", s.createEndpoint},
		{"GET", "/v1/webhook_endpoints", paging, s.listEndpoints},
		{"GET", "/v1/webhook_endpoints/{id}", "", s.getEndpoint},
		{"POST", "/v1/webhook_endpoints/{id}", "url enabled_events[*] description metadata[*] disabled", s.updateEndpoint},
		{"DELETE", "/v1/webhook_endpoints/{id}", "", s.deleteEndpoint},
		{"GET", "/v1/events", "type types[*] delivery_success created[gt] created[gte] created[lt] created[lte]" + paging, s.listEvents},
		{"GET", "/v1/events/{id}", "", s.getEvent},

		{"GET", "/v1/account", "", s.showAccount},
		{"GET", "/v1/balance", "", s.showBalance},
		{"POST", "/v1/test_helpers/test_clocks", "frozen_time name", s.createTestClock},
		{"GET", "/v1/test_helpers/test_clocks/{id}", "", s.getTestClock},
		{"POST", "/v1/test_helpers/test_clocks/{id}/advance", "frozen_time", s.advanceTestClock},
		{"DELETE", "/v1/test_helpers/test_clocks/{id}", "", s.deleteTestClock},
	}
}

func (s *Server) addRoutes() {
	for _, one := range s.routes() {
		s.mux.HandleFunc(one.name(), func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, one) })
	}
	s.mux.HandleFunc("/", s.unrouted)
	s.addPages()
}
