// The doctor command: looks at a server's set-up from outside, beside a running
// server or where none runs, changes nothing, and says what to do.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"hostaway-mcp/replica"
)

const (
	doctorPatience = 10 * time.Second // for one answer from elsewhere
	doctorBytes    = 64 << 10         // of such an answer
)

func doctorCommand() command {
	return command{
		path:  "doctor",
		about: "Look at everything the server needs, and say what to do; changes nothing",
		more: "Each line is ok, warn or fail. The exit code is 1 when any line is fail. Run it as the user that the\n" +
			"server runs as, and with the same settings. A server may run meanwhile.",
		prepare: func(flags *flag.FlagSet) action {
			asJSON := flags.Bool("json", false, "print the findings as JSON")
			full := flags.Bool("full", false, "check every index and reference of the database too, which takes two to four times as long")
			return func(ctx context.Context, p *process, _ []string) error {
				d := &doctor{process: p, full: *full, measure: freeSpace}
				checks := d.examine(ctx)
				if err := printChecks(p.out, checks, *asJSON); err != nil {
					return err
				}
				return verdict(checks)
			}
		},
	}
}

// doctor is one visit. Its examinations run at once and share what they may.
type doctor struct {
	*process
	config  config
	replica replica.Settings // of litestream.yml; without a replica when that can't be read
	badFile error            // why not
	full    bool
	measure func(string) (space, error)
}

// examination looks at one thing and returns one check or more.
type examination func(ctx context.Context, d *doctor) []check

// examinations are in the order in which people read them: what has to be right
// before the next can be.
func examinations() []examination {
	return []examination{
		examineSettings, examineFolder, examineDisk, examineKey, examineDatabase, examineReplica, examineAside,
		examineServices, examineStripe, examineServer, examineAddress, examineCertificate,
	}
}

func (d *doctor) examine(ctx context.Context) []check {
	var err error
	if d.config, err = d.process.config(); err != nil {
		return settingProblems(err)
	}
	d.replica, d.badFile = d.replicaSettings(d.config)
	all := examinations()
	found := make([][]check, len(all))
	var group sync.WaitGroup
	for i, look := range all {
		group.Go(func() { found[i] = look(ctx, d) })
	}
	group.Wait()
	var checks []check
	for _, each := range found {
		checks = append(checks, each...)
	}
	return checks
}

// verdict is an error when something does not work.
func verdict(checks []check) error {
	failures := 0
	for _, c := range checks {
		if c.State == stateFail {
			failures++
		}
	}
	if failures == 0 {
		return nil
	}
	return failed(nil, fmt.Sprintf("things that do not work: %d of %d", failures, len(checks)), "do what stands at each line that says fail, and run doctor again")
}

// printChecks writes a line for each check, and what to do below those that
// need it.
func printChecks(out io.Writer, checks []check, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(struct {
			OK     bool    `json:"ok"`
			Checks []check `json:"checks"`
		}{verdict(checks) == nil, checks})
	}
	var b strings.Builder
	for _, c := range checks {
		fmt.Fprintf(&b, "%-4s  %-12s  %s\n", c.State, c.Name, printable(c.Text))
		if c.Do != "" {
			fmt.Fprintf(&b, "%-4s  %-12s  → %s\n", "", "", printable(c.Do))
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func printable(s string) string { return strings.Map(visible, oneLine(s)) }

func bad(name, text, do string) check { return check{Name: name, State: stateFail, Text: text, Do: do} }

func doubtful(name, text, do string) check {
	return check{Name: name, State: stateWarn, Text: text, Do: do}
}

// problemCheck turns an error for people into a check.
func problemCheck(name string, err error) check {
	for _, each := range flatten(err) {
		if p, ok := each.(*problem); ok { //nolint:errorlint // flatten has taken it apart
			return bad(name, p.what, p.do)
		}
	}
	return bad(name, err.Error(), "look at the log")
}

// visit is what an address answered.
type visit struct {
	*http.Response
	text []byte
	took time.Duration
}

// ask gets an address. Redirects are not followed: they are an answer.
func (d *doctor) ask(ctx context.Context, transport http.RoundTripper, address string) (visit, error) {
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return visit{}, fmt.Errorf("ask %s: %w", address, err)
	}
	r.Header.Set("User-Agent", binaryName+"/"+buildVersion())
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	began := time.Now()
	w, err := client.Do(r)
	if err != nil {
		return visit{}, fmt.Errorf("ask %s: %w", address, err)
	}
	defer func() { _ = w.Body.Close() }()
	v := visit{Response: w, took: time.Since(began)}
	v.text, err = io.ReadAll(io.LimitReader(w.Body, doctorBytes))
	if err != nil {
		return visit{}, fmt.Errorf("read answer of %s: %w", address, err)
	}
	return v, nil
}
