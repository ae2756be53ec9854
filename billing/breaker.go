package billing

// breaker.go stops a run that wants to change too much: a bug in counting must not
// bill everyone anew.

const (
	repairShare = 20 // at most one org in twenty
	repairLeast = 3  // so many are always allowed: a small server heals too
	repairMost  = 50 // and never more than these in one run
)

// tooMany tells whether a run may not change so many of the server's orgs.
func tooMany(changes, orgs int) bool { return changes > repairLimit(orgs) }

// repairLimit is how many orgs one run may change.
func repairLimit(orgs int) int {
	return min(max(orgs/repairShare, repairLeast), repairMost)
}
