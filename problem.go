// Problems: errors written for the person at the terminal, one line each,
// saying what happened and what to do, with the exit code that goes with them.
package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// The exit codes of every command. 2 is not among them: with it Go ends a program
// that crashed, which a service manager has to start again.
const (
	exitOK     = 0
	exitFailed = 1 // something went wrong while doing it

	// As in sysexits.h: EX_TEMPFAIL and EX_CONFIG.
	exitTryLater = 75 // another server has taken over
	exitMisused  = 78 // the command line, a setting or a file has to change first
)

// problem is what a command returns when a person has to do something.
type problem struct {
	code  int
	what  string // what happened
	do    string // what to do about it
	cause error
}

func (p *problem) Error() string {
	if p.do == "" {
		return p.what
	}
	return p.what + ": " + p.do
}

func (p *problem) Unwrap() error { return p.cause }

// failed is a problem that arose at run time.
func failed(cause error, what, do string) error {
	return &problem{code: exitFailed, what: what, do: do, cause: cause}
}

// misused is a problem of the command line or of a setting.
func misused(what, do string) error {
	return &problem{code: exitMisused, what: what, do: do}
}

// report prints err on out, one line for each problem in it, and returns the
// exit code: the largest of the problems', and exitFailed for anything else.
func report(out io.Writer, err error) int {
	if err == nil {
		return exitOK
	}
	code := exitOK
	for _, each := range flatten(err) {
		var p *problem
		if errors.As(each, &p) {
			code = max(code, p.code)
		} else {
			code = max(code, exitFailed)
		}
		_, _ = fmt.Fprintf(out, "%s: %s\n", binaryName, oneLine(each.Error()))
	}
	return code
}

// flatten takes joined errors apart, so that each gets a line of its own.
func flatten(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, each := range joined.Unwrap() {
		all = append(all, flatten(each)...)
	}
	return all
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
