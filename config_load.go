// Reading the settings: from the environment, from files that _FILE variants
// name, and from an env file. Every problem is found in one go.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

const (
	settingPrefix = "HMCP_"
	fileSuffix    = "_FILE"
	settingBytes  = 64 << 10 // a setting longer than this is the wrong file
	byteOrderMark = "\uFEFF"
)

// loadConfig reads all settings. The environment wins over the env file, as
// people expect who override one line of it; an empty text is as good as none.
func loadConfig(environ []string, envFile string) (config, error) {
	given := map[string]value{}
	if envFile != "" {
		lines, err := readEnvFile(envFile)
		if err != nil {
			return config{}, err
		}
		keepOurs(given, lines, value{source: "env file " + envFile, file: envFile})
	}
	keepOurs(given, environ, value{source: "environment"})

	c := config{values: map[string]value{}}
	problems := unknownSettings(given)
	for _, s := range settings() {
		if err := c.take(s, given); err != nil {
			problems = append(problems, err)
		}
	}
	if len(problems) == 0 {
		problems = c.complete()
	}
	return c, errors.Join(problems...)
}

// keepOurs adds the HMCP_ variables of lines to given. A variable and its
// _FILE variant replace each other, so that the environment can override
// either form of an env file. from says where the lines stand.
func keepOurs(given map[string]value, lines []string, from value) {
	here := map[string]value{}
	for _, line := range lines {
		name, text, ok := strings.Cut(line, "=")
		if ok && strings.HasPrefix(strings.ToUpper(name), settingPrefix) && text != "" {
			here[name] = value{text: text, source: from.source, file: from.file}
		}
	}
	for name := range here {
		delete(given, strings.TrimSuffix(name, fileSuffix))
		delete(given, name+fileSuffix)
	}
	for name, v := range here {
		given[name] = v
	}
}

func unknownSettings(given map[string]value) []error {
	known := settingNames()
	var problems []error
	for name, v := range given {
		base := strings.TrimSuffix(name, fileSuffix)
		if !slices.Contains(known, base) {
			like := nearest(base, known)
			if upper := strings.ToUpper(name); slices.Contains(known, strings.TrimSuffix(upper, fileSuffix)) {
				like = upper
			}
			problems = append(problems, misused(
				fmt.Sprintf("there is no setting %s (from the %s)", name, v.source),
				fmt.Sprintf("%s`%s config` lists them all", didYouMean(like), binaryName)))
		}
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return problems
}

// take finds the text of one setting, checks it and keeps it.
func (c *config) take(s setting, given map[string]value) error {
	v, err := resolve(s, given)
	if err != nil {
		return err
	}
	c.values[s.name] = v
	if v.text == "" {
		return nil
	}
	if err := s.set(c, v.text); err != nil {
		shown := ""
		if !s.secret {
			shown = fmt.Sprintf(" is %q, which", v.text)
		}
		return misused(fmt.Sprintf("the setting %s (from the %s)%s is not usable", s.name, v.source, shown),
			fmt.Sprintf("it must be %s", err))
	}
	return nil
}

func resolve(s setting, given map[string]value) (value, error) {
	plain, hasPlain := given[s.name]
	file, hasFile := given[s.name+fileSuffix]
	switch {
	case hasPlain && hasFile:
		return value{}, misused(fmt.Sprintf("both %s and %s%s are set", s.name, s.name, fileSuffix), "keep one of them")
	case hasPlain:
		return plain, nil
	case hasFile:
		text, err := readSettingFile(file.text)
		if err != nil {
			return value{}, misused(fmt.Sprintf("%s%s names %s, which can't be read (%s)", s.name, fileSuffix, file.text, reason(err)),
				"check the path and who may read it")
		}
		return value{text: text, source: "file " + file.text, file: file.text}, nil
	}
	return value{text: s.defaultValue, source: sourceDefault}, nil
}

func readSettingFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, settingBytes+1))
	switch {
	case err != nil:
		return "", err
	case len(text) > settingBytes:
		return "", errors.New("it is larger than 64 KiB")
	case len(bytes.TrimSpace(text)) == 0:
		return "", errors.New("it is empty")
	}
	return string(bytes.TrimSpace(text)), nil
}

// readEnvFile reads NAME=value lines. Blank lines, lines that start with #, a
// leading "export " and quotes around the whole value are allowed, and the mark that
// some editors put at the beginning of a file. A setting that stands there twice is
// not: who reads one line would believe it.
func readEnvFile(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, misused(fmt.Sprintf("the env file %s can't be read (%s)", path, reason(err)), "check the path and who may read it")
	}
	var lines []string
	seen := map[string]int{}
	scanner := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(text, []byte(byteOrderMark))))
	scanner.Buffer(nil, settingBytes)
	for number := 1; scanner.Scan(); number++ {
		line := strings.TrimSpace(scanner.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, text, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		if name = strings.TrimSpace(name); !ok || name == "" || strings.ContainsAny(name, " \t") {
			return nil, misused(fmt.Sprintf("line %d of the env file %s is not a setting", number, path), "write NAME=value, or start the line with #")
		}
		if before := seen[name]; before > 0 && strings.HasPrefix(name, settingPrefix) {
			return nil, misused(fmt.Sprintf("line %d of the env file %s sets %s, which line %d sets too", number, path, name, before), "keep one of them")
		}
		seen[name] = number
		lines = append(lines, name+"="+unquote(strings.TrimSpace(text)))
	}
	if scanner.Err() != nil {
		return nil, misused(fmt.Sprintf("the env file %s has a line that is too long", path), "put long values into files of their own, named by _FILE settings")
	}
	return lines, nil
}

func unquote(s string) string {
	for _, quote := range []string{`"`, `'`} {
		if len(s) >= 2 && strings.HasPrefix(s, quote) && strings.HasSuffix(s, quote) {
			return s[1 : len(s)-1]
		}
	}
	return s
}

// reason is the part of a file error that says why, without the path, which
// the sentence around it names already.
func reason(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// lookUp returns the variable name of the environment, "" when it is not set.
func lookUp(environ []string, name string) string {
	found := ""
	for _, line := range environ {
		if key, text, ok := strings.Cut(line, "="); ok && key == name {
			found = text
		}
	}
	return found
}
