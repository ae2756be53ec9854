// Replies and the envelope around them: {status, result, message, limit, offset, count, page, totalPages}.
package hostawaytest

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// reply is what a handler answers, before the envelope.
type reply struct {
	status      int
	result      json.RawMessage // nil: no result key
	failure     string          // a non-empty text makes it a fail
	application bool            // a refusal by the application, which FailWith200 turns into HTTP 200
	page        *page
	raw         []byte // sent as it is, without an envelope
	contentType string
}

// page carries the paging keys of a list. limit and offset are echoed when known.
type page struct {
	limit, offset, count int
	nullOffset           bool // some lists answer only count and offset: null
	textCount            bool // the count of custom formulas is a string
}

func ok(value any) reply {
	return reply{status: http.StatusOK, result: appendValue(nil, value)}
}

func listed(rows []json.RawMessage, p page) reply {
	return reply{status: http.StatusOK, result: appendArray(nil, rows), page: &p}
}

func refuse(status int, text string) reply {
	return reply{status: status, failure: text, application: true}
}

func transportError(status int, text string) reply { return reply{status: status, failure: text} }

// noSuch answers for ids that are unknown and for ids of other accounts alike.
func noSuch(noun string) reply { return refuse(http.StatusNotFound, noun+" not found") }

func plain(text, contentType string) reply {
	return reply{status: http.StatusOK, raw: []byte(text), contentType: contentType}
}

func (r reply) write(w http.ResponseWriter, e Envelope) int {
	status, body, contentType := r.status, r.raw, r.contentType
	if body == nil {
		if e.FailWith200 && r.application {
			status = http.StatusOK
		}
		body, contentType = r.envelope(e), "application/json"
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may have gone: nothing to do about it
	return status
}

func (r reply) envelope(e Envelope) []byte {
	o := newObject()
	if r.failure != "" {
		key := "message"
		if e.ErrorsInResult && r.application {
			key = "result"
		}
		return o.set("status", "fail").set(key, r.failure).done()
	}
	o.set("status", "success")
	if r.result != nil {
		o.set("result", r.result)
	}
	if r.page != nil {
		r.page.write(o, e)
	}
	return o.done()
}

func (p page) write(o *object, e Envelope) {
	if p.nullOffset {
		o.set("offset", nil)
	} else {
		o.set("limit", p.limit).set("offset", p.offset)
	}
	switch {
	case e.NoCount:
	case e.CountAsString || p.textCount:
		o.set("count", strconv.Itoa(p.count))
	default:
		o.set("count", p.count)
	}
	if e.PageKeys && p.limit > 0 {
		o.set("page", p.offset/p.limit+1).set("totalPages", (p.count+p.limit-1)/p.limit)
	}
}

// paging reads limit and offset: a missing or senseless limit gives the default, one above the maximum is cut silently.
func paging(q query, standard, maximum int) page {
	p := page{limit: standard}
	if n, ok := q.number("limit"); ok && n > 0 {
		p.limit = int(min(n, int64(maximum)))
	}
	if n, ok := q.number("offset"); ok && n > 0 {
		p.offset = int(min(n, 1<<30))
	}
	return p
}

// cut gives the window of p out of n rows.
func (p page) cut(n int) (from, to int) {
	from = min(p.offset, n)
	return from, min(from+p.limit, n)
}
