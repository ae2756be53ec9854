// Forms that did not go through: what was typed stays (never secrets), each problem stands at its field, and a summary says it first.
package dashboard

import (
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"

	"hostaway-mcp/store"
)

// form is the state of one form on a page.
type form struct {
	ID      string // of this rendering, against sending it twice
	Values  map[string]string
	Errors  map[string]string
	Summary string // what happened
	Next    string // what to do now
}

// readForm keeps the values of the named fields, trimmed.
func readForm(c *fiber.Ctx, fields ...string) form {
	f := form{ID: formID(), Values: map[string]string{}, Errors: map[string]string{}}
	for _, name := range fields {
		f.Values[name] = strings.TrimSpace(posted(c, name))
	}
	return f
}

// posted is a field of the form in the body. Fiber's FormValue would take it from the query too, where logs and histories keep it,
// and would unpack compressed bodies.
func posted(c *fiber.Ctx, field string) string { return string(c.Context().PostArgs().Peek(field)) }

// Value and Err are for templates.
func (f form) Value(name string) string { return f.Values[name] }

// Err is the problem of one field, or "".
func (f form) Err(name string) string { return f.Errors[name] }

func (f form) failed() bool { return len(f.Errors) > 0 || f.Summary != "" }

// require marks empty fields.
func (f *form) require(texts map[string]string) {
	for name, text := range texts {
		if f.Values[name] == "" {
			f.Errors[name] = text
		}
	}
	f.summarize()
}

// summarize says at the top how much is wrong below.
func (f *form) summarize() {
	const one, many = "Please check the marked field.", "Please check the marked fields."
	switch {
	case f.Summary != "" && f.Summary != one:
	case len(f.Errors) == 1:
		f.Summary = one
	case len(f.Errors) > 1:
		f.Summary = many
	}
}

// refused takes over a problem that the store found with one field. fields maps the store's names to the form's; a problem with a field
// that is not on the form becomes the summary. It is false for any other error.
func (f *form) refused(err error, fields map[string]string) bool {
	var in *store.InputError
	if !errors.As(err, &in) {
		return false
	}
	if name, ok := fields[in.Field]; ok {
		f.Errors[name] = sentence(in.Problem)
	} else {
		f.Summary = sentence(in.Problem)
	}
	f.summarize()
	return true
}

// capital makes the first letter a capital one.
func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// sentence starts with a capital and ends with a full stop.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return s
	}
	s = capital(s)
	if !strings.ContainsAny(s[len(s)-1:], ".!?") {
		s += "."
	}
	return s
}
