//go:build !linux

package replicatest

// attributesWork is about Linux; elsewhere the metadata lies beside the files.
func attributesWork(string) bool { return false }
