// Reading litestream.yml more strictly than Litestream does: an unknown key, a
// missing variable or a value that means nothing is an error. What is accepted
// means the same to the stock litestream command.

package replica

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// urlVariable alone may be unset: then there is no replica.
const urlVariable = "HMCP_REPLICA_URL"

// Read reads litestream.yml. Variables (${NAME}, and $PID) are resolved by
// lookup after the file has been taken apart, so that no value can add keys.
//
// All errors are *Problem, joined when there are several.
func Read(text []byte, lookup func(name string) (string, bool)) (Settings, error) {
	vars := newVariables(string(text), lookup)
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(vars.text), &doc); err != nil {
		return Settings{}, badFile(0, fmt.Sprintf("is not YAML (%s)", vars.hide(err.Error())), "compare it with Litestream's documentation")
	}
	if len(doc.Content) == 0 {
		return Settings{}, badFile(0, "is empty", "leave HMCP_LITESTREAM_CONFIG unset to use the file inside the program")
	}
	problems := append(vars.expand(&doc), checkKeys(doc.Content[0], reflect.TypeFor[document](), inFile)...)
	if len(problems) > 0 {
		return Settings{}, errors.Join(problems...)
	}
	f := &document{}
	if err := doc.Decode(f); err != nil {
		return Settings{}, badFile(0, "holds a value that can't be read ("+vars.hideValues(err.Error())+")", "correct it; durations look like 250ms or 6h")
	}
	if err := f.check(); err != nil {
		return Settings{}, err
	}
	if vars.noReplica {
		return Settings{}, nil
	}
	f.applyDefaults()
	to, err := f.target()
	if err != nil {
		return Settings{}, err
	}
	return Settings{file: f, target: to}, nil
}

func badFile(line int, what, do string) error {
	where := "litestream.yml"
	if line > 0 {
		where += fmt.Sprintf(", line %d,", line)
	}
	return &Problem{Kind: BadSettings, What: where + " " + what, Do: do}
}

// variables holds a place for each ${NAME} of the file while YAML is taken
// apart: letters only, which mean nothing to YAML anywhere.
type variables struct {
	text      string
	places    []string // the place of names[i]
	names     []string
	values    []string
	lookup    func(string) (string, bool)
	noReplica bool // urlVariable is used and not set
}

func newVariables(text string, lookup func(string) (string, bool)) *variables {
	v := &variables{lookup: lookup}
	mark := "Place"
	for strings.Contains(text, mark) {
		mark += "X"
	}
	v.text = os.Expand(text, func(name string) string {
		at := slices.Index(v.names, name)
		if at < 0 {
			at = len(v.names)
			v.names, v.places = append(v.names, name), append(v.places, mark+strconv.Itoa(at)+"End")
		}
		return v.places[at]
	})
	v.values = make([]string, len(v.names))
	return v
}

// expand puts the values into all scalars, and answers with what is missing.
func (v *variables) expand(doc *yaml.Node) []error {
	var problems []error
	used := make([]bool, len(v.names))
	v.walk(doc, func(node *yaml.Node, isKey bool) {
		for i, place := range v.places {
			if !strings.Contains(node.Value, place) {
				continue
			}
			if isKey {
				problems = append(problems, badFile(node.Line, fmt.Sprintf("has the variable %s in the name of a key", v.names[i]), "write the key itself"))
				continue
			}
			if !used[i] {
				used[i] = true
				problems = append(problems, v.resolve(i, node.Line)...)
			}
			node.Value = strings.ReplaceAll(node.Value, place, v.values[i])
			if node.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
				node.Tag = "" // what stands there now may be a number
			}
		}
	})
	return problems
}

// walk visits every scalar once.
func (v *variables) walk(node *yaml.Node, visit func(node *yaml.Node, isKey bool)) {
	for i, child := range node.Content {
		isKey := node.Kind == yaml.MappingNode && i%2 == 0
		switch child.Kind {
		case yaml.ScalarNode:
			visit(child, isKey)
		case yaml.DocumentNode, yaml.SequenceNode, yaml.MappingNode:
			v.walk(child, visit)
		case yaml.AliasNode: // what it stands for is visited where it is
		}
	}
}

func (v *variables) resolve(i, line int) []error {
	name := v.names[i]
	value, ok := v.lookup(name)
	switch name {
	case "PID":
		value, ok = strconv.Itoa(os.Getpid()), true
	case urlVariable:
		v.noReplica, ok = value == "", true
	}
	v.values[i] = value
	if ok {
		return nil
	}
	if strings.Trim(name, "*#$@!?-0123456789") == "" {
		return []error{badFile(line, "holds a dollar sign, which begins a variable there", "put the value into a variable of the environment and write ${NAME}")}
	}
	return []error{badFile(line, fmt.Sprintf("needs the variable %s, which is not set", name), "set it, or write the value into the file")}
}

// hide puts the names of variables back into a message that shows their places.
func (v *variables) hide(message string) string {
	for i, place := range v.places {
		message = strings.ReplaceAll(message, place, "${"+v.names[i]+"}")
	}
	return strings.TrimPrefix(message, "yaml: ")
}

// hideValues does so for a message that may repeat values: they may be secret.
func (v *variables) hideValues(message string) string {
	for i, value := range v.values {
		if value != "" {
			message = strings.ReplaceAll(message, value, "${"+v.names[i]+"}")
		}
	}
	return strings.TrimPrefix(strings.Join(strings.Fields(message), " "), "yaml: ")
}
