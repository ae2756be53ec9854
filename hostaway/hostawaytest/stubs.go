package hostawaytest

type (
	logRow       struct{}
	conversation struct {
		unread             bool
		sentOn, receivedOn stamp
	}
	review    struct{}
	task      struct{}
	expense   struct{}
	statement struct{}
	Landmarks struct{}
)

func (w *world) findLandmarks() {}
