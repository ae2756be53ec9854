// The version command, answered from what the Go toolchain wrote into the
// binary.
package main

import (
	"context"
	"flag"
	"fmt"
	"runtime/debug"
)

func versionCommand() command {
	return command{
		path:  "version",
		about: "Print the version, the commit and the Go version",
		prepare: func(*flag.FlagSet) action {
			return func(_ context.Context, p *process, _ []string) error {
				info, _ := debug.ReadBuildInfo()
				_, err := fmt.Fprintln(p.out, describeBuild(info))
				return err
			}
		},
	}
}

// describeBuild is one line: version, commit (with a star when files were
// changed since) and Go version.
func describeBuild(info *debug.BuildInfo) string {
	if info == nil {
		return binaryName + " (built without version information)"
	}
	return fmt.Sprintf("%s %s, commit %s, %s", binaryName, versionOf(info), commitOf(info), info.GoVersion)
}

// commitOf is the commit, with a star when files were changed since.
func commitOf(info *debug.BuildInfo) string {
	commit, changed := "unknown", ""
	if info == nil {
		return commit
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && s.Value != "":
			commit = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = "*"
		}
	}
	return commit + changed
}

func versionOf(info *debug.BuildInfo) string {
	if info == nil || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

// buildVersion is the version that the server tells its clients.
func buildVersion() string {
	info, _ := debug.ReadBuildInfo()
	return versionOf(info)
}
