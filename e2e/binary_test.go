package e2e

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// binaryMost is how large the program may become, in bytes.
const binaryMost = 60_000_000

// What is given to people is one static file of modest size.
func TestTheBinaryIsStaticAndSmall(t *testing.T) {
	soakOnly(t)
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("serve is for Linux")
	}
	path := filepath.Join(t.TempDir(), "hostaway-mcp")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, ".")
	build.Dir, build.Env = "..", append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	info, err := os.Stat(path)
	must(t, err)
	t.Logf("%.1f MB", float64(info.Size())/1e6)
	if info.Size() > binaryMost {
		t.Errorf("the binary has %d bytes, more than %d", info.Size(), int64(binaryMost))
	}
	file, err := elf.Open(path)
	must(t, err)
	defer func() { _ = file.Close() }()
	for _, part := range file.Progs {
		if part.Type == elf.PT_INTERP || part.Type == elf.PT_DYNAMIC {
			t.Errorf("the binary has a %v: it needs libraries of the system", part.Type)
		}
	}
}
