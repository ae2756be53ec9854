package main

import (
	"bufio"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The files for systemd and containers say things that the code decides. They
// must not drift apart.

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// unitValues are the values of each name in a unit file, in their order.
func unitValues(t *testing.T, path string) map[string][]string {
	t.Helper()
	values := map[string][]string{}
	lines := bufio.NewScanner(strings.NewReader(readText(t, path)))
	for lines.Scan() {
		if name, text, ok := strings.Cut(lines.Text(), "="); ok && !strings.HasPrefix(name, "#") {
			values[name] = append(values[name], text)
		}
	}
	return values
}

func TestUnitFitsTheProgram(t *testing.T) {
	t.Parallel()
	unit := unitValues(t, "deploy/hostaway-mcp.service")
	one := func(name string) string {
		if len(unit[name]) != 1 {
			t.Fatalf("%s=%v", name, unit[name])
		}
		return unit[name][0]
	}
	const goCrashed = 2                   // how Go's runtime ends a program, for a panic or want of memory
	const replicaStops = 30 * time.Second // Litestream's shutdown-sync-timeout, unless litestream.yml says less
	seconds, err := strconv.Atoi(one("TimeoutStopSec"))
	if stop := time.Duration(seconds) * time.Second; err != nil || stop < finishTime+abortTime+replicaStops+10*time.Second {
		t.Errorf("TimeoutStopSec=%s would cut off a stop that goes well", one("TimeoutStopSec"))
	}
	if one("RestartPreventExitStatus") != strconv.Itoa(exitMisused) {
		t.Errorf("RestartPreventExitStatus=%s, and %d is what a person has to mend", one("RestartPreventExitStatus"), exitMisused)
	}
	if exitMisused == goCrashed {
		t.Error("a crash would leave the service down")
	}
	known := settingNames()
	for _, line := range unit["Environment"] {
		name, _, _ := strings.Cut(line, "=")
		if !slices.Contains(known, strings.TrimSuffix(name, fileSuffix)) {
			t.Errorf("%s is no setting", name)
		}
	}
	command := strings.Fields(one("ExecStart"))
	if _, _, err := findCommand(command[1:]); err != nil {
		t.Error(err)
	}
}

func TestImageIsBuiltWithTheModulesGo(t *testing.T) {
	t.Parallel()
	file := readText(t, "Dockerfile")
	inImage := regexp.MustCompile(`(?m)^ARG GO_VERSION=(1\.\d+)\.\d+$`).FindStringSubmatch(file)
	inModule := regexp.MustCompile(`(?m)^go (1\.\d+)`).FindStringSubmatch(readText(t, "go.mod"))
	if inImage == nil || inModule == nil || inImage[1] != inModule[1] {
		t.Errorf("the image has Go %v, the module %v", inImage, inModule)
	}
	for _, want := range []string{`CMD ["/hostaway-mcp", "health"]`, `CMD ["serve"]`, "USER 65532", "CGO_ENABLED=0"} {
		if !strings.Contains(file, want) {
			t.Errorf("%s is not in the Dockerfile", want)
		}
	}
	for _, line := range regexp.MustCompile(`HMCP_[A-Z_]+`).FindAllString(file, -1) {
		if !slices.Contains(settingNames(), line) {
			t.Errorf("%s is no setting", line)
		}
	}
}
