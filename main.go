// Hostaway-mcp lets a property manager put an AI assistant to work on their
// own Hostaway account. This package builds the rooms, serves them on one
// address, and holds the commands that people type.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"hostaway-mcp/store"
)

const binaryName = "hostaway-mcp"

// process is what a command has of the world around it.
type process struct {
	environ []string // NAME=value, read by config alone
	envFile string   // named by --env-file
	in      io.Reader
	out     io.Writer
	errOut  io.Writer
	now     func() time.Time
	web     http.RoundTripper     // how servers elsewhere are reached, except for tool calls
	adjust  []func(*store.Config) // of every store that an admin command opens
}

func (p *process) config() (config, error) { return loadConfig(p.environ, p.envFile) }

func main() {
	keepFilesPrivate()
	// Before any database is opened: from the first lock on it is too late.
	if err := store.PrepareProcess(); err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "%s: the files can't be set up: %v\n", binaryName, err)
		os.Exit(exitFailed)
	}
	os.Exit(run(untilSignal(), os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr))
}

// oneSignal is how long signals count as one: what stops a program may tell both
// it and its group, as timeout(1) does.
const oneSignal = time.Second

// untilSignal returns a context that ends with the first signal, which asks to
// finish. Another one, a second later or more, ends the process at once.
func untilSignal() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go heed(signals, cancel, func() { os.Exit(exitFailed) })
	return ctx
}

// heed calls finish at the first signal, and end at one that comes well after it.
func heed(signals <-chan os.Signal, finish, end func()) {
	<-signals
	finish()
	first := time.Now()
	for range signals {
		if time.Since(first) >= oneSignal {
			end()
			return
		}
	}
}

// run carries out one command line and returns the exit code.
func run(ctx context.Context, args, environ []string, in io.Reader, out, errOut io.Writer) int {
	p := &process{environ: environ, in: in, out: out, errOut: errOut, now: time.Now, web: http.DefaultTransport}
	return report(errOut, p.dispatch(ctx, args))
}

// dispatch finds the command, reads its flags and runs it.
func (p *process) dispatch(ctx context.Context, args []string) error {
	if wantsHelp(args) {
		return p.help(args)
	}
	c, rest, err := findCommand(args)
	if err != nil {
		return err
	}
	flags := newFlagSet(c, p)
	act := c.prepare(flags)
	words, err := parseFlags(flags, rest)
	if errors.Is(err, flag.ErrHelp) {
		return printCommandHelp(p.out, c)
	}
	if err != nil {
		return misused(err.Error(), fmt.Sprintf("see `%s %s --help`", binaryName, c.path))
	}
	if len(words) < len(c.args) {
		return misused(fmt.Sprintf("`%s` needs %s", c.path, strings.Join(c.args[len(words):], " and ")),
			fmt.Sprintf("see `%s %s --help`", binaryName, c.path))
	}
	if len(words) > len(c.args) {
		return misused(fmt.Sprintf("`%s` does not know what to do with %q", c.path, words[len(c.args)]),
			fmt.Sprintf("see `%s %s --help`", binaryName, c.path))
	}
	return act(ctx, p, words)
}
