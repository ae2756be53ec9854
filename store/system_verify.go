// The system door's statements for addresses and their links.

package store

const (
	sysUserByID     = `SELECT email, verified_at FROM users WHERE id = ?`
	sysMarkVerified = `UPDATE users SET verified_at = ? WHERE id = ? AND verified_at IS NULL`

	sysAddVerification  = `INSERT INTO verifications (token_hash, user_id, created_at, expires_at) VALUES (?, ?, ?, ?)`
	sysVerification     = `SELECT v.user_id, u.email, v.expires_at FROM verifications v JOIN users u ON u.id = v.user_id WHERE v.token_hash = ?`
	sysVerificationsOf  = `SELECT created_at FROM verifications WHERE user_id = ? AND created_at > ? ORDER BY created_at`
	sysDropVerifyLinks  = `DELETE FROM verifications WHERE user_id = ?`
	sysDropOldVerifying = `
DELETE FROM verifications WHERE token_hash IN (SELECT token_hash FROM verifications WHERE expires_at < ? LIMIT ?) RETURNING 1`

	sysAddMailedReset    = `INSERT INTO password_resets (token_hash, user_id, created_by, created_at, expires_at, mailed) VALUES (?, ?, ?, ?, ?, 1)`
	sysCountMailedResets = `SELECT count(*) FROM password_resets WHERE user_id = ? AND mailed = 1 AND used_at IS NULL AND expires_at > ?`
)

func verifyStatements() []string {
	return []string{
		sysUserByID, sysMarkVerified, sysAddVerification, sysVerification, sysVerificationsOf, sysDropVerifyLinks, sysDropOldVerifying,
		sysAddMailedReset, sysCountMailedResets,
	}
}
