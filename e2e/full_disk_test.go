package e2e

import (
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// keeper is a shell in a mount namespace of its own, with a small disk for the data
// folder. It does what it is told, a word at a time.
const keeper = `
mount -t tmpfs -o size=$3 none "$1" || { echo NOMOUNT; exit; }
echo MOUNTED
while read -r word; do case "$word" in
start) "$2" serve & server=$! ;;
kill) kill -KILL $server; wait $server 2>/dev/null; echo KILLED ;;
fill) cat /dev/zero >"$1/ballast" 2>/dev/null; echo FILLED ;;
free) rm -f "$1/ballast"; echo FREED ;;
reserve) echo RESERVE $(stat -c %s "$1/reserve") ;;
esac; done
kill -TERM $server; wait $server; echo ENDED $?
`

// smallDisk is a server whose data folder has a few megabytes.
type smallDisk struct {
	*program
	words io.WriteCloser
	base  string
}

func (d *smallDisk) tell(word, answer string) {
	d.t.Helper()
	before := strings.Count(d.out.String(), answer)
	if _, err := io.WriteString(d.words, word+"\n"); err != nil {
		d.t.Fatal(err)
	}
	d.waitFor(d.out, "(?s)("+strings.Repeat(answer+".*", before+1)+")")
}

func (d *smallDisk) start() {
	d.t.Helper()
	before := strings.Count(d.errOut.String(), "msg=serving ")
	if _, err := io.WriteString(d.words, "start\n"); err != nil {
		d.t.Fatal(err)
	}
	d.base = d.waitFor(d.errOut, "(?s)"+strings.Repeat(`msg=serving .*?`, before)+`msg=serving .*?url=(\S+)`)
}

func newSmallDisk(t *testing.T, up upstream, size string) *smallDisk {
	t.Helper()
	home, folder := t.TempDir(), t.TempDir()
	p := &program{t: t, cmd: exec.Command("unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", keeper, "bash", folder, binary, size), out: newGrowing(), errOut: newGrowing(), ended: make(chan struct{})}
	p.cmd.Env = environment(home, "HMCP_LISTEN=127.0.0.1:0", "HMCP_DATA_DIR="+folder, "HMCP_HOSTAWAY_URL="+up.url,
		"HMCP_RATE_LIMIT=100000/1s", "HMCP_HOSTAWAY_PER_ACCOUNT=100000/1s", "HMCP_HOSTAWAY_PER_IP=100000/1s")
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.errOut
	words, err := p.cmd.StdinPipe()
	must(t, err)
	p.launch()
	d := &smallDisk{program: p, words: words}
	if said := d.waitForEither("MOUNTED", "NOMOUNT"); said != "MOUNTED" {
		t.Skip("only root can have a small disk of its own; the tests of store, mcp and dashboard refuse writes without one")
	}
	return d
}

// waitForEither is for a program that may end without having written the first.
func (d *smallDisk) waitForEither(first, second string) string {
	d.t.Helper()
	for {
		text, changed := d.out.read()
		if strings.Contains(text, first) {
			return first
		}
		if strings.Contains(text, second) {
			return second
		}
		select {
		case <-changed:
		case <-d.ended:
			return second
		}
	}
}

// A disk that is too small for a reserve runs full under load, the server is killed and starts on the full disk,
// and then somebody makes room.
func TestTheDiskRunsFull(t *testing.T) {
	t.Parallel()
	d := newSmallDisk(t, newUpstream(t, nil), "6m")
	d.start()
	v := newVisitor(t, d.base)
	v.signUp(d.waitFor(d.out, `(http://\S+/setup\?link=\S+)`), owner())
	connected(t, v.connect(strconv.Itoa(firstAccount), firstSecret))
	key := v.createKey("first")
	answered := 0
	call := func() toolAnswer {
		t.Helper()
		a, err := newAssistant(d.base, key).call(t.Context(), "hostaway_list_properties", `{"limit":1}`)
		must(t, err)
		if a.ok() {
			answered++
		}
		return a
	}
	call()
	d.tell("fill", "FILLED")
	untilRefused := func() {
		t.Helper()
		const patience = 2000 // what the write-ahead log has room for is still taken
		for range patience {
			if a := call(); !a.ok() {
				if a.status != http.StatusServiceUnavailable || !strings.Contains(a.Error.Message, "disk is full") || strings.Contains(string(a.body), firstMarker) {
					t.Fatalf("on a full disk: %d %s", a.status, a.body)
				}
				return
			}
		}
		t.Fatal("the disk is full, and every call is recorded")
	}
	untilRefused()
	for _, path := range []string{"/", "/keys", "/usage", "/readyz"} {
		if p := v.get(path); p.status != http.StatusOK {
			t.Errorf("%s on a full disk: %d", path, p.status)
		}
	}
	d.tell("kill", "KILLED")
	d.tell("fill", "FILLED")
	d.start()
	v.moveTo(d.base)
	if p := v.get("/keys"); p.status != http.StatusOK || !strings.Contains(p.body, "first") {
		t.Errorf("after a start on a full disk: %d", p.status)
	}
	d.tell("fill", "FILLED") // the start has tidied up, and so made some room
	untilRefused()
	d.tell("free", "FREED")
	for range 3 {
		if a := call(); !a.ok() {
			t.Fatalf("with room again: %d %s", a.status, a.body)
		}
	}
	if total := usageTotal(t, v); total != int64(answered) {
		t.Errorf("%d calls are counted, %d were answered", total, answered)
	}
	must(t, d.words.Close())
	d.waitFor(d.out, `(ENDED 0)`)
}

// The disk runs full and the server has its reserve: whoever reads goes on, can sign
// in and is told why nothing can be changed, also after the server was killed; and all
// is as before as soon as there is room.
func TestReadingGoesOnWhileTheDiskIsFull(t *testing.T) {
	t.Parallel()
	d := newSmallDisk(t, newUpstream(t, nil), "96m")
	d.start()
	v := newVisitor(t, d.base)
	v.signUp(d.waitFor(d.out, `(http://\S+/setup\?link=\S+)`), owner())
	connected(t, v.connect(strconv.Itoa(firstAccount), firstSecret))
	key := v.createKey("first")
	d.waitFor(d.errOut, `(space is kept for a full disk)`)
	d.tell("fill", "FILLED")
	counted := int64(0)
	call := func(tool, arguments string) toolAnswer {
		t.Helper()
		a, err := newAssistant(d.base, key).call(t.Context(), tool, arguments)
		must(t, err)
		counted++
		return a
	}
	onTheReserve := func(calls int) {
		t.Helper()
		for i := range calls {
			if a := call("hostaway_list_properties", `{"limit":1}`); !a.ok() {
				t.Fatalf("call %d on a full disk: %d %s", i, a.status, a.body)
			}
		}
		if a := call("hostaway_create_listing", `{"name":"Quiet House"}`); a.status != http.StatusOK || !strings.Contains(string(a.body), "disk is full, so changes are refused") {
			t.Errorf("a change: %d %s", a.status, a.body)
		}
		again := newVisitor(t, d.base)
		in := again.submit(again.get("/login"), "/login", map[string]string{"email": owner().email, "password": owner().password})
		if in.status != http.StatusOK || in.path != "/" {
			t.Errorf("signing in led to %s (%d): %s", in.path, in.status, clip(in.body))
		}
		if p := again.submit(again.get("/keys/new"), "/keys", map[string]string{"name": "second"}); p.status != http.StatusServiceUnavailable || !strings.Contains(p.body, "disk is full") {
			t.Errorf("a key: %d %s", p.status, clip(p.body))
		}
		if p := again.get("/readyz"); p.status != http.StatusOK {
			t.Errorf("readyz: %d %s", p.status, p.body)
		}
	}
	onTheReserve(300)
	d.tell("kill", "KILLED")
	d.start()
	v.moveTo(d.base)
	onTheReserve(300)
	d.tell("reserve", "RESERVE 0")
	d.tell("free", "FREED")
	v.createKey("third")
	d.tell("reserve", "RESERVE 16777216")
	if a := call("hostaway_create_listing", `{"name":"Quiet House"}`); !a.ok() {
		t.Errorf("a preview with room again: %d %s", a.status, a.body)
	}
	if total := usageTotal(t, v); total != counted {
		t.Errorf("%d calls are counted, %d were made", total, counted)
	}
	must(t, d.words.Close())
	d.waitFor(d.out, `(ENDED 0)`)
}
