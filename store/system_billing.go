// The system door's statements for billing and mail.

package store

const (
	sysUseTrial = `INSERT INTO trials (account_hash, started_at) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING started_at`

	sysOrgByStripeCustomer = `
SELECT ` + orgColumns + ` FROM billing_accounts_all b JOIN orgs_all o ON o.id = b.org_id WHERE b.customer_id = ?`

	sysDirtyQuantities = `
SELECT ` + orgColumns + ` FROM desired_quantities_all q JOIN orgs_all o ON o.id = q.org_id` + orgAccess + `
WHERE q.state = 'dirty' AND q.next_try_at <= ? ORDER BY q.next_try_at, q.org_id LIMIT ?`

	sysHeldQuantities = `
SELECT ` + orgColumns + ` FROM desired_quantities_all q JOIN orgs_all o ON o.id = q.org_id` + orgAccess + `
WHERE q.hold_reason <> '' ORDER BY q.held_since_at, q.org_id LIMIT ?`

	sysReceiveEvent = `
INSERT INTO stripe_events (id, type, customer, object_id, api_version, livemode, created, received_at, state, attempts, next_try_at, note)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'pending', 0, ?8, '')
ON CONFLICT (id) DO NOTHING RETURNING seq`
	sysPendingEvents = `
SELECT seq, id, type, customer, object_id, api_version, livemode, created, received_at, attempts, note
FROM stripe_events WHERE state = 'pending' AND next_try_at <= ? ORDER BY next_try_at, seq LIMIT ?`
	sysNewestEvent    = `SELECT coalesce(max(seq), 0) FROM stripe_events`
	sysFinishEventsOf = `
UPDATE stripe_events SET state = ?, note = ?, ended_at = ? WHERE state = 'pending' AND customer = ? AND seq <= ? RETURNING 1`
	sysFinishEvent = `UPDATE stripe_events SET state = ?, note = ?, ended_at = ? WHERE state = 'pending' AND id = ? RETURNING 1`
	sysDeferEvent  = `
UPDATE stripe_events SET attempts = attempts + 1, next_try_at = max(next_try_at, ?2), note = ?3
WHERE state = 'pending' AND (id = ?1 OR (customer <> '' AND customer = (SELECT customer FROM stripe_events WHERE id = ?1)
  AND seq <= (SELECT seq FROM stripe_events WHERE id = ?1)))`

	sysSaveStripeSetup = `
INSERT OR REPLACE INTO stripe_setups (webhook_secret_hash, account_id, livemode, endpoint_id, endpoint_url, product_id, price_id,
  portal_configuration, api_version, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sysListStripeSetups = `
SELECT webhook_secret_hash, account_id, livemode, endpoint_id, endpoint_url, product_id, price_id, portal_configuration, api_version, created_at
FROM stripe_setups ORDER BY created_at DESC, webhook_secret_hash`
)

func billingStatements() []string {
	return []string{
		sysUseTrial, sysOrgByStripeCustomer, sysDirtyQuantities, sysHeldQuantities,
		sysReceiveEvent, sysPendingEvents, sysNewestEvent, sysFinishEventsOf, sysFinishEvent, sysDeferEvent,
		sysSaveStripeSetup, sysListStripeSetups,
	}
}
