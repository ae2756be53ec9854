// The bridge from net/http to Fiber. Fiber's own adaptor buffers streams, ignores the body limit, keeps one of several
// equal headers and hides disconnects; this one streams, limits, keeps all headers and hands on the request's context.
// It lets through only bodies that can be read as they are: fasthttp would unpack compressed ones without any limit.
package dashboard

import (
	"context"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// refusedKey marks a request whose body was not taken with a *fiber.Error, so that the app itself answers in its own words.
type bridgeKey int

const (
	contextKey bridgeKey = iota
	refusedKey
)

// bodyKinds are the content types that handlers read.
var bodyKinds = map[string]bool{fiber.MIMEApplicationForm: true, fiber.MIMEApplicationJSON: true}

// hopHeaders belong to one connection or are written by net/http itself, so they are not carried over.
var hopHeaders = map[string]bool{
	"Connection": true, "Keep-Alive": true, "Proxy-Connection": true, "Te": true, "Trailer": true,
	"Transfer-Encoding": true, "Upgrade": true, "Content-Length": true, "Server": true, "Date": true,
}

// bodyHeaders describe a body; the bridge writes them itself, for the bodies it takes.
var bodyHeaders = map[string]bool{fiber.HeaderContentType: true, fiber.HeaderContentEncoding: true}

type bridgeHandler struct {
	serve fasthttp.RequestHandler
	limit int64
	pool  sync.Pool
}

// bridge serves app over net/http. The app must use carry as its first middleware.
func bridge(app *fiber.App) http.Handler {
	return &bridgeHandler{
		serve: app.Handler(), limit: int64(app.Config().BodyLimit),
		pool: sync.Pool{New: func() any { return new(fasthttp.RequestCtx) }},
	}
}

// carry gives the handlers the context of the net/http request, which ends when the caller goes away, and answers for bodies that the bridge did not take.
func carry(c *fiber.Ctx) error {
	if ctx, ok := c.Context().UserValue(contextKey).(context.Context); ok {
		c.SetUserContext(ctx)
	}
	if refused, ok := c.Context().UserValue(refusedKey).(*fiber.Error); ok {
		return refused
	}
	return c.Next()
}

func (b *bridgeHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fctx, _ := b.pool.Get().(*fasthttp.RequestCtx)
	fctx.Init2(nil, nil, false)
	if err := b.fill(fctx, w, r); err != nil {
		// The body could not be read: the caller is gone or broke the framing, and there is nobody to answer.
		http.Error(w, "could not read the request body", http.StatusBadRequest)
		return
	}
	b.serve(fctx)
	answer(w, r, &fctx.Response)
	fctx.Request.Reset()
	fctx.Response.Reset()
	fctx.ResetUserValues()
	b.pool.Put(fctx) // not deferred: after a panic the request is dropped instead of handed to the next caller
}

// fill copies the request over, its body only when it can be read as it is.
func (b *bridgeHandler) fill(fctx *fasthttp.RequestCtx, w http.ResponseWriter, r *http.Request) error {
	req := &fctx.Request
	req.Header.SetMethod(r.Method)
	req.SetRequestURI(r.URL.RequestURI())
	for key, values := range r.Header {
		if hopHeaders[key] || bodyHeaders[key] {
			continue
		}
		for _, value := range values {
			req.Header.Add(key, value)
		}
	}
	req.Header.SetHost(r.Host)
	fctx.SetRemoteAddr(&net.TCPAddr{IP: peer(r)})
	fctx.SetUserValue(contextKey, r.Context())
	if r.Body == nil || r.ContentLength == 0 {
		return nil
	}
	kind, refused := b.bodyKind(r)
	if refused == nil {
		req.Header.SetContentType(kind)
		_, err := io.Copy(req.BodyWriter(), http.MaxBytesReader(w, r.Body, b.limit))
		var tooLarge *http.MaxBytesError
		if !errors.As(err, &tooLarge) {
			return err
		}
		req.ResetBody()
		refused = fiber.ErrRequestEntityTooLarge
	}
	fctx.SetUserValue(refusedKey, refused)
	w.Header().Set("Connection", "close") // the body stays unread
	return nil
}

// bodyKind is the content type of the body, without parameters, or why the body is not taken.
func (b *bridgeHandler) bodyKind(r *http.Request) (string, *fiber.Error) {
	for _, coding := range r.Header.Values(fiber.HeaderContentEncoding) {
		if coding != "" && !strings.EqualFold(coding, "identity") {
			return "", fiber.ErrUnsupportedMediaType
		}
	}
	types := r.Header.Values(fiber.HeaderContentType)
	if len(types) != 1 {
		return "", fiber.ErrUnsupportedMediaType
	}
	kind, _, err := mime.ParseMediaType(types[0])
	if err != nil || !bodyKinds[kind] {
		return "", fiber.ErrUnsupportedMediaType
	}
	if r.ContentLength > b.limit {
		return "", fiber.ErrRequestEntityTooLarge
	}
	return kind, nil
}

// writeWait is how long a piece of an answer may take to leave: a caller who does not read must not hold the answer for ever.
const writeWait = 30 * time.Second

// pieceSize is how much is written under one deadline, in bytes.
const pieceSize = 16 << 10

// answer copies the answer back, piece by piece; a streamed body is flushed as it comes.
func answer(w http.ResponseWriter, r *http.Request, resp *fasthttp.Response) {
	header := w.Header()
	for key, value := range resp.Header.All() {
		switch name := http.CanonicalHeaderKey(string(key)); {
		case hopHeaders[name]:
		case name == "X-Request-Id":
			header.Set(name, string(value)) // the outer server may have written it already
		default:
			header.Add(name, string(value))
		}
	}
	if !resp.IsBodyStream() {
		answerWhole(w, r, resp)
		return
	}
	defer func() { _ = resp.CloseBodyStream() }() // tells the writer of the stream that nobody reads any more
	w.WriteHeader(resp.StatusCode())
	stream := resp.BodyStream()
	buf := make([]byte, pieceSize)
	for {
		n, err := stream.Read(buf)
		if n > 0 && writePiece(w, buf[:n]) != nil || errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler) // breaks the connection: ending it well would make a part look like the whole
		}
	}
}

// answerWhole says how long the body is, since net/http counts only what nobody flushes.
func answerWhole(w http.ResponseWriter, r *http.Request, resp *fasthttp.Response) {
	body, status := resp.Body(), resp.StatusCode()
	bare := status == http.StatusNoContent || status == http.StatusNotModified || r.Method == http.MethodHead && len(body) == 0
	if !bare {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(status)
	for {
		piece := body[:min(len(body), pieceSize)]
		body = body[len(piece):]
		if writePiece(w, piece) != nil || len(body) == 0 { // a failed one means that the caller is gone, or does not read
			return
		}
	}
}

// writePiece writes under a deadline, and flushes so that the deadline covers all of it. It is taken off afterwards: the connection
// may carry a later answer of another handler.
func writePiece(w http.ResponseWriter, piece []byte) error {
	control := http.NewResponseController(w)
	if control.SetWriteDeadline(time.Now().Add(writeWait)) == nil {
		defer func() { _ = control.SetWriteDeadline(time.Time{}) }()
	}
	if _, err := w.Write(piece); err != nil {
		return err
	}
	return control.Flush()
}

// peer is the address of the caller, as the outer server found it out; the unspecified one where there is none.
func peer(r *http.Request) net.IP {
	addr, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return net.IPv4zero
	}
	return addr.Addr().Unmap().WithZone("").AsSlice()
}
