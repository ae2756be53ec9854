package replicatest

import (
	"os"
	"path/filepath"
	"syscall"
)

// attributesWork says whether files in dir can have extended attributes.
func attributesWork(dir string) bool {
	probe := filepath.Join(dir, "probe")
	if err := os.WriteFile(probe, nil, 0o600); err != nil {
		return false
	}
	defer func() { _ = os.Remove(probe) }()
	return syscall.Setxattr(probe, "user.probe", []byte("1"), 0) == nil
}
