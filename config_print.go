// The config command: the settings in effect and where each came from, or the
// table of all settings for the README.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"
)

func configCommand() command {
	return command{
		path:  "config",
		about: "Show the settings in effect and where each comes from; secrets stay hidden",
		prepare: func(flags *flag.FlagSet) action {
			markdown := flags.Bool("markdown", false, "print the table of all settings for the README instead")
			return func(_ context.Context, p *process, _ []string) error {
				if *markdown {
					_, err := io.WriteString(p.out, settingsMarkdown())
					return err
				}
				c, err := p.config()
				if err != nil {
					return err
				}
				return printSettings(p.out, c)
			}
		},
	}
}

func printSettings(out io.Writer, c config) error {
	rows := [][]string{{"SETTING", "VALUE", "SOURCE"}}
	for _, s := range settings() {
		v := c.values[s.name]
		switch {
		case v.text != "" && s.secret:
			v.text = "[redacted]"
		case v.text == "" && s.name == "HMCP_BASE_URL":
			v = value{text: baseURLOf(c.Listen), source: "HMCP_LISTEN"}
		case v.text == "":
			v.text = "-"
		}
		rows = append(rows, []string{s.name, v.text, v.source})
	}
	return printTable(out, rows)
}

// settingsMarkdown is the table of all settings as the README shows it.
func settingsMarkdown() string {
	var b strings.Builder
	b.WriteString("| Setting | Default | Meaning |\n| --- | --- | --- |\n")
	for _, s := range settings() {
		shown := s.defaultNote
		if s.defaultValue != "" {
			shown = "`" + s.defaultValue + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", s.name, shown, s.help)
	}
	return b.String()
}
