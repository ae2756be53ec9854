// Which keys litestream.yml may hold, and what to do instead of those that
// Litestream knows and we refuse.

package replica

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// The places in the file that refused keys are told apart by.
const (
	inFile    = ""
	inDB      = "dbs"
	inReplica = "replica"
)

// refused says what to do instead of a key, by where it stands.
func refused() map[string]map[string]string {
	const (
		oneDB   = "exactly one database is copied; name it by path"
		storage = "only s3 and file replicas are built in; use one of those"
	)
	replica := map[string]string{
		"age":                 "Litestream can't encrypt any more; use sse-customer-key or sse-kms-key-id, or the bucket's own encryption",
		"validation-interval": "write validation: {interval: …} at the top of the file",
		"max-sync-ltx-files":  "leave it out; all that waits is uploaded",
		"name":                "leave it out; there is one replica",
	}
	for _, key := range []string{
		"account-name", "account-key", "sas-token", "host", "user", "password", "key-path", "concurrent-writes", "host-key",
		"webdav-url", "webdav-username", "webdav-password", "jwt", "seed", "creds", "nkey", "username", "token", "tls",
		"root-cas", "client-cert", "client-key", "max-reconnects", "reconnect-wait", "timeout",
	} {
		replica[key] = storage
	}
	top := maps.Clone(replica)
	maps.Copy(top, map[string]string{
		"addr":             "set HMCP_METRICS_LISTEN instead",
		"logging":          "set HMCP_LOG_LEVEL and HMCP_LOG_FORMAT instead",
		"exec":             "leave it out; the server replicates by itself",
		"socket":           "leave it out; ask with `hostaway-mcp replica status`",
		"mcp-addr":         "leave it out; it has nothing to do with the server's own /mcp",
		"shutdown-timeout": "set shutdown-sync-timeout instead",
	})
	return map[string]map[string]string{
		inFile: top,
		inDB: {
			"replicas": "write replica: with the one replica instead; a second copy is the storage's to make",
			"dir":      oneDB, "pattern": oneDB, "recursive": oneDB, "watch": oneDB, "meta-dir": oneDB,
		},
		inReplica: replica,
	}
}

// checkKeys finds every key below node that t has no field for.
func checkKeys(node *yaml.Node, t reflect.Type, place string) []error {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case node.Kind == yaml.SequenceNode && t.Kind() == reflect.Slice:
		var problems []error
		for _, item := range node.Content {
			problems = append(problems, checkKeys(item, t.Elem(), place)...)
		}
		return problems
	case node.Kind == yaml.MappingNode && t.Kind() == reflect.Struct:
		return checkMapping(node, t, place)
	}
	return nil
}

func checkMapping(node *yaml.Node, t reflect.Type, place string) []error {
	known := fieldsOf(t)
	var problems []error
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		field, ok := known[key.Value]
		if key.Value == "<<" { // a merged mapping holds the same keys
			problems = append(problems, checkKeys(value, t, place)...)
			continue
		}
		if !ok {
			problems = append(problems, unknownKey(key, known, place))
			continue
		}
		inside := place
		if key.Value == inDB || key.Value == inReplica {
			inside = key.Value
		}
		problems = append(problems, checkKeys(value, field, inside)...)
	}
	return problems
}

func unknownKey(key *yaml.Node, known map[string]reflect.Type, place string) error {
	if do, ok := refused()[place][key.Value]; ok {
		return badFile(key.Line, fmt.Sprintf("has the key %s, which is not used here", key.Value), do)
	}
	do := "take it out"
	if near := nearestKey(key.Value, slices.Sorted(maps.Keys(known))); near != "" {
		do = "did you mean " + near + "?"
	}
	return badFile(key.Line, fmt.Sprintf("has the key %q, which Litestream does not know there", key.Value), do)
}

// fieldsOf maps the names in the file to the types of the fields behind them.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for field := range t.Fields() {
		name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if options == "inline" {
			maps.Copy(fields, fieldsOf(field.Type))
		} else {
			fields[name] = field.Type
		}
	}
	return fields
}

// nearestKey returns the known key that takes the fewest changes of a letter to
// become wrong; "" when none is near.
func nearestKey(wrong string, known []string) string {
	best, least := "", max(2, len(wrong)/3)+1
	for _, key := range known {
		if d := distance(wrong, key); d < least {
			best, least = key, d
		}
	}
	return best
}

// distance counts the letters to insert, delete or replace between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
