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

	sysSawWebhookPosts = `
INSERT INTO webhook_secrets (secret_hash, verified_at, refused, refused_at, why) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (secret_hash) DO UPDATE SET verified_at = coalesce(?2, verified_at),
  refused = ?3 + CASE WHEN ?2 IS NULL THEN refused ELSE 0 END,
  refused_at = CASE WHEN ?2 IS NULL THEN coalesce(?4, refused_at) ELSE ?4 END,
  why = CASE WHEN ?2 IS NULL AND ?3 = 0 THEN why ELSE ?5 END`
	sysListWebhookSecrets = `SELECT secret_hash, verified_at, refused, refused_at, why FROM webhook_secrets ORDER BY secret_hash`

	// What a run repaired counts as resolved from then on, at the time it was last seen.
	// The next run that does not find it confirms that; one that finds it again opens it,
	// however often it is repaired then.
	sysSawFinding = `
INSERT INTO billing_findings (invariant, subject, in_org, detail, first_seen_at, last_seen_at, resolved_at, repairs)
VALUES (?1, ?2, (SELECT id FROM orgs_all WHERE id = ?3), ?4, ?5, ?5, iif(?6, ?5, NULL), ?6)
ON CONFLICT (invariant, subject) DO UPDATE SET in_org = excluded.in_org, detail = ?4, last_seen_at = ?5,
  resolved_at = CASE WHEN ?6 AND NOT (repairs AND (resolved_at IS NULL OR resolved_at = last_seen_at)) THEN ?5 END,
  first_seen_at = CASE WHEN resolved_at IS NULL OR resolved_at = last_seen_at THEN first_seen_at ELSE ?5 END,
  repairs = CASE WHEN resolved_at IS NULL OR resolved_at = last_seen_at THEN repairs ELSE 0 END + ?6`
	sysResolveFindings = `
UPDATE billing_findings SET resolved_at = ?1
WHERE (resolved_at IS NULL OR resolved_at = last_seen_at) AND invariant IN (SELECT value FROM json_each(?2)) AND subject NOT IN (SELECT value FROM json_each(?3))
  AND (invariant || ' ' || subject) NOT IN (SELECT value FROM json_each(?4))`
	sysListFindings = `
SELECT invariant, subject, coalesce(in_org, ''), detail, first_seen_at, last_seen_at, resolved_at, repairs FROM billing_findings
WHERE resolved_at IS NULL OR resolved_at >= ? ORDER BY resolved_at IS NOT NULL, invariant, first_seen_at, subject LIMIT ?`
	sysDropFindingsOf = `DELETE FROM billing_findings WHERE in_org = ?`

	sysRefusedConnections = `
SELECT ` + orgColumns + ` FROM connections_all c JOIN orgs_all o ON o.id = c.org_id` + orgAccess + `
WHERE c.state = 'refused' AND c.refused_at <= ? ORDER BY c.refused_at, c.org_id LIMIT ?`

	// AccessState.at, for all orgs at once.
	sysBillingAccess = `
SELECT CASE
    WHEN access = 'trial' AND trial_ends_at <= ?1 THEN 'none'
    WHEN access IN ('active', 'grace') AND cancel_at <= ?1 THEN 'canceled'
    WHEN access = 'grace' AND grace_ends_at <= ?1 THEN 'suspended'
    ELSE access END, count(*)
FROM billing_accounts_all GROUP BY 1`
	sysBillingFigures = `
SELECT
  (SELECT count(*) FROM desired_quantities_all WHERE state = 'dirty'), (SELECT min(changed_at) FROM desired_quantities_all WHERE state = 'dirty'),
  (SELECT count(*) FROM desired_quantities_all WHERE hold_reason <> ''), (SELECT min(held_since_at) FROM desired_quantities_all WHERE hold_reason <> ''),
  (SELECT count(*) FROM stripe_events WHERE state = 'pending' AND note <> '` + EventOfNobody + `'),
  (SELECT min(received_at) FROM stripe_events WHERE state = 'pending' AND note <> '` + EventOfNobody + `'),
  (SELECT received_at FROM stripe_events ORDER BY seq DESC LIMIT 1),
  (SELECT count(*) FROM mails_all WHERE state = 'queued') + (SELECT count(*) FROM user_mails WHERE state = 'queued'),
  (SELECT min(created_at) FROM (SELECT created_at FROM mails_all WHERE state = 'queued' UNION ALL SELECT created_at FROM user_mails WHERE state = 'queued')),
  (SELECT count(*) FROM mails_all WHERE state = 'failed') + (SELECT count(*) FROM user_mails WHERE state = 'failed')`
	sysFindingFigures = `SELECT invariant, count(*) FROM billing_findings WHERE resolved_at IS NULL GROUP BY 1`

	sysAddUserMail = `
INSERT INTO user_mails (id, user_id, kind, dedupe_key, payload, state, attempts, next_try_at, last_error, created_at)
VALUES (?1, ?2, ?3, ?4, ?5, 'queued', 0, ?6, '', ?6) ON CONFLICT (dedupe_key) DO NOTHING`
	sysOperators = `SELECT email, name FROM users WHERE operator = 1 ORDER BY email`
	sysDueMails  = `
SELECT ` + orgColumns + `, m.recipient, m.id, m.kind, m.payload, m.attempts, m.created_at, m.next_try_at, p.email, p.name
FROM mails_all m JOIN orgs_all o ON o.id = m.org_id` + orgAccess + ` LEFT JOIN members_all p ON p.org_id = m.org_id AND p.id = m.recipient
WHERE m.state = 'queued' AND m.next_try_at <= ? ORDER BY m.next_try_at LIMIT ?`
	sysDueUserMails = `
SELECT m.id, m.kind, m.payload, m.attempts, m.created_at, m.next_try_at, u.email, u.name
FROM user_mails m JOIN users u ON u.id = m.user_id
WHERE m.state = 'queued' AND m.next_try_at <= ? ORDER BY m.next_try_at LIMIT ?`
	sysEndUserMail = `
UPDATE user_mails SET state = ?, last_error = ?, ended_at = ?, attempts = attempts + 1, payload = NULL, next_try_at = NULL
WHERE id = ? AND state = 'queued'`
	sysDeferUserMail = `
UPDATE user_mails SET next_try_at = ?, last_error = ?, attempts = attempts + 1 WHERE id = ? AND state = 'queued'`
	sysDropUserMails       = `DELETE FROM user_mails WHERE user_id = ?`
	sysCountStaleUserMails = `SELECT count(*) FROM user_mails WHERE state = 'queued' AND substr(payload, 1, 5) <> ?`
	sysStaleUserMails      = `SELECT id, payload FROM user_mails WHERE state = 'queued' AND substr(payload, 1, 5) <> ? ORDER BY id LIMIT ?`
	sysSetUserMail         = `UPDATE user_mails SET payload = ? WHERE id = ?`

	sysDropOldEvents = `
DELETE FROM stripe_events WHERE seq IN (SELECT seq FROM stripe_events WHERE state <> 'pending' AND ended_at < ? LIMIT ?) RETURNING 1`
	sysDropOldUserMails = `
DELETE FROM user_mails WHERE id IN (SELECT id FROM user_mails WHERE state <> 'queued' AND ended_at < ? LIMIT ?) RETURNING 1`
	sysDropOldFindings = `
DELETE FROM billing_findings WHERE (invariant, subject) IN (SELECT invariant, subject FROM billing_findings WHERE resolved_at < ? LIMIT ?) RETURNING 1`
)

func billingStatements() []string {
	return []string{
		sysUseTrial, sysOrgByStripeCustomer, sysDirtyQuantities, sysHeldQuantities, sysRefusedConnections,
		sysReceiveEvent, sysPendingEvents, sysNewestEvent, sysFinishEventsOf, sysFinishEvent, sysDeferEvent,
		sysSaveStripeSetup, sysListStripeSetups, sysSawWebhookPosts, sysListWebhookSecrets,
		sysSawFinding, sysResolveFindings, sysListFindings, sysDropFindingsOf, sysBillingAccess, sysBillingFigures, sysFindingFigures,
		sysAddUserMail, sysOperators, sysDueMails, sysDueUserMails, sysEndUserMail, sysDeferUserMail, sysDropUserMails,
		sysCountStaleUserMails, sysStaleUserMails, sysSetUserMail,
		sysDropOldEvents, sysDropOldUserMails, sysDropOldFindings,
	}
}
