// Help: `help`, `--help` after any command or group, all made from the table
// of commands.
package main

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

func wantsHelp(args []string) bool {
	if len(args) == 0 {
		return false
	}
	if args[0] == "help" || args[0] == "-h" || args[0] == "-help" || args[0] == "--help" {
		return true
	}
	asked := slices.ContainsFunc(args, func(a string) bool { return a == "-h" || a == "-help" || a == "--help" })
	return asked && len(groupOf(plainWords(args))) > 0
}

// help answers `help`, `help COMMAND` and `GROUP --help`.
func (p *process) help(args []string) error {
	topic := plainWords(args)
	if len(topic) > 0 && topic[0] == "help" {
		topic = topic[1:]
	}
	if len(topic) == 0 {
		return p.printAllCommands()
	}
	if group := groupOf(topic); len(group) > 0 {
		return printCommandList(p.out, group)
	}
	c, _, err := findCommand(topic)
	if err != nil {
		return err
	}
	return printCommandHelp(p.out, c)
}

func (p *process) printAllCommands() error {
	_, _ = fmt.Fprintf(p.out, "%s puts an AI assistant to work on a Hostaway account.\n\n", binaryName)
	_, _ = fmt.Fprintf(p.out, "Usage: %s [COMMAND] [FLAGS]\n\nNew here? `%s demo` shows everything with made-up data.\n\n", binaryName, binaryName)
	if err := printCommandList(p.out, commands()); err != nil {
		return err
	}
	_, err := fmt.Fprintf(p.out, "\nSettings come from the environment or --env-file; `%s config` lists them.\n`%s COMMAND --help` says more.\n", binaryName, binaryName)
	return err
}

func printCommandList(out io.Writer, list []command) error {
	var rows [][]string
	for _, c := range list {
		rows = append(rows, []string{"  " + usage(c), c.about})
	}
	return printTable(out, rows)
}

func usage(c command) string { return strings.Join(append([]string{c.path}, c.args...), " ") }

func printCommandHelp(out io.Writer, c command) error {
	_, _ = fmt.Fprintf(out, "%s\n\nUsage: %s %s [FLAGS]\n", c.about, binaryName, usage(c))
	if c.more != "" {
		_, _ = fmt.Fprintf(out, "\n%s\n", c.more)
	}
	flags := newFlagSet(c, &process{})
	c.prepare(flags)
	_, _ = fmt.Fprintln(out, "\nFlags:")
	var rows [][]string
	flags.VisitAll(func(f *flag.Flag) {
		kind, text := flag.UnquoteUsage(f)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" {
			text += " (default " + f.DefValue + ")"
		}
		rows = append(rows, []string{strings.TrimRight("  --"+f.Name+" "+kind, " "), text})
	})
	return printTable(out, rows)
}
