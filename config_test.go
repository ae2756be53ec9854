package main

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/mcp"
	"hostaway-mcp/secret"
)

var update = flag.Bool("update", false, "write the generated parts of README.md")

func TestSettingsHaveWorkingDefaults(t *testing.T) {
	t.Parallel()
	c, err := loadConfig(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:8080" || c.SignUp != "closed" || c.DataDir != "data" || c.BaseURL != "" || c.H2C {
		t.Errorf("defaults: %+v", c)
	}
	if diff := cmp.Diff(hostaway.Rate{Calls: 20, Per: 10 * time.Second}, c.RateLimit); diff != "" {
		t.Errorf("rate limit: %s", diff)
	}
	if c.given("HMCP_LISTEN") {
		t.Error("a default counts as given")
	}
}

func TestSettingsAreParsed(t *testing.T) {
	t.Parallel()
	c, err := loadConfig([]string{
		"HMCP_BASE_URL=https://mcp.example.com/", "HMCP_H2C=on", "HMCP_LOG_LEVEL=debug", "HMCP_LOG_FORMAT=json",
		"HMCP_TRUSTED_PROXIES=10.1.2.3, 192.168.7.9/16,::1", "HMCP_ALLOWED_ORIGINS=https://a.example, http://127.0.0.1:6274",
		"HMCP_HOSTAWAY_URL=http://127.0.0.1:9/v1/", "HMCP_HOSTAWAY_PER_IP=7/1m", "HMCP_HOSTAWAY_ACCOUNT_ID=40001",
		"HMCP_URL=https://mcp.example.com", "PATH=/bin", "HMCP_LISTEN=",
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	if c.BaseURL != "https://mcp.example.com" || c.HostawayURL != "http://127.0.0.1:9/v1" || c.ServerURL != "https://mcp.example.com/mcp" || c.Listen != "127.0.0.1:8080" {
		t.Errorf("addresses: %q %q %q %q", c.BaseURL, c.HostawayURL, c.ServerURL, c.Listen)
	}
	proxies := []netip.Prefix{netip.MustParsePrefix("10.1.2.3/32"), netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("::1/128")}
	if diff := cmp.Diff(proxies, c.TrustedProxies, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"https://a.example", "http://127.0.0.1:6274"}, c.AllowedOrigins); diff != "" {
		t.Error(diff)
	}
	if c.HostawayPerIP != (hostaway.Rate{Calls: 7, Per: time.Minute}) || c.HostawayAccountID != 40001 || !c.H2C || c.LogFormat != "json" {
		t.Errorf("%+v", c)
	}
}

// Every setting refuses something, names itself, and says what would be right.
func TestWrongSettingsAreRefused(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"HMCP_LISTEN":                    {"8080", "example.com:80", "127.0.0.1:99999", "127.0.0.1:x"},
		"HMCP_BASE_URL":                  {"mcp.example.com", "https://mcp.example.com/app", "ftp://x", "https://u:p@x", "https://x/?a=b", "https://x/%zz"},
		"HMCP_H2C":                       {"yes"},
		"HMCP_DATA_DIR":                  {"a\x00b"},
		"HMCP_MASTER_KEY":                {"hunter2-hunter2", "c2hvcnQ="},
		"HMCP_SIGNUP":                    {"sometimes"},
		"HMCP_LOG_LEVEL":                 {"loud"},
		"HMCP_LOG_FORMAT":                {"xml"},
		"HMCP_RATE_LIMIT":                {"20", "0/10s", "20/10", "20/1ms", "x/10s", "20/48h"},
		"HMCP_TRUSTED_PROXIES":           {"10.0.0.0/99", "proxy.local", "10.0.0.1,"},
		"HMCP_ALLOWED_ORIGINS":           {"*", "https://a.example/", "a.example"},
		"HMCP_HOSTAWAY_URL":              {"http://api.hostaway.com/v1", "api.hostaway.com", "http://192.0.2.1/v1"},
		"HMCP_HOSTAWAY_PER_ACCOUNT":      {"fast"},
		"HMCP_HOSTAWAY_PER_IP":           {"-1/10s"},
		"HMCP_DOMAIN":                    {"https://mcp.example.com", "mcp.example.com:443", "*.example.com", "localhost", "192.0.2.1", "a.example/x"},
		"HMCP_LISTEN_HTTP":               {"80", "example.com:80"},
		"HMCP_ACME_URL":                  {"http://acme.example.com/directory", "acme.example.com"},
		"HMCP_ACME_EMAIL":                {"ops", "Ops <ops@example.com>"},
		"HMCP_METRICS_LISTEN":            {"9464", "metrics:9464"},
		"HMCP_OTLP_ENDPOINT":             {"127.0.0.1:4318", "grpc://127.0.0.1:4317"},
		"HMCP_AUDIT_MONTHS":              {"0", "121", "a year"},
		"HMCP_REPLICA_URL":               nil, // the replica's own reader checks it
		"HMCP_REPLICA_ACCESS_KEY_ID":     {"a\x00b"},
		"HMCP_REPLICA_SECRET_ACCESS_KEY": nil, // only the storage knows
		"HMCP_LITESTREAM_CONFIG":         {"a\x00b"},
		"HMCP_CRITICAL_WRITES":           {"never"},
		"HMCP_LEASE_LOST":                {"panic"},
		"HMCP_BILLING_MODE":              {"on", "Stripe"},
		"HMCP_STRIPE_KEY":                {"pk_live_abc", "sk_live_ ", "sk_abc", "rk_test_a b"},
		"HMCP_STRIPE_WEBHOOK_SECRET":     {"hunter2", "whsec_ ,", "whsec_a,,whsec_b", "whsec_a,sk_live_b"},
		"HMCP_STRIPE_PRICE":              {"two words", strings.Repeat("x", 201)},
		"HMCP_STRIPE_URL":                {"http://api.stripe.com", "api.stripe.com", "https://api.stripe.com/v1"},
		"HMCP_BILLING_GRACE":             {"-1h", "721h", "3 days"},
		"HMCP_BILLING_TAX":               {"yes"},
		"HMCP_BILLING_PROMOTION_CODES":   {"1"},
		"HMCP_SMTP_URL":                  {"mail.example.org:587", "http://mail.example.com", "smtp://mail.example.com:port", "smtp://u:hunter2@mail.example.com/x"},
		"HMCP_MAIL_FROM":                 {"hello", "hello@example.com, other@example.com"},
		"HMCP_HOSTAWAY_ACCOUNT_ID":       {"abc", "0", "-4"},
		"HMCP_HOSTAWAY_SECRET":           nil, // any text may be one
		"HMCP_URL":                       {"example.com", "ws://example.com", "http://example.com/mcp", "http://192.0.2.1"},
		"HMCP_API_KEY":                   nil, // only the server knows
	}
	for _, s := range settings() {
		bad, ok := tests[s.name]
		if !ok {
			t.Errorf("%s has no case here", s.name)
		}
		for _, text := range bad {
			_, err := loadConfig([]string{s.name + "=" + text}, "")
			if err == nil {
				t.Errorf("%s=%q was taken", s.name, text)
				continue
			}
			if said := err.Error(); !strings.Contains(said, s.name) || !strings.Contains(said, "it must be") {
				t.Errorf("%s=%q: %s", s.name, text, said)
			}
			if s.secret && strings.Contains(err.Error(), text) {
				t.Errorf("%s: the error repeats the secret: %s", s.name, err)
			}
		}
	}
}

