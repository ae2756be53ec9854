package main

import (
	"os/exec"
	"strings"
	"testing"
)

// What only tests need stands in go.mod, and in no program that anybody is given.
func TestTheProgramHoldsNothingOfTheTests(t *testing.T) {
	t.Parallel()
	testsOnly := []string{
		"github.com/stripe/stripe-mock", "github.com/getkin/kin-openapi", "github.com/lestrrat-go/",
		module + "/billing/stripetest", module + "/store/storetest", module + "/replica/replicatest",
	}
	program := packagesOf(t, ".")
	for _, other := range testsOnly {
		if at := find(program, other); at != "" {
			t.Errorf("the program holds %s, which is for tests", at)
		}
	}
	// The check must be able to fail.
	if find(program, module+"/store") == "" {
		t.Error("the program does not hold the store: this test looks at the wrong list")
	}
	tests := packagesOf(t, "-test", "./billing/stripetest")
	for _, other := range testsOnly[:2] {
		if find(tests, other) == "" {
			t.Errorf("the tests of stripetest do not hold %s: this test looks for the wrong name", other)
		}
	}
}

func packagesOf(t *testing.T, of ...string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", append([]string{"list", "-deps"}, of...)...).Output()
	if err != nil {
		t.Fatalf("list the packages of %q: %v", of, err)
	}
	return strings.Fields(string(out))
}

func find(packages []string, prefix string) string {
	for _, p := range packages {
		if strings.HasPrefix(p, prefix) {
			return p
		}
	}
	return ""
}
