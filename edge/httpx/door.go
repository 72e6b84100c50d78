package httpx

import (
	"container/list"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Door lets so many connections in and no more. When it is full, whoever comes takes the place of the one that was opened longest ago
// and has never asked anything; when there is none, of the one that has been kept longest for a next request. Only when all are at work
// is the newcomer turned away, so a crowd that connects and keeps silent keeps nobody out. It suits http.Server.ConnState.
type Door struct {
	Max int // connections at once, 0 for any number

	mu      sync.Mutex // guards the rest
	open    map[net.Conn]*visitor
	silent  list.List // of net.Conn that have never asked, longest first
	resting list.List // of net.Conn that have asked before, longest at rest first
	refused int64
	evicted int64
}

// visitor is where a connection stands: in one of the lists, or in none while it is at work.
type visitor struct {
	in *list.List
	at *list.Element
}

func (v *visitor) move(c net.Conn, to *list.List) {
	if v.in != nil {
		v.in.Remove(v.at)
	}
	if v.in = to; to != nil {
		v.at = to.PushBack(c)
	}
}

// Listen returns ln with the door before it.
func (d *Door) Listen(ln net.Listener) net.Listener { return &doorway{ln, d} }

// Turned returns how many connections were turned away at the door, and how many were closed to make room for others.
func (d *Door) Turned() (refused, evicted int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.refused, d.evicted
}

// State follows what becomes of a connection.
func (d *Door) State(c net.Conn, state http.ConnState) {
	if d.Max == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.open[c]
	if v == nil {
		return // closed for another meanwhile
	}
	switch state {
	case http.StateActive:
		v.move(c, nil)
	case http.StateIdle:
		v.move(c, &d.resting)
	case http.StateClosed, http.StateHijacked:
		v.move(c, nil)
		delete(d.open, c)
	}
}

// enter says whether a new connection may come in, and which other is to be closed for it.
func (d *Door) enter(c net.Conn) (in bool, out net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open == nil {
		d.open = map[net.Conn]*visitor{}
	}
	if len(d.open) >= d.Max {
		e := d.silent.Front()
		if e == nil {
			e = d.resting.Front()
		}
		if e == nil {
			d.refused++
			return false, nil
		}
		out = e.Value.(net.Conn)
		d.open[out].move(out, nil)
		delete(d.open, out)
		d.evicted++
	}
	v := &visitor{}
	v.move(c, &d.silent)
	d.open[c] = v
	return true, out
}

type doorway struct {
	net.Listener
	door *Door
}

// Accept waits for the next connection that may come in.
func (w *doorway) Accept() (net.Conn, error) {
	for {
		c, err := w.Listener.Accept()
		if err != nil || w.door.Max == 0 {
			return c, err
		}
		in, out := w.door.enter(c)
		if out != nil {
			_ = out.Close()
		}
		if in {
			return c, nil
		}
		_ = c.Close()
	}
}

// How long the other side may take. A phone in a lift is slow; somebody who sends a byte a minute is not a phone.
const (
	bodyTime  = 30 * time.Second // for the body of a call, or the next piece of a file
	fileTime  = 15 * time.Minute // for a whole file: 50 MB over a poor mobile line
	takeTime  = 30 * time.Second // for taking an answer, and besides
	takeSpeed = 8 << 10          // bytes a second that anybody takes
)

// patientWriter gives the reader of an answer a time to take each piece of it. A request that waits for news has none, because nothing
// is written meanwhile.
type patientWriter struct {
	http.ResponseWriter
	rc *http.ResponseController
}

func newPatientWriter(w http.ResponseWriter) *patientWriter {
	p := &patientWriter{w, http.NewResponseController(w)}
	_ = p.rc.SetWriteDeadline(time.Time{}) // what an earlier answer on this connection left
	return p
}

// Unwrap lets http.ResponseController reach the writer below.
func (p *patientWriter) Unwrap() http.ResponseWriter { return p.ResponseWriter }

func (p *patientWriter) deadline(n int) {
	_ = p.rc.SetWriteDeadline(time.Now().Add(takeTime + time.Duration(n/takeSpeed)*time.Second)) // not every writer can
}

// WriteHeader implements http.ResponseWriter.
func (p *patientWriter) WriteHeader(status int) {
	p.deadline(0)
	p.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (p *patientWriter) Write(b []byte) (int, error) {
	p.deadline(len(b))
	return p.ResponseWriter.Write(b)
}

// timedBody gives a body that is being read its time: in all for a call, for each piece and in all for a file. At the end there is no
// limit any more, because a request that waits for news is watched for its client's going, which reads.
type timedBody struct {
	io.ReadCloser
	rc   *http.ResponseController
	file time.Time // when a file must be here, zero for a call
}

// hurry puts a time on reading a request's body, if it has one.
func hurry(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength == 0 || r.Body == nil {
		return
	}
	b := &timedBody{ReadCloser: r.Body, rc: http.NewResponseController(w)}
	if strings.HasPrefix(r.URL.Path, "/_matrix/media/") || strings.HasPrefix(r.URL.Path, "/_wardline/v1/uploads/") {
		b.file = time.Now().Add(fileTime)
	}
	_ = b.rc.SetReadDeadline(time.Now().Add(bodyTime)) // not every writer can
	r.Body = b
}

// Read implements io.Reader.
func (b *timedBody) Read(p []byte) (int, error) {
	if !b.file.IsZero() {
		next := time.Now().Add(bodyTime)
		if next.After(b.file) {
			next = b.file
		}
		_ = b.rc.SetReadDeadline(next)
	}
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF { // and only then: what else is to come of a body that is late must not be waited for either
		_ = b.rc.SetReadDeadline(time.Time{})
	}
	return n, err
}
