// Who did it: every change and every tool call names its actor.

package store

// ActorKind says what kind of actor did something.
type ActorKind string

// The kinds of actor that the audit log knows.
const (
	ActorMember   ActorKind = "member"
	ActorKey      ActorKind = "key"
	ActorOperator ActorKind = "operator"
	ActorSystem   ActorKind = "system"
)

// Actor is who does something, and from where. ID is a member's, key's or
// user's id; Name is what the audit log shows. The rest may be empty.
type Actor struct {
	Kind      ActorKind
	ID, Name  string
	IP        string
	UserAgent string
	RequestID string
}

// label is the actor in one word, for rows that keep no more.
func (a Actor) label() string {
	if a.Name != "" {
		return a.Name
	}
	if a.ID != "" {
		return a.ID
	}
	return string(a.Kind)
}
