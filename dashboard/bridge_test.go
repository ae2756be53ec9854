package dashboard

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
)

// serveApp runs an app behind the bridge on a real connection.
func serveApp(t *testing.T, app *fiber.App) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(bridge(app))
	t.Cleanup(srv.Close)
	return srv
}

func newApp() *fiber.App {
	app := fiber.New(fiber.Config{BodyLimit: 4096, Immutable: true, DisableStartupMessage: true})
	app.Use(carry)
	return app
}

func fetch(t *testing.T, req *http.Request) (*http.Response, string) {
	t.Helper()
	client := &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

func request(t *testing.T, method, url, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// TestBridgeStreams reads each piece before the next one is written: a bridge that buffers would never deliver the first.
func TestBridgeStreams(t *testing.T) {
	t.Parallel()
	next := make(chan struct{})
	app := newApp()
	app.Get("/events", func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderContentType, "text/event-stream")
		c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
			for i := range 3 {
				_, _ = fmt.Fprintf(w, "data: %d\n", i)
				if w.Flush() != nil {
					return
				}
				<-next
			}
		})
		return nil
	})
	res, err := http.Get(serveApp(t, app).URL + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for i := range 3 {
		if !lines.Scan() || lines.Text() != fmt.Sprintf("data: %d", i) {
			t.Fatalf("piece %d: got %q, %v", i, lines.Text(), lines.Err())
		}
		next <- struct{}{}
	}
}

func TestBridgeRefusesLargeBodies(t *testing.T) {
	t.Parallel()
	app := newApp()
	app.Post("/", func(c *fiber.Ctx) error { return c.SendString(fmt.Sprint(len(c.Request().Body()))) })
	srv := serveApp(t, app)
	for _, tc := range []struct {
		name    string
		size    int
		chunked bool
		want    int
	}{
		{"at the limit", 4096, false, 200}, {"over it, announced", 4097, false, 413}, {"over it, in chunks", 10 << 20, true, 413}, {"at the limit, in chunks", 4096, true, 200}, {"empty", 0, false, 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			req := request(t, "POST", srv.URL, strings.Repeat("x", tc.size))
			req.Header.Set("Content-Type", "application/json")
			if tc.chunked {
				req.ContentLength = -1
			}
			res, body := fetch(t, req)
			if res.StatusCode != tc.want || (tc.want == 200 && body != fmt.Sprint(tc.size)) {
				t.Errorf("got %d %q, want %d", res.StatusCode, body, tc.want)
			}
		})
	}
}

func TestBridgeKeepsHeadersBothWays(t *testing.T) {
	t.Parallel()
	app := newApp()
	app.Get("/echo", func(c *fiber.Ctx) error {
		c.Append("X-Back", "1")
		c.Response().Header.Add("X-Back", "2")
		c.Cookie(&fiber.Cookie{Name: "a", Value: "1"})
		c.Cookie(&fiber.Cookie{Name: "b", Value: "2"})
		return c.JSON(map[string][]string{"all": c.GetReqHeaders()["X-Forwarded-For"], "first": {c.Get("X-Forwarded-For")}, "cookies": {c.Cookies("one"), c.Cookies("two")}, "host": {string(c.Request().Host())}, "query": {c.Query("q")}})
	})
	req := request(t, "GET", serveApp(t, app).URL+"/echo?q=a%20b", "")
	req.Header.Add("X-Forwarded-For", "1.1.1.1")
	req.Header.Add("X-Forwarded-For", "2.2.2.2")
	req.Header.Add("Cookie", "one=1; two=2")
	req.Host = "mcp.example.com"
	res, body := fetch(t, req)
	want := `{"all":["1.1.1.1","2.2.2.2"],"cookies":["1","2"],"first":["1.1.1.1"],"host":["mcp.example.com"],"query":["a b"]}`
	if body != want {
		t.Errorf("the app saw\n%s, want\n%s", body, want)
	}
	if got := res.Header.Values("X-Back"); len(got) != 2 {
		t.Errorf("repeated answer header came as %q", got)
	}
	if got := res.Cookies(); len(got) != 2 {
		t.Errorf("got cookies %v, want two", got)
	}
}

func TestBridgeCancelsWhenTheCallerLeaves(t *testing.T) {
	t.Parallel()
	started, ended := make(chan struct{}), make(chan struct{})
	app := newApp()
	app.Get("/slow", func(c *fiber.Ctx) error {
		close(started)
		<-c.UserContext().Done()
		close(ended)
		return c.UserContext().Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", serveApp(t, app).URL+"/slow", nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		if res, err := http.DefaultClient.Do(req); err == nil {
			_ = res.Body.Close()
		}
	}()
	<-started
	cancel()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Error("the handler's context did not end with the caller")
	}
}

func TestBridgeRedirects(t *testing.T) {
	t.Parallel()
	app := newApp()
	app.Get("/", func(c *fiber.Ctx) error { return c.Redirect("/there?x=1", 303) })
	res, _ := fetch(t, request(t, "GET", serveApp(t, app).URL, ""))
	if res.StatusCode != 303 || res.Header.Get("Location") != "/there?x=1" {
		t.Errorf("got %d to %q", res.StatusCode, res.Header.Get("Location"))
	}
}

