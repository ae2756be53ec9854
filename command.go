// Commands: the table of everything that can be typed, how a command line is
// matched against it, and the help that is made from it.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// action does what a command is for, with the words left after its flags.
type action func(ctx context.Context, p *process, words []string) error

// command is one thing that can be typed.
type command struct {
	path    string   // its words, like "admin org list"
	args    []string // what must follow, like "ORG"
	about   string   // one line for the list of commands
	more    string   // what else its own help says
	prepare func(*flag.FlagSet) action
}

func commands() []command {
	all := []command{serveCommand(), demoCommand(), stdioCommand()}
	all = append(all, adminCommands()...)
	all = append(all, billingCommands()...)
	all = append(all, exportOrgCommand(), deleteOrgCommand(), restoreCommand(), replicaStatusCommand(), replicaVerifyCommand())
	return append(all, rotateKeyCommand(), doctorCommand(), healthCommand(), configCommand(), versionCommand())
}

// findCommand picks the command whose words lead args, and returns what
// follows them. No words at all, or flags only, mean serve.
func findCommand(args []string) (command, []string, error) {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return serveCommand(), args, nil
	}
	for _, c := range commands() {
		words := strings.Fields(c.path)
		if len(args) >= len(words) && slices.Equal(args[:len(words)], words) {
			return c, args[len(words):], nil
		}
	}
	return command{}, nil, unknownCommand(args)
}

// unknownCommand says what was probably meant. A group such as admin is named
// with what can follow it.
func unknownCommand(args []string) error {
	typed := plainWords(args)
	name := strings.Join(typed, " ")
	if group := groupOf(typed); len(group) > 0 {
		return misused(fmt.Sprintf("`%s` is not complete", name),
			fmt.Sprintf("one of %s follows, see `%s %s --help`", strings.Join(nextWords(typed, group), ", "), binaryName, name))
	}
	var candidates []string
	for _, c := range commands() {
		candidates = append(candidates, c.path)
	}
	// What comes after a command's own words says nothing about the command.
	typed = typed[:min(len(typed), mostCommandWords)]
	meant := nearestCommand(typed, candidates)
	if meant != "" {
		meant = fmt.Sprintf("`%s %s`", binaryName, meant)
	}
	return misused(fmt.Sprintf("there is no command %q", strings.Join(typed, " ")),
		fmt.Sprintf("%s`%s help` lists them all", didYouMean(meant), binaryName))
}

const mostCommandWords = 3

// nearestCommand compares each command with as many words as it has.
func nearestCommand(typed, candidates []string) string {
	return nearestBy(candidates, func(c string) string {
		return strings.Join(typed[:min(len(typed), len(strings.Fields(c)))], " ")
	})
}

// groupOf returns the commands that begin with all the words typed, and go on.
func groupOf(typed []string) []command {
	var group []command
	for _, c := range commands() {
		words := strings.Fields(c.path)
		if len(typed) > 0 && len(typed) < len(words) && slices.Equal(typed, words[:len(typed)]) {
			group = append(group, c)
		}
	}
	return group
}

// plainWords returns what stands before the first flag.
func plainWords(args []string) []string {
	end := slices.IndexFunc(args, func(a string) bool { return strings.HasPrefix(a, "-") })
	if end < 0 {
		end = len(args)
	}
	return args[:end]
}

func nextWords(typed []string, group []command) []string {
	var next []string
	for _, c := range group {
		word := strings.Fields(c.path)[len(typed)]
		if !slices.Contains(next, word) {
			next = append(next, word)
		}
	}
	return next
}

func newFlagSet(c command, p *process) *flag.FlagSet {
	flags := flag.NewFlagSet(c.path, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	if c.path == demoPath { // settings don't count there
		return flags
	}
	flags.StringVar(&p.envFile, "env-file", "", "read settings from this `FILE` (the environment wins)")
	return flags
}

// parseFlags reads flags wherever they stand among the words; what follows
// "--" is words only.
func parseFlags(flags *flag.FlagSet, args []string) ([]string, error) {
	var words []string
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		rest := flags.Args()
		if len(rest) == 0 {
			return words, nil
		}
		if at := len(args) - len(rest) - 1; at >= 0 && args[at] == "--" {
			return append(words, rest...), nil
		}
		words, args = append(words, rest[0]), rest[1:]
	}
}
