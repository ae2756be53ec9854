package main

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/store"
)

// result is what one command line did.
type result struct {
	code        int
	out, errOut string
}

// runWith runs a command line that ends by itself, on stores that adjust changes.
func runWith(t *testing.T, adjust func(*store.Config), environ []string, args ...string) result {
	t.Helper()
	var out, errOut bytes.Buffer
	p := &process{environ: environ, in: strings.NewReader(""), out: &out, errOut: &errOut, now: time.Now, web: http.DefaultTransport, adjust: []func(*store.Config){adjust}}
	code := report(&errOut, p.dispatch(t.Context(), args))
	return result{code, out.String(), errOut.String()}
}

// runCommand runs a command line that ends by itself.
func runCommand(t *testing.T, environ []string, args ...string) result {
	t.Helper()
	var out, errOut bytes.Buffer
	code := run(t.Context(), args, environ, strings.NewReader(""), &out, &errOut)
	return result{code, out.String(), errOut.String()}
}

func TestMistypedCommandLines(t *testing.T) {
	t.Parallel()
	tests := []struct {
		line string
		want string
	}{
		{"srve", "did you mean `hostaway-mcp serve`?"},
		{"rotate-keys", "did you mean `hostaway-mcp rotate-key`?"},
		{"admin", "one of org, member, key, operator, invite, reset-password follows"},
		{"admin key", "one of list, create, revoke follows"},
		{"admin keys list", "did you mean `hostaway-mcp admin key list`?"},
		{"admin org lst", "did you mean `hostaway-mcp admin org list`?"},
		{"bogus", "there is no command \"bogus\": `hostaway-mcp help` lists them all"},
		{"help demmo", "did you mean `hostaway-mcp demo`?"},
		{"version now", `does not know what to do with "now"`},
		{"admin key create acme", "needs NAME"},
		{"admin org rename", "needs ORG and NAME"},
		{"demo --sead 3", "flag provided but not defined"},
		{"demo --seed many", "invalid value"},
		{"demo --listen nowhere", "give an IP address and a port"},
		{"--bogus", "flag provided but not defined"},
	}
	for _, tt := range tests {
		r := runCommand(t, nil, strings.Fields(tt.line)...)
		if r.code != exitMisused || !strings.Contains(r.errOut, tt.want) || r.out != "" {
			t.Errorf("%s: code %d, out %q, said %q, want %q", tt.line, r.code, r.out, r.errOut, tt.want)
		}
		if strings.Count(r.errOut, "\n") != 1 || !strings.HasPrefix(r.errOut, "hostaway-mcp: ") {
			t.Errorf("%s: not one line: %q", tt.line, r.errOut)
		}
	}
}

// Everything that can be typed explains itself, and is in the list.
func TestHelpEverywhere(t *testing.T) {
	t.Parallel()
	all := runCommand(t, nil, "help")
	if all.code != exitOK || !strings.Contains(all.out, "Settings come from the environment") {
		t.Fatalf("%+v", all)
	}
	for _, c := range commands() {
		if !strings.Contains(all.out, "  "+usage(c)+" ") || !strings.Contains(all.out, c.about) {
			t.Errorf("`%s` is not in the list of commands", c.path)
		}
		for _, line := range []string{c.path + " --help", "help " + c.path, c.path + " x -h"} {
			r := runCommand(t, nil, strings.Fields(line)...)
			if r.code != exitOK || !strings.Contains(r.out, "Usage: hostaway-mcp "+usage(c)) || strings.Contains(r.out, "--env-file FILE") == (c.path == demoPath) {
				t.Errorf("%s: %+v", line, r)
			}
		}
	}
	for _, line := range []string{"admin --help", "help admin", "admin key -h"} {
		r := runCommand(t, nil, strings.Fields(line)...)
		if r.code != exitOK || !strings.Contains(r.out, "admin key revoke ORG KEY") || strings.Contains(r.out, "rotate-key") {
			t.Errorf("%s: %+v", line, r)
		}
	}
	if r := runCommand(t, nil, "demo", "--help"); !strings.Contains(r.out, "--seed N") || !strings.Contains(r.out, "(default 1)") {
		t.Errorf("demo's flags: %s", r.out)
	}
}

func TestFlagsMayStandAnywhere(t *testing.T) {
	t.Parallel()
	tests := []struct {
		line  string
		words []string
		name  string
	}{
		{"--name Ann acme ann@example.com", []string{"acme", "ann@example.com"}, "Ann"},
		{"acme --name Ann ann@example.com", []string{"acme", "ann@example.com"}, "Ann"},
		{"acme ann@example.com --name=Ann", []string{"acme", "ann@example.com"}, "Ann"},
		{"acme -- --name Ann", []string{"acme", "--name", "Ann"}, ""},
	}
	for _, tt := range tests {
		flags := flag.NewFlagSet("", flag.ContinueOnError)
		name := flags.String("name", "", "")
		words, err := parseFlags(flags, strings.Fields(tt.line))
		if err != nil || *name != tt.name {
			t.Errorf("%s: name %q, %v", tt.line, *name, err)
		}
		if diff := cmp.Diff(tt.words, words); diff != "" {
			t.Errorf("%s: %s", tt.line, diff)
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	names := []string{"HMCP_LISTEN", "HMCP_SIGNUP", "HMCP_URL"}
	for word, want := range map[string]string{"HMCP_LSTEN": "HMCP_LISTEN", "HMCP_SIGN_UP": "HMCP_SIGNUP", "HMCP_BILLING_MODE": "", "HMCP_FOO": ""} {
		if got := nearest(word, names); got != want {
			t.Errorf("nearest to %s: %s, want %s", word, got, want)
		}
	}
	if distance("kitten", "sitting") != 3 || distance("", "ab") != 2 || distance("ab", "") != 2 {
		t.Error("distance is not the number of single-letter changes")
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err  error
		code int
		want string
	}{
		{nil, exitOK, ""},
		{errors.New("a\nb"), exitFailed, "hostaway-mcp: a b\n"},
		{misused("no", "yes"), exitMisused, "hostaway-mcp: no: yes\n"},
		{failed(io.EOF, "it broke", ""), exitFailed, "hostaway-mcp: it broke\n"},
		{errors.Join(errors.New("a"), errors.Join(misused("b", "c"), nil)), exitMisused, "hostaway-mcp: a\nhostaway-mcp: b: c\n"},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		if code := report(&out, tt.err); code != tt.code || out.String() != tt.want {
			t.Errorf("%v: %d %q", tt.err, code, out.String())
		}
	}
	if !errors.Is(failed(io.EOF, "", ""), io.EOF) {
		t.Error("the cause is lost")
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	info := &debug.BuildInfo{GoVersion: "go1.26", Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "true"},
	}}
	info.Main.Version = "v1.2.3"
	if got, want := describeBuild(info), "hostaway-mcp v1.2.3, commit 0123456789ab*, go1.26"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := describeBuild(nil); !strings.Contains(got, "without version information") || versionOf(nil) != "(devel)" {
		t.Error(got)
	}
	if r := runCommand(t, nil, "version"); r.code != exitOK || !strings.Contains(r.out, "go1.") {
		t.Errorf("%+v", r)
	}
}

func TestTablesShowNoControlCharacters(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := printTable(&out, [][]string{{"A", "B"}, {"évil\x1b[2J", "x"}}); err != nil {
		t.Fatal(err)
	}
	if want := "A         B\névil?[2J  x\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
