// Makes tasks, and serves them with the people who do them.
package hostawaytest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // listing times must not depend on the machine
)

type task struct {
	id                 int64
	title, description string
	listing            *listing
	reservation        *reservation // nil: not tied to a stay
	category           int          // of categoriesMap
	assignee           int64
	status             string
	start, end, done   stamp
	cost               cents
}

const (
	cleaning    = 1
	maintenance = 2
)

var repairs = []string{"Fix the dripping tap", "Service the boiler", "Replace the broken blind", "Paint the hallway", "Check the smoke alarms", "New batteries for the key box"}

// makeTasks gives the departures around today a cleaning, but for every ninth, which somebody forgot, and each listing a repair or two.
func (w *world) makeTasks() {
	for n, r := range w.byID() {
		if (r.stands() || r.status == "ownerStay") && r.departure >= w.today-14 && r.departure <= w.today+14 && n%9 != 4 {
			w.addCleaning(r)
		}
	}
	for _, l := range w.listingOrder {
		if l.archived {
			continue
		}
		d := newDice(shapeSeed, streamTask, int64(l.index))
		for range 1 + d.below(2) {
			w.addRepair(l, d)
		}
	}
}

func (w *world) addTask(t *task) {
	t.id = firstTask + int64(len(w.tasks))
	w.tasks = append(w.tasks, t)
}

func (w *world) addCleaning(r *reservation) {
	d := newDice(shapeSeed, streamTask, r.id)
	t := &task{
		title: w.marked("Cleaning after departure"), description: fmt.Sprintf("%d guests leave. Change linen and towels.", r.guests()),
		listing: r.listing, reservation: r, category: cleaning, status: "pending", cost: 4500 + cents(r.listing.number("bedroomsNumber"))*1500,
	}
	t.start = w.localHour(r.listing, r.departure, r.listing.number("checkOutTime"))
	t.end = t.start + 4*3600
	if !d.chance(12) {
		t.assignee = firstUser + 1 + int64(d.below(2))
		t.status = "confirmed"
	}
	if r.departure < w.today {
		t.status, t.done = "completed", t.end-1800
		if d.chance(6) {
			t.status, t.done = "pending", 0 // overdue
		}
	}
	w.addTask(t)
}

func (w *world) addRepair(l *listing, d *dice) {
	on := w.today + day(d.between(-20, 15))
	t := &task{
		title: w.marked(repairs[d.below(len(repairs))]), listing: l, category: maintenance, status: "pending",
		start: on.at(8, 0), end: on.at(17, 0), cost: cents(newDice(w.seed, streamTask, int64(len(w.tasks))).between(30, 240)) * 100,
	}
	switch {
	case d.chance(50):
		t.assignee, t.status = firstUser+3, "inProgress"
		if on < w.today-5 {
			t.status, t.done = "completed", t.end
		}
	case on > w.today:
		t.assignee = firstUser + 3
	}
	w.addTask(t)
}

// zone gives the time zone of a listing; a client may have written any text, which then means UTC.
func (w *world) zone(l *listing) *time.Location {
	name := l.text("timeZoneName")
	if zone := w.zones[name]; zone != nil {
		return zone
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		zone = time.UTC
	}
	w.zones[name] = zone
	return zone
}

// localHour gives the UTC moment of an hour of the listing's own clock.
func (w *world) localHour(l *listing, d day, hour int) stamp {
	t := d.time()
	return stampOf(time.Date(t.Year(), t.Month(), t.Day(), hour, 0, 0, 0, w.zone(l)))
}

func (w *world) local(l *listing, s stamp) string { return s.time().In(w.zone(l)).Format(stampLayout) }

func (w *world) taskRow(t *task) json.RawMessage {
	o := newObject().set("id", t.id).set("title", t.title).set("description", orNull(t.description)).set("listingMapId", t.listing.id)
	var channel, reservationID any
	if t.reservation != nil {
		channel, reservationID = t.reservation.channel, t.reservation.id
	}
	o.set("channelId", channel).set("reservationId", reservationID).set("reservationUnitId", nil).set("autoTaskId", nil).
		set("assigneeUserId", idOrNull(t.assignee)).set("canBePickedByGroupId", nil).set("supervisorUserId", nil).
		set("createdByUserId", firstUser).set("isUpdatedManually", flag(false)).set("checklistTemplateId", nil).
		set("canStartFrom", t.start).set("canStartFromListingTime", w.local(t.listing, t.start)).set("canStartFromEvent", t.event()).
		set("canStartFromEventDelta", 0).set("shouldEndBy", t.end).set("shouldEndByListingTime", w.local(t.listing, t.end)).
		set("shouldEndByEvent", t.event()).set("shouldEndByEventDelta", 4).set("status", t.status).set("resolutionNote", nil)
	return o.set("feedbackScore", nil).set("feedbackNote", nil).set("startedAt", nil).set("confirmedAt", nil).set("completedAt", t.done).
		set("priority", nil).set("cost", t.cost).set("costCurrency", t.listing.text("currencyCode")).set("costDescription", nil).
		set("color", nil).set("expense", nil).set("rank", 0).set("checklistItems", []int{}).set("customFieldValue", []int{}).
		set("categoriesMap", []int{t.category}).done()
}

func (t *task) event() any {
	if t.category == cleaning {
		return "departure"
	}
	return nil
}

func listTasks(x *exchange) reply {
	w := x.world
	w.fill()
	rows := slices.DeleteFunc(slices.Clone(w.tasks), func(t *task) bool { return !t.wanted(x.query) })
	p := paging(x.query, 100, 500)
	p.count = len(rows)
	from, to := p.cut(len(rows))
	out := []json.RawMessage{}
	for _, t := range rows[from:to] {
		out = append(out, w.taskRow(t))
	}
	return listed(out, p)
}

func (t *task) wanted(q query) bool {
	if id, given := q.number("reservationId"); given && (t.reservation == nil || t.reservation.id != id) {
		return false
	}
	if id, given := q.number("channelId"); given && (t.reservation == nil || int64(t.reservation.channel) != id) {
		return false
	}
	for key, have := range map[string]string{"status": t.status, "canStartFromEvent": fmt.Sprint(t.event()), "shouldEndByEvent": fmt.Sprint(t.event())} {
		if want := q.get(key); want != "" && want != have {
			return false
		}
	}
	for key, at := range map[string]stamp{"canStartFromStart": t.start, "shouldEndByStart": t.end} {
		if d, given := q.day(key); given && at.day() < d {
			return false
		}
	}
	for key, at := range map[string]stamp{"canStartFromEnd": t.start, "shouldEndByEnd": t.end} {
		if d, given := q.day(key); given && at.day() > d {
			return false
		}
	}
	return strings.Contains(strings.ToLower(t.title), strings.ToLower(q.get("match")))
}

func getTask(x *exchange) reply {
	x.world.fill()
	for _, t := range x.world.tasks {
		if t.id == x.number("id") {
			return ok(x.world.taskRow(t))
		}
	}
	return noSuch("Task")
}
