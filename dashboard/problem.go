// What callers are told when something does not work: one table from cause to words, with a next step. Everything that
// is not in the table is an internal error with a request id, and the log alone has the cause.
package dashboard

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"hostaway-mcp/store"
)

// problem is an error that a person reads, on a page or as JSON.
type problem struct {
	Status     int
	Code       string // for programs: stable, snake_case
	Title      string
	Message    string
	Next       string // what to do now
	RetryAfter time.Duration

	// Again is the ticket of a change that is made and waits for the copy, and Action the address that takes it; see held.go.
	Again, Action string
}

func (p *problem) Error() string { return p.Code + ": " + p.Message }

// The problems that handlers return themselves.
var (
	errNotFound = &problem{
		Status: 404, Code: "not_found", Title: "Page not found",
		Message: "There is nothing at this address.", Next: "Check the address, or go back to the overview.",
	}
	errNoSuchThing = &problem{
		Status: 404, Code: "not_found", Title: "Not found",
		Message: "It does not exist in this org; it may have been removed.", Next: "Go back to the list and look again.",
	}
	errUnauthorized = &problem{
		Status: 401, Code: "unauthorized", Title: "Sign in first",
		Message: "This needs a signed-in member.", Next: "Sign in on the dashboard, then send the request again with the session cookie. AI clients use an API key at /mcp instead.",
	}
	errCrossSite = &problem{
		Status: 403, Code: "cross_site", Title: "Request refused",
		Message: "The request came from a page of another site.", Next: "Open the dashboard directly and do it there.",
	}
	errStaleForm = &problem{
		Status: 403, Code: "csrf_token", Title: "This form is out of date",
		Message: "The form's security token is missing or belongs to another session. Nothing was changed.",
		Next:    "Go back, reload the page and send it again. Programs send the X-CSRF-Token header that every GET /api answer carries.",
	}
	errRole = &problem{
		Status: 403, Code: "forbidden", Title: "Not allowed",
		Message: "Only owners and admins of this org may do this. Nothing was changed.", Next: "Ask an owner or admin of the org.",
	}
	errOwnersOnly = &problem{
		Status: 403, Code: "forbidden", Title: "Not allowed",
		Message: "Only owners of this org may do this. Nothing was changed.", Next: "Ask an owner of the org.",
	}
	errInternal = &problem{
		Status: 500, Code: "internal", Title: "Something went wrong",
		Message: "The fault is on our side and has been logged. Nothing more is known here.",
		Next:    "Try again. If it stays, give the request id to the operator of this server.",
	}
)

// httpProblems are the causes that Fiber itself or the bridge reports, by status.
var httpProblems = map[int]*problem{
	404: errNotFound,
	405: {Status: 405, Code: "method_not_allowed", Title: "Not possible here", Message: "This address does not take that method.", Next: "Use the buttons and links of the pages, or see /api/openapi.json."},
	413: {Status: 413, Code: "too_large", Title: "Too large", Message: "The request is larger than 1 MB.", Next: "Send less."},
	415: {
		Status: 415, Code: "unsupported_body", Title: "Not understood", Message: "The body is compressed, or neither a form (application/x-www-form-urlencoded) nor JSON (application/json).",
		Next: "Send it uncompressed, with one Content-Type that names what it is.",
	},
}

// toProblem finds the words for an error.
func toProblem(err error) *problem {
	var p *problem
	var attempts *store.AttemptsError
	var input *store.InputError
	var fiberErr *fiber.Error
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &attempts):
		return &problem{
			Status: 429, Code: "too_many_attempts", Title: "Too many attempts",
			Message:    "There were too many attempts from here or for this address. This protects the accounts on this server.",
			Next:       "Wait " + span(attempts.RetryAfter) + ", then try again.",
			RetryAfter: attempts.RetryAfter,
		}
	case errors.As(err, &input):
		return &problem{Status: 422, Code: "invalid", Title: "Please check the form", Message: input.Problem, Next: "Correct it and send it again."}
	case errors.Is(err, store.ErrNotFound):
		return errNoSuchThing
	case errors.Is(err, store.ErrNotReplicated):
		return notCopied(&heldAnswer{})
	case errors.Is(err, store.ErrDiskFull):
		return &problem{
			Status: 503, Code: "disk_full", Title: "The server's disk is full",
			Message: "Nothing was changed, because nothing can be written.", Next: "Ask the operator of this server to free some space, then try again.", RetryAfter: time.Minute,
		}
	case errors.As(err, &fiberErr):
		if known := httpProblems[fiberErr.Code]; known != nil {
			return known
		}
		if fiberErr.Code >= 400 && fiberErr.Code < 500 {
			return &problem{Status: fiberErr.Code, Code: "bad_request", Title: "Request not understood", Message: "The request could not be read.", Next: "Go back and try again."}
		}
	}
	return errInternal
}

// failed is Fiber's error handler: JSON below /api/ and for programs, a page in the usual frame for people.
func (d *Dashboard) failed(c *fiber.Ctx, err error) error {
	p := toProblem(err)
	if fault := (*BillingError)(nil); errors.As(err, &fault) {
		p = billingProblem(fault, d.cfg.Now())
	}
	v := d.visitOf(c)
	if p == errInternal {
		d.logInternal(c, v, err)
	}
	if p.RetryAfter > 0 {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(int(math.Ceil(p.RetryAfter.Seconds()))))
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	if isAPI(c) || wantsJSON(c) {
		return sendProblem(c, v, p)
	}
	shownErr := d.show(c, v, shown{Page: "problem", Title: p.Title, Status: p.Status, Data: p})
	if shownErr != nil {
		d.cfg.Log.ErrorContext(c.UserContext(), "show problem page", "error", shownErr, "request_id", v.requestID)
		return c.Status(p.Status).SendString(p.Title + ". " + p.Next + " Request id: " + v.requestID)
	}
	return nil
}

func (d *Dashboard) logInternal(c *fiber.Ctx, v *visit, err error) {
	if errors.Is(err, context.Canceled) {
		return // the caller went away; nobody reads the answer
	}
	d.cfg.Log.ErrorContext(c.UserContext(), "dashboard request failed", "error", err, "method", c.Method(), "route", c.Route().Path, "request_id", v.requestID)
}

// isAPI is true for everything that programs read.
func isAPI(c *fiber.Ctx) bool { return c.Path() == "/api" || strings.HasPrefix(c.Path(), "/api/") }

// wantsJSON tells a program from a browser: clients that look for an OAuth server ask for addresses such as /register, and show their
// people whatever comes back.
func wantsJSON(c *fiber.Ctx) bool {
	accept := c.Get(fiber.HeaderAccept)
	sends := strings.HasPrefix(c.Get(fiber.HeaderContentType), fiber.MIMEApplicationJSON)
	return !strings.Contains(accept, "text/html") && (strings.Contains(accept, "json") || sends)
}

// apiProblem is the JSON form of a problem.
type apiProblem struct {
	Error apiProblemBody `json:"error"`
}

type apiProblemBody struct {
	Code      string `json:"code"`
	Message   string `json:"message"`
	Next      string `json:"next"`
	RequestID string `json:"request_id"`
}

func sendProblem(c *fiber.Ctx, v *visit, p *problem) error {
	message := p.Message
	if p == errNotFound {
		message = http.StatusText(http.StatusNotFound) + ": there is no such address here."
	}
	next := p.Next
	if p == errNotFound {
		next = "See /api/openapi.json for what there is."
	}
	return c.Status(p.Status).JSON(apiProblem{apiProblemBody{Code: p.Code, Message: message, Next: next, RequestID: v.requestID}})
}
