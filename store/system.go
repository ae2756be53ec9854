// The system door's statements: all that may look across orgs, or at rows that
// belong to no org. A connection at this door refuses any other text. None of
// them writes a row of an org; that needs the org's own door (the authorizer in
// scope.go sees to it).

package store

import "slices"

// Across orgs: how a key, a session or a job finds its org, and the sealed rows.
const (
	sysKeyByHash = `
SELECT ` + orgColumns + `, k.id, k.name, k.last4, k.created_by, k.created_at, k.last_used_at
FROM api_keys_all k JOIN orgs_all o ON o.id = k.org_id` + orgAccess + `
WHERE k.hash = ? AND k.revoked_at IS NULL`

	// The org that the session looks at, or the person's first one when that
	// membership has ended.
	sysSessionByToken = `
SELECT ` + orgColumns + `, s.id, s.created_at, s.last_seen_at, s.expires_at,
       u.id, u.email, u.name, u.operator, u.verified_at, u.created_at,
       m.id, m.user_id, m.email, m.name, m.role, m.created_at
FROM sessions s
JOIN users u ON u.id = s.user_id
JOIN members_all m ON m.user_id = s.user_id
JOIN orgs_all o ON o.id = m.org_id` + orgAccess + `
WHERE s.token_hash = ?
ORDER BY m.org_id IS NOT s.in_org, m.created_at, m.org_id LIMIT 1`

	sysMemberships = `
SELECT o.id, o.name, m.role
FROM members_all m JOIN orgs_all o ON o.id = m.org_id
WHERE m.user_id = ? ORDER BY o.name, o.id`

	sysFirstOrg  = `SELECT org_id FROM members_all WHERE user_id = ? ORDER BY created_at, org_id LIMIT 1`
	sysCountOrgs = `SELECT count(*) FROM orgs_all`
	sysOrgsAfter = `SELECT ` + orgColumns + ` FROM orgs_all o` + orgAccess + ` WHERE o.id > ? ORDER BY o.id LIMIT 100`

	sysStaleOrgs = `
SELECT count(*) OVER (), ` + orgColumns + `
FROM orgs_all o` + orgAccess + `
WHERE o.id IN (
  SELECT org_id FROM connections_all WHERE substr(secret, 1, 5) <> ?1 OR substr(token, 1, 5) <> ?1
  UNION SELECT org_id FROM mails_all WHERE state = 'queued' AND substr(payload, 1, 5) <> ?1)
ORDER BY o.id LIMIT ?2`

	sysSealedBy = `
SELECT lower(hex(substr(envelope, 2, 4))), count(*)
FROM (SELECT secret AS envelope FROM connections_all
      UNION ALL SELECT token FROM connections_all WHERE token IS NOT NULL
      UNION ALL SELECT payload FROM mails_all WHERE state = 'queued'
      UNION ALL SELECT payload FROM user_mails WHERE state = 'queued')
GROUP BY 1`

	sysCountSealed = `
SELECT (SELECT count(*) FROM canaries) + (SELECT count(*) FROM connections_all)
  + (SELECT count(*) FROM mails_all WHERE state = 'queued') + (SELECT count(*) FROM user_mails WHERE state = 'queued')`
)