// The outer server has read what trusted proxies forward: here the peer alone counts.
func TestClientAddressIsThePeer(t *testing.T) {
	t.Parallel()
	app := newApp()
	app.Get("/", func(c *fiber.Ctx) error { return c.SendString(c.IP()) })
	for from, want := range map[string]string{
		"203.0.113.9:1000": "203.0.113.9", "[2001:db8::7%eth0]:1000": "2001:db8::7", "[::ffff:10.0.0.2]:1000": "10.0.0.2", "@": "0.0.0.0",
	} {
		req := httptest.NewRequest("GET", "/", nil)
		req.RemoteAddr = from
		req.Header.Add("X-Forwarded-For", "1.2.3.4")
		rec := httptest.NewRecorder()
		bridge(app).ServeHTTP(rec, req)
		if got := rec.Body.String(); got != want {
			t.Errorf("from %s: address %q, want %q", from, got, want)
		}
	}
}

// TestBridgeMixesNothingUp sends different requests at once through the pooled contexts.
func TestBridgeMixesNothingUp(t *testing.T) {
	t.Parallel()
	app := newApp()
	app.Post("/:n", func(c *fiber.Ctx) error {
		c.Set("X-N", c.Params("n"))
		return c.SendString(c.Get("X-Mark") + " " + string(c.Request().Body()))
	})
	handler := bridge(app)
	var wg sync.WaitGroup
	for n := range 400 {
		wg.Go(func() {
			req := httptest.NewRequest("POST", fmt.Sprintf("/%d", n), strings.NewReader(fmt.Sprintf("body %d", n)))
			req.Header.Set("Content-Type", "application/json")
			if n%2 == 0 {
				req.Header.Set("X-Mark", fmt.Sprint(n))
			}
			rec := httptest.NewRecorder()
			handler.ServeHTTP(rec, req)
			want := fmt.Sprintf(" body %d", n)
			if n%2 == 0 {
				want = fmt.Sprint(n) + want
			}
			if rec.Body.String() != want || rec.Header().Get("X-N") != fmt.Sprint(n) {
				t.Errorf("request %d got %q for %q", n, rec.Body.String(), rec.Header().Get("X-N"))
			}
		})
	}
	wg.Wait()
}

// TestBridgeSurvivesABrokenBody: a caller that leaves in the middle of its body gets no handler.
func TestBridgeSurvivesABrokenBody(t *testing.T) {
	t.Parallel()
	app := newApp()
	app.Post("/", func(c *fiber.Ctx) error { t.Error("the handler ran on half a body"); return nil })
	req := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader("half"), brokenReader{}))
	req.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	bridge(app).ServeHTTP(rec, req)
	if rec.Code != http.StatusBadRequest {
		t.Errorf("status %d, want 400", rec.Code)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// stuckCaller notes whether each piece was written under a deadline, and takes no more than the first.
type stuckCaller struct {
	*httptest.ResponseRecorder
	deadline time.Time
	writes   int
	naked    int // writes without a deadline
	reads    bool
}

func (s *stuckCaller) SetWriteDeadline(at time.Time) error {
	s.deadline = at
	return nil
}

func (s *stuckCaller) Write(p []byte) (int, error) {
	s.writes++
	if s.deadline.IsZero() {
		s.naked++
	}
	if !s.reads && s.writes > 1 {
		return 0, os.ErrDeadlineExceeded
	}
	return s.ResponseRecorder.Write(p)
}

func TestAnswersLeaveUnderADeadline(t *testing.T) {
	t.Parallel()
	const size = 5*pieceSize + 1
	app := newApp()
	app.Get("/whole", func(c *fiber.Ctx) error { return c.SendString(strings.Repeat("x", size)) })
	app.Get("/stream", func(c *fiber.Ctx) error { return c.SendStream(strings.NewReader(strings.Repeat("x", size))) })
	app.Get("/nothing", func(c *fiber.Ctx) error { return c.Redirect("/whole", 303) })
	empty := &stuckCaller{ResponseRecorder: httptest.NewRecorder()}
	bridge(app).ServeHTTP(empty, httptest.NewRequest("GET", "/nothing", nil))
	if empty.naked > 0 || !empty.Flushed || empty.Header().Get("Content-Length") != "0" {
		t.Errorf("an empty answer: flushed %t, %v", empty.Flushed, empty.Header())
	}
	for _, path := range []string{"/whole", "/stream"} {
		for _, reads := range []bool{true, false} {
			w := &stuckCaller{ResponseRecorder: httptest.NewRecorder(), reads: reads}
			bridge(app).ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			if w.naked > 0 || !w.deadline.IsZero() || !w.Flushed {
				t.Errorf("%s: %d of %d pieces without a deadline, left over: %s, flushed: %t", path, w.naked, w.writes, w.deadline, w.Flushed)
			}
			if reads != (w.Body.Len() == size) || !reads && w.writes != 2 {
				t.Errorf("%s: %d pieces, %d bytes to a caller who reads: %t", path, w.writes, w.Body.Len(), reads)
			}
		}
	}
	res, body := fetch(t, request(t, "GET", serveApp(t, app).URL+"/whole", ""))
	if res.ContentLength != size || len(body) != size {
		t.Errorf("announced %d bytes, sent %d, want %d", res.ContentLength, len(body), size)
	}
}
