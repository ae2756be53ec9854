// Makes the threads of a world: what was said is planned when the world is filled, and written down when somebody looks.
package hostawaytest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// script says what kind of thread a reservation has.
type script int

const (
	usualScript   script = iota
	longScript           // several dozen messages over all four ways of writing
	hugeScript           // more than one page of messages
	trickScript          // ends with a prompt injection
	markupScript         // ends with HTML, emoji and right-to-left text
	waitingScript        // ends with an open question
)

// planned are the facts a thread was planned from; the reservation itself may change before somebody looks.
type planned struct {
	slot, channel      int
	status             string
	arrival, departure day
	booked, cancelled  stamp
	today              day
	script             script
}

func (w *world) makeConversations() {
	for _, r := range w.byUpdate {
		if r.status == "ownerStay" {
			continue
		}
		c := w.addConversation(r)
		c.loaded, c.plan = false, planned{
			slot: r.slot, channel: r.channel, status: r.status, arrival: r.arrival, departure: r.departure,
			booked: r.booked, cancelled: r.cancelled, today: w.today, script: w.scriptOf(r),
		}
		c.firstMessage = w.nextMessage
		list := c.plan.messages()
		w.nextMessage += int64(len(list))
		c.archived = r.departure < w.today-200 && r.slot%3 == 0
		c.unread = len(list) > 0 && !list[len(list)-1].seen
	}
}

// scriptOf gives the anchors of the first dozen their special threads.
func (w *world) scriptOf(r *reservation) script {
	if !r.anchor || r.listing.index >= 12 || r.unit > 1 {
		return usualScript
	}
	switch key := [2]int{r.listing.index, int(r.arrival - w.today)}; key {
	case [2]int{1, -2}:
		return longScript
	case [2]int{bareListing, -10}:
		return hugeScript
	case [2]int{2, 0}:
		return trickScript
	case [2]int{5, 1}:
		return markupScript
	case [2]int{0, 0}, [2]int{6, 3}, [2]int{8, -1}:
		return waitingScript
	}
	return usualScript
}

// load writes the planned messages down.
func (w *world) load(c *conversation) {
	if c.loaded {
		return
	}
	c.loaded = true
	list := c.plan.messages()
	for i := range list {
		m := &list[i]
		m.id = c.firstMessage + int64(i)
		if m.incoming && !c.unread {
			m.seen = true
		}
		c.add(m)
	}
}

// plot collects the messages of one thread.
type plot struct {
	planned
	dice *dice
	out  []message
}

func (f planned) messages() []message {
	p := &plot{planned: f, dice: newDice(shapeSeed, streamThread, int64(f.slot))}
	switch {
	case isInquiry(f.status) || f.status == "declined" || f.status == "expired" || f.status == "pending" || f.status == "unconfirmed":
		p.ask(f.booked, topicAvailable, p.dice.chance(70))
	default:
		p.stay()
	}
	switch f.script {
	case longScript:
		p.chat(46)
	case hugeScript:
		p.chat(132)
	case trickScript:
		p.ask(p.yesterday(21), topicInjection, false)
	case markupScript:
		p.ask(p.yesterday(18), topicRich, false)
	case waitingScript:
		p.ask(p.yesterday(15), pick(p.dice, beforeTopics), false)
	}
	slices.SortStableFunc(p.out, func(a, b message) int { return cmp.Compare(a.at, b.at) })
	return p.out
}

func (p *plot) yesterday(hour int) stamp { return (p.today - 1).at(hour, p.dice.below(60)) }

// stay plans the thread of a booking: automatic messages, questions before and during, thanks.
func (p *plot) stay() {
	p.automate(topicConfirmed, p.booked+300)
	if p.dice.chance(55) {
		p.ask(p.booked+stamp(p.dice.between(2, 60))*3600, pick(p.dice, beforeTopics), p.dice.chance(95))
	}
	p.automate(topicCheckIn, (p.arrival-2).at(9, 0))
	if p.status == "cancelled" {
		p.ask(p.cancelled-1800, topicCancel, true)
	} else {
		if p.dice.chance(40) {
			p.ask(p.arrival.at(17, p.dice.below(60)), topicArrived, p.dice.chance(60))
		}
		if nights := int(p.departure - p.arrival); nights > 1 && p.dice.chance(25) {
			p.ask((p.arrival+day(p.dice.between(1, nights-1))).at(p.dice.between(8, 22), p.dice.below(60)), pick(p.dice, duringTopics), true)
		}
		if p.arrival >= p.today-3 && p.arrival <= p.today+30 && p.dice.chance(22) {
			p.ask(p.yesterday(p.dice.between(6, 22)), pick(p.dice, beforeTopics), false)
		}
	}
	p.automate(topicCheckOut, (p.departure-1).at(17, 0))
	p.automate(topicReview, (p.departure+1).at(10, 0))
}

// way is how the two sides usually write.
func (p *plot) way() string {
	if p.dice.chance(12) {
		return pick(p.dice, []string{"sms", "whatsapp"})
	}
	if p.channel == channelDirect || p.channel == 2013 {
		return "email"
	}
	return "channel"
}

func (p *plot) past(at stamp) bool { return at < p.today.at(0, 0) }

func (p *plot) automate(t topic, at stamp) {
	m := message{automatic: true, seen: true, topic: t, at: at, kind: "channel", status: "sent"}
	if p.channel == channelDirect || p.channel == 2013 {
		m.kind = "email"
	}
	switch {
	case p.cancelled > 0 && at > p.cancelled:
		m.status = "cancelled_by_system"
	case !p.past(at):
		m.status = "awaiting"
	case p.dice.chance(2):
		m.status = "failed"
	}
	p.out = append(p.out, m)
}

// ask lets the guest ask, and the host answer within hours if answered; nothing manual lies in the future.
func (p *plot) ask(at stamp, t topic, answered bool) {
	way, delay, read := p.way(), stamp(p.dice.between(4, 300))*60, p.dice.chance(30)
	if !p.past(at) {
		return
	}
	answered = answered && p.past(at+delay)
	p.out = append(p.out, message{incoming: true, topic: t, at: at, kind: way, status: "sent", seen: answered || read, attachment: t == topicDirty})
	if answered {
		p.out = append(p.out, message{seen: true, topic: t, at: at + delay, kind: way, status: "sent", viaAnotherUI: p.dice.chance(15)})
	}
}

// chat fills the days up to yesterday with a long talk; the guest has the last word.
func (p *plot) chat(n int) {
	ways := communicationTypes
	from := max(p.booked, (p.today-12).at(8, 0))
	step := ((p.today).at(0, 0) - 1800 - from) / stamp(n)
	for i := range n {
		t := duringTopics[(i/2)%len(duringTopics)]
		m := message{incoming: i%2 == 1, topic: t, at: from + step*stamp(i+1), kind: ways[(i/4)%len(ways)], status: "sent", seen: i < n-1}
		if !m.incoming {
			m.topic = duringTopics[((i+len(duringTopics)*2-1)/2)%len(duringTopics)]
		}
		p.out = append(p.out, m)
	}
}

// bodyOf gives the text of a message, in the guest's language where the guest speaks.
func (w *world) bodyOf(c *conversation, m *message) string {
	g := c.reservation.guest
	switch {
	case m.body != "":
		return m.body
	case m.automatic:
		return w.marked(fmt.Sprintf(automatic[m.topic], cmp.Or(g.first, "there")))
	case m.incoming:
		return w.marked(question(m.topic, g.locale))
	}
	return w.marked(strings.TrimSpace(answers[m.topic]))
}