// For the operator: orgs in figures. ?2 is the first day of the month.
const (
	// Only the figure that is asked for is worked out.
	sysOrgKeys = `
SELECT o.id, o.name, coalesce(CASE ?1
  WHEN 'members' THEN (SELECT count(*) FROM members_all m WHERE m.org_id = o.id)
  WHEN 'listings' THEN (SELECT c.listing_count FROM connections_all c WHERE c.org_id = o.id)
  WHEN 'calls' THEN (SELECT sum(u.calls) FROM usage_all u WHERE u.org_id = o.id AND u.day >= ?2)
  WHEN 'last-call' THEN (SELECT max(u.last_call_at) FROM usage_all u
    WHERE u.org_id = o.id AND u.day = (SELECT max(day) FROM usage_all WHERE org_id = o.id))
  WHEN 'created' THEN o.created_at
END, -1)
FROM orgs_all o`

	sysOrgFigures = `
SELECT o.id, o.name, o.created_at,
  (SELECT count(*) FROM members_all m WHERE m.org_id = o.id),
  (SELECT count(*) FROM api_keys_all k WHERE k.org_id = o.id AND k.revoked_at IS NULL),
  coalesce(c.state, ''), c.listing_count,
  coalesce((SELECT sum(u.calls) FROM usage_all u WHERE u.org_id = o.id AND u.day >= ?2), 0),
  coalesce((SELECT sum(u.failed) FROM usage_all u WHERE u.org_id = o.id AND u.day >= ?2), 0),
  (SELECT max(u.last_call_at) FROM usage_all u
    WHERE u.org_id = o.id AND u.day = (SELECT max(day) FROM usage_all WHERE org_id = o.id))
FROM orgs_all o LEFT JOIN connections_all c ON c.org_id = o.id
WHERE o.id IN (SELECT value FROM json_each(?1))`

	sysOrgFacts = `
SELECT count(*) FILTER (WHERE m.role = 'owner'), count(*) FILTER (WHERE m.role = 'admin'), count(*) FILTER (WHERE m.role = 'member'),
  (SELECT checked_at FROM connections_all WHERE org_id = ?1), (SELECT refused_at FROM connections_all WHERE org_id = ?1)
FROM members_all m WHERE m.org_id = ?1`

	sysOrgKeyFacts = `
SELECT last4, created_at, last_used_at, revoked_at FROM api_keys_all WHERE org_id = ?
ORDER BY revoked_at IS NOT NULL, created_at DESC, id`

	sysOrgFailures = `
SELECT action, error_code, count(*), max(at)
FROM (SELECT action, error_code, at, actor_kind, outcome FROM audit_all WHERE org_id = ? AND id >= ? ORDER BY id DESC LIMIT ?)
WHERE actor_kind = 'key' AND outcome <> 'ok'
GROUP BY action, error_code ORDER BY count(*) DESC, action, error_code LIMIT 50`
)

// People, sessions, links and attempts: rows of no org.
const (
	sysUserByEmail   = `SELECT id, email, name, operator, verified_at, created_at, password FROM users WHERE email = ?`
	sysListUsers     = `SELECT id, email, name, operator, verified_at, created_at FROM users ORDER BY email`
	sysAddUser       = `INSERT INTO users (id, email, name, password, operator, verified_at, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)`
	sysSetOperator   = `UPDATE users SET operator = ? WHERE email = ? RETURNING id`
	sysSetPassword   = `UPDATE users SET password = ? WHERE id = ? RETURNING email`
	sysRenewPassword = `UPDATE users SET password = ? WHERE id = ? AND password = ?`

	sysDropUser = `DELETE FROM users WHERE id = ? AND operator = 0 RETURNING id`

	sysAddSession = `
INSERT INTO sessions (id, token_hash, user_id, in_org, ip, user_agent, created_at, last_seen_at, expires_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sysTouchSession       = `UPDATE sessions SET last_seen_at = max(last_seen_at, ?) WHERE id = ?`
	sysMoveSession        = `UPDATE sessions SET in_org = ? WHERE token_hash = ? RETURNING id`
	sysEndSession         = `DELETE FROM sessions WHERE token_hash = ?`
	sysLeaveOrg           = `UPDATE sessions SET in_org = NULL WHERE in_org = ? RETURNING 1`
	sysEndSessionsOf      = `DELETE FROM sessions WHERE user_id = ?`
	sysAddSignUpLink      = `INSERT INTO sign_up_links (token_hash, kind, created_by, created_at, expires_at) VALUES (?, ?, ?, ?, ?)`
	sysDropSetUpLinks     = `DELETE FROM sign_up_links WHERE kind = 'setup' AND used_at IS NULL`
	sysSignUpLink         = `SELECT kind, expires_at FROM sign_up_links WHERE token_hash = ? AND used_at IS NULL`
	sysUseSignUpLink      = `UPDATE sign_up_links SET used_at = ? WHERE token_hash = ? AND used_at IS NULL RETURNING kind, expires_at`
	sysAddPasswordReset   = `INSERT INTO password_resets (token_hash, user_id, created_by, created_at, expires_at) VALUES (?, ?, ?, ?, ?)`
	sysDropPasswordResets = `DELETE FROM password_resets WHERE user_id = ?`
	sysPasswordReset      = `
SELECT r.user_id, u.email, r.expires_at, r.mailed FROM password_resets r JOIN users u ON u.id = r.user_id
WHERE r.token_hash = ? AND r.used_at IS NULL`

	sysAttempts       = `SELECT failures, last_at, blocked_to FROM attempts WHERE subject = ?`
	sysSetAttempts    = `INSERT OR REPLACE INTO attempts (subject, failures, last_at, blocked_to) VALUES (?, ?, ?, ?)`
	sysForgetAttempts = `DELETE FROM attempts WHERE subject = ?`

	sysDropEndedSessions = `
DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < ? OR last_seen_at < ? LIMIT ?) RETURNING 1`
	sysDropOldSignUpLinks = `
