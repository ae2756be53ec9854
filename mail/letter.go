// Letters: what is written to people. Each kind is a function from facts to a few
// plain sentences (letters_people.go, letters_billing.go); here they become a mail
// in text and in HTML. What people typed, such as an org's name, is data in both.

package mail

import (
	"embed"
	"fmt"
	"html/template"
	"strings"
	texttemplate "text/template"
	"time"
	"unicode"
	"unicode/utf8"
)

//go:embed views
var viewFiles embed.FS

// letter is a rendered mail.
type letter struct{ subject, plain, html string }

// words are the sentences of one letter, before they are rendered.
type words struct {
	subject string
	title   string
	says    []string // what happened, and what stops when
	facts   []fact
	button  string // what to do
	url     string
	after   []string // small print below the button
	because string   // why this person gets the mail; ends the sentence "You get this mail because"
}

type fact struct{ Label, Value string }

// views render words.
type views struct {
	html *template.Template
	text *texttemplate.Template
}

func loadViews() (*views, error) {
	html, err := template.ParseFS(viewFiles, "views/letter.html")
	if err != nil {
		return nil, fmt.Errorf("parse the mail's HTML: %w", err)
	}
	text, err := texttemplate.ParseFS(viewFiles, "views/letter.txt")
	if err != nil {
		return nil, fmt.Errorf("parse the mail's text: %w", err)
	}
	return &views{html, text}, nil
}

// shown is what the views get.
type shown struct {
	Subject, Title, Button, URL, Because, Server, Home string
	Says, After                                        []string
	Facts                                              []fact
}

// render makes a letter of words. server names the server as people know it, home
// is its address.
func (v *views) render(w words, server, home string) (letter, error) {
	data := shown{
		Subject: w.subject, Title: w.title, Says: w.says, Facts: w.facts, Button: w.button, URL: w.url, After: w.after,
		Because: w.because, Server: server, Home: home,
	}
	var html, plain strings.Builder
	if err := v.html.Execute(&html, data); err != nil {
		return letter{}, fmt.Errorf("render the mail's HTML: %w", err)
	}
	if err := v.text.Execute(&plain, data); err != nil {
		return letter{}, fmt.Errorf("render the mail's text: %w", err)
	}
	return letter{subject: w.subject, plain: plain.String(), html: html.String()}, nil
}

// nameMost is how much of a name stands in a letter, in characters.
const nameMost = 80

// name makes one short line of what somebody typed: a line break would end a
// header or begin a paragraph of ours, and a mark of direction would turn our own
// words round.
func name(typed string) string {
	line := strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || unicode.IsSpace(r) {
			return r
		}
		return -1
	}, typed)), " ")
	if line == "" {
		return "your org"
	}
	if utf8.RuneCountInString(line) > nameMost {
		line = string([]rune(line)[:nameMost-1]) + "…"
	}
	return line
}

// day writes a date for people everywhere: days are UTC, as in all of the program.
func day(t time.Time) string { return t.UTC().Format("2 January 2006") }

func minute(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }

// count writes a number of listings.
func count(n int) string {
	if n == 1 {
		return "1 active listing"
	}
	return grouped(int64(n)) + " active listings"
}

// grouped writes 1234567 as 1,234,567.
func grouped(n int64) string {
	text := fmt.Sprint(n)
	sign := ""
	if n < 0 {
		sign, text = "-", text[1:]
	}
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return sign + text
}
