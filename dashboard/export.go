// The org's data to take along: a page that says what the archive holds, and the archive itself, written while it is downloaded. It is
// the same archive that the operator's command writes, and there in every state of the plan.
package dashboard

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"hostaway-mcp/store"
)

const (
	exportsMost   = 5 // begun by one org within exportsWindow
	exportsWindow = time.Hour
	exportPause   = 10 * time.Second
	exportsAtOnce = 2 // of all orgs: each holds one of the store's connections for as long as it runs
	// exportFor is how long one may take, however slowly its reader reads: while it runs, the database's log grows.
	exportFor = 10 * time.Minute
)

// newExportTurns bounds how often an org takes its archive.
func newExportTurns(now func() time.Time) *turns {
	return &turns{
		now: now, most: exportsMost, window: exportsWindow, pause: exportPause, atOnce: exportsAtOnce, orgs: map[string]*orgTurns{},
		words: turnWords{
			Code: "too_many_exports", Title: "Too many exports",
			Running: "An archive of this org is being downloaded already. No second one was begun.",
			Often:   "This org's archive was downloaded several times within an hour. No other one was begun.",
			Busy:    "The archives of other orgs are being made right now. This one was not begun.",
		},
	}
}

type exportData struct{ Files []store.ExportedFile }

func (d *Dashboard) exportPage(c *fiber.Ctx, v *visit) error {
	return d.show(c, v, shown{Page: "export", Title: "Export", Current: exportHref, Data: exportData{store.ExportContents()}})
}

// export answers with the archive as it is made, so that none is ever in memory as a whole. That it is taken stands in the audit log
// before it is.
func (d *Dashboard) export(c *fiber.Ctx, v *visit) error {
	org, by, file := v.org, v.actor(c), archiveName(v.org, d.cfg.Now())
	record := func(ctx context.Context, name string) error {
		return org.RecordAction(ctx, by, store.Action{Name: name, Target: org.ID(), Detail: file})
	}
	if err := d.exports.begin(org.ID()); err != nil {
		return err
	}
	if err := record(c.UserContext(), "org.exported"); err != nil {
		d.exports.end(org.ID())
		return err
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), exportFor)
	archive := newDownload(func(w io.Writer) (err error) {
		defer cancel()
		defer d.exports.end(org.ID())
		defer func() {
			if err == nil {
				return
			}
			gone := errors.Is(err, context.Canceled) || errors.Is(err, io.ErrClosedPipe)
			if kept := record(context.WithoutCancel(ctx), "org.export_failed"); kept != nil || !gone {
				d.cfg.Log.ErrorContext(ctx, "an org's export failed", "error", errors.Join(err, kept), "org", org.ID(), "request_id", by.RequestID)
			}
		}()
		defer recovered(&err)
		_, err = org.Export(ctx, w, d.cfg.Version)
		return err
	})
	if err := archive.begun(); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "application/zip")
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="`+file+`"`)
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.SendStream(archive)
}

// recovered turns a panic into an error: it is not in the goroutine of a request, where somebody else would catch it.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
	}
}

// download is an answer that is written by a goroutine of its own, piece by piece as it is read.
type download struct {
	*bufio.Reader
	pipe *io.PipeReader
	done chan struct{} // closed when write has returned
}

// newDownload starts write. Whoever gets the download has to close it.
func newDownload(write func(io.Writer) error) *download {
	r, w := io.Pipe()
	d := &download{bufio.NewReader(r), r, make(chan struct{})}
	go func() {
		defer close(d.done)
		_ = w.CloseWithError(write(w)) // the reader gets the error, or the end; this never fails
	}()
	return d
}

// begun waits for the first bytes. After an error nothing was sent, and the download is closed: the caller can still be told in words.
func (d *download) begun() error {
	_, err := d.Peek(1)
	if err != nil {
		return errors.Join(err, d.Close())
	}
	return nil
}

// Close ends the writing if it is not at its end, and waits until it is.
func (d *download) Close() error {
	err := d.pipe.Close()
	<-d.done
	return err
}

// archiveName is a file name of the org's name and the day. A name without a letter or digit that any system takes is left to the id.
func archiveName(org *store.Org, now time.Time) string {
	words := strings.FieldsFunc(strings.ToLower(org.Name()), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	name := strings.Join(words, "-")
	if name == "" {
		name = org.ID()
	}
	return name + "-" + now.UTC().Format(time.DateOnly) + ".zip"
}