func TestAllProblemsAreToldAtOnce(t *testing.T) {
	t.Parallel()
	_, err := loadConfig([]string{"HMCP_SIGNUP=x", "HMCP_H2C=x", "HMCP_LISTENN=:1", "HMCP_MASTER_KEY_FIEL=/x"}, "")
	var out strings.Builder
	if code := report(&out, err); code != exitMisused {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{"did you mean HMCP_LISTEN?", "did you mean HMCP_MASTER_KEY?", "HMCP_SIGNUP", "HMCP_H2C"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in:\n%s", want, out.String())
		}
	}
	if lines := strings.Count(out.String(), "\n"); lines != 4 {
		t.Errorf("%d lines for 4 problems:\n%s", lines, out.String())
	}
}

func TestEverySettingHasAFileVariant(t *testing.T) {
	t.Parallel()
	values := map[string]string{
		"HMCP_LISTEN": ":9090", "HMCP_MASTER_KEY": secret.GenerateKey().Reveal(), "HMCP_API_KEY": "hmcp_abc",
	}
	for _, s := range settings() {
		text := s.defaultValue
		if v, ok := values[s.name]; ok {
			text = v
		}
		if text == "" {
			continue
		}
		path := filepath.Join(t.TempDir(), "value")
		writeFile(t, path, text+"\r\n")
		c, err := loadConfig([]string{s.name + "_FILE=" + path}, "")
		if err != nil {
			t.Errorf("%s_FILE: %v", s.name, err)
			continue
		}
		if v := c.values[s.name]; v.text != text || v.source != "file "+path {
			t.Errorf("%s_FILE gave %+v", s.name, v)
		}
	}
}

func TestSettingFilesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	empty, large := filepath.Join(folder, "empty"), filepath.Join(folder, "large")
	writeFile(t, empty, " \n")
	writeFile(t, large, strings.Repeat("x", settingBytes+1))
	tests := map[string][]string{
		"no such file":  {"HMCP_SIGNUP_FILE=" + filepath.Join(folder, "none")},
		"a folder":      {"HMCP_SIGNUP_FILE=" + folder},
		"empty":         {"HMCP_SIGNUP_FILE=" + empty},
		"too large":     {"HMCP_SIGNUP_FILE=" + large},
		"both variants": {"HMCP_SIGNUP_FILE=" + empty, "HMCP_SIGNUP=open"},
	}
	for name, environ := range tests {
		_, err := loadConfig(environ, "")
		if err == nil || !strings.Contains(err.Error(), "HMCP_SIGNUP_FILE") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEnvFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path, other := filepath.Join(folder, "settings.env"), filepath.Join(folder, "signup")
	writeFile(t, other, "invite")
	writeFile(t, path, "# our server\n\nexport HMCP_LISTEN=':9000'\nHMCP_SIGNUP=open\nHMCP_LOG_LEVEL=\"warn\"\nOTHER=1\nHMCP_H2C = on\n")
	c, err := loadConfig([]string{"HMCP_LOG_LEVEL=error", "HMCP_SIGNUP_FILE=" + other}, path)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]value{
		"HMCP_LISTEN":    {":9000", "env file " + path, path},
		"HMCP_H2C":       {"on", "env file " + path, path},
		"HMCP_LOG_LEVEL": {"error", "environment", ""},
		"HMCP_SIGNUP":    {"invite", "file " + other, other}, // the environment overrides either form
	}
	for name, v := range want {
		if c.values[name] != v {
			t.Errorf("%s: %+v, want %+v", name, c.values[name], v)
		}
	}
}

// Some editors put an invisible mark before the first line.
func TestEnvFileWithAMark(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "env")
	writeFile(t, path, "\uFEFFHMCP_SIGNUP=open\nOTHER=1\nOTHER=2\n")
	c, err := loadConfig(nil, path)
	if err != nil || c.SignUp != "open" {
		t.Errorf("sign-up is %q: %v", c.SignUp, err)
	}
	writeFile(t, path, "\n# x\nhmcp_signup=open\n")
	if _, err := loadConfig(nil, path); err == nil || !strings.Contains(err.Error(), "did you mean HMCP_SIGNUP?") {
		t.Errorf("small letters: %v", err)
	}
	writeFile(t, path, "HMCP_SIGNUP=open\n\nHMCP_SIGNUP=open\n")
	if _, err := loadConfig(nil, path); err == nil || !strings.Contains(err.Error(), "line 3 of the env file "+path+" sets HMCP_SIGNUP, which line 1 sets too") {
		t.Errorf("twice: %v", err)
	}
}

func TestEnvFilesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no equals sign": "HMCP_LISTEN\n", "words before it": "please HMCP_LISTEN=1\n", "unknown name": "HMCP_LITSEN=:1\n",
		"small letters": "hmcp_signup=open\n", "twice": "HMCP_SIGNUP=open\nOTHER=1\nHMCP_SIGNUP=closed\n", "small letters of a file": "Hmcp_SignUp_File=/x\n",
		"endless line": "A=" + strings.Repeat("x", settingBytes+1),
	} {
		path := filepath.Join(t.TempDir(), "env")
		writeFile(t, path, text)
		if _, err := loadConfig(nil, path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := loadConfig(nil, filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("missing: %v", err)
	}
}

func TestConfigShowsSettingsWithoutSecrets(t *testing.T) {
	t.Parallel()
	key := secret.GenerateKey().Reveal()
	r := runCommand(t, []string{"HMCP_MASTER_KEY=" + key, "HMCP_HOSTAWAY_SECRET=shhh-shhh", "HMCP_LISTEN=0.0.0.0:81"}, "config")
	if r.code != exitOK || strings.Contains(r.out, key) || strings.Contains(r.out, "shhh") {
		t.Fatalf("%+v", r)
	}
	for _, want := range []string{
		`HMCP_MASTER_KEY +\[redacted\] +environment`, `HMCP_LISTEN +0.0.0.0:81 +environment`,
		`HMCP_BASE_URL +http://127.0.0.1:81 +HMCP_LISTEN`, `HMCP_API_KEY +- +default`,
	} {
		if !regexp.MustCompile(want).MatchString(r.out) {
			t.Errorf("%s is not in\n%s", want, r.out)
		}
	}
}

// The README's tables are made from the code, so they can't be wrong.
func TestREADMEShowsSettingsAndTools(t *testing.T) {
	t.Parallel()
	tools := toolsMarkdown(mcp.New(mcp.Config{}).Tools())
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	want := between(t, between(t, string(text), "settings", settingsMarkdown()), "tools", tools)
	if *update {
		writeFile(t, "README.md", want)
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("README.md is not up to date, run `go test . -run README -update`: %s", diff)
	}
	if r := runCommand(t, nil, "config", "--markdown"); !strings.Contains(want, strings.TrimSpace(r.out)) {
		t.Errorf("config --markdown prints something else:\n%s", r.out)
	}
}

// between replaces what stands between <!-- name --> and <!-- /name -->.
func between(t *testing.T, text, name, content string) string {
	t.Helper()
	before, rest, ok := strings.Cut(text, "<!-- "+name+" -->\n")
	_, after, closed := strings.Cut(rest, "<!-- /"+name+" -->")
	if !ok || !closed {
		t.Fatalf("README.md has no block named %s", name)
	}
	return before + "<!-- " + name + " -->\n" + content + "<!-- /" + name + " -->" + after
}

func toolsMarkdown(tools []mcp.ToolInfo) string {
	var b strings.Builder
	b.WriteString("| Tool | What it does | Writes |\n| --- | --- | --- |\n")
	for _, tool := range tools {
		writes := ""
		if tool.Writes {
			writes = "yes"
		}
		first, _, _ := strings.Cut(tool.Description, ". ")
		b.WriteString("| `" + tool.Name + "` | " + strings.TrimSuffix(first, ".") + ". | " + writes + " |\n")
	}
	return b.String()
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), fileRights); err != nil {
		t.Fatal(err)
	}
}