DELETE FROM sign_up_links WHERE token_hash IN (SELECT token_hash FROM sign_up_links WHERE expires_at < ? OR used_at < ? LIMIT ?) RETURNING 1`
	sysDropOldPasswordResets = `
DELETE FROM password_resets WHERE token_hash IN (SELECT token_hash FROM password_resets WHERE expires_at < ? OR used_at < ? LIMIT ?) RETURNING 1`
	sysDropAttempts = `
DELETE FROM attempts WHERE subject IN (SELECT subject FROM attempts WHERE last_at < ? ORDER BY last_at LIMIT ?) RETURNING 1`

	sysListJobs = `SELECT name, done_slot, running, started_at, succeeded_at, failed_at, failures, error FROM jobs ORDER BY name`
	sysStartJob = `
INSERT INTO jobs (name, running, started_at, failures, error) VALUES (?1, 1, ?2, 0, '')
ON CONFLICT (name) DO UPDATE SET running = 1, started_at = ?2 WHERE started_at IS ?3 RETURNING name`
	sysJobSucceeded = `
UPDATE jobs SET running = 0, done_slot = ?, succeeded_at = ?, failures = 0, error = '' WHERE name = ? RETURNING name`
	sysJobFailed = `
UPDATE jobs SET running = 0, failed_at = ?, failures = failures + 1, error = ? WHERE name = ? RETURNING name`

	sysInstallation = `SELECT id FROM installation WHERE one = 1`
	sysMarkNewest   = `UPDATE installation SET newest = max(newest, ?) WHERE one = 1`
	sysPrunedTo     = `SELECT pruned_to FROM installation WHERE one = 1`
	sysSetPrunedTo  = `UPDATE installation SET pruned_to = ? WHERE one = 1`
	sysProbe        = `UPDATE installation SET one = one WHERE one = 1`
	sysSetServing   = `UPDATE installation SET serving_since = ? WHERE one = 1`

	sysCanaries     = `SELECT key_id, envelope FROM canaries ORDER BY key_id`
	sysAddCanary    = `INSERT INTO canaries (key_id, envelope, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
	sysDropCanaries = `DELETE FROM canaries WHERE key_id <> ?`
)

// systemStatements is the list that the door checks. sql_test.go keeps it equal
// to the constants above.
func systemStatements() []string {
	return append(slices.Concat(billingStatements(), verifyStatements()),
		sysKeyByHash, sysSessionByToken, sysMemberships, sysFirstOrg, sysCountOrgs, sysOrgsAfter, sysStaleOrgs, sysSealedBy, sysCountSealed,
		sysUserByEmail, sysListUsers, sysAddUser, sysSetOperator, sysSetPassword, sysRenewPassword, sysDropUser,
		sysAddSession, sysTouchSession, sysMoveSession, sysEndSession, sysLeaveOrg, sysEndSessionsOf,
		sysAddSignUpLink, sysDropSetUpLinks, sysSignUpLink, sysUseSignUpLink, sysAddPasswordReset, sysDropPasswordResets, sysPasswordReset,
		sysOrgKeys, sysOrgFigures, sysOrgFacts, sysOrgKeyFacts, sysOrgFailures,
		sysAttempts, sysSetAttempts, sysForgetAttempts,
		sysDropEndedSessions, sysDropOldSignUpLinks, sysDropOldPasswordResets, sysDropAttempts,
		sysListJobs, sysStartJob, sysJobSucceeded, sysJobFailed,
		sysInstallation, sysMarkNewest, sysPrunedTo, sysSetPrunedTo, sysProbe, sysSetServing, sysCanaries, sysAddCanary, sysDropCanaries,
	)
}

func listed(text string) bool {
	for _, s := range systemStatements() {
		if s == text {
			return true
		}
	}
	return false
}
