package db

import (
	"context"
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

// A PostgreSQL that neither answers nor breaks off would hold every caller for as long as the machine's TCP believes in it. The writer
// is therefore watched from beside: when a batch takes longer than the patience, its connection is closed under it, and what follows is
// what follows any broken connection (connect.go). A timer a batch costs nothing that can be measured; a context with a deadline a
// statement would. Readers have a context each anyway.

// Patience sets how long a batch of writes, or one read, may take on PostgreSQL before its connection is given up; 20 s unless set. It
// must be called before the first Write. SQLite has no connection that could hang.
func (d *DB) Patience(p time.Duration) { d.patience = p }

// watch gives up the writing connection when the batch that begins now takes too long; the returned function ends that.
func (d *DB) watch() (stop func()) {
	wire := d.wire.Load()
	if wire == nil {
		return func() {}
	}
	t := time.AfterFunc(d.patience, func() { _ = (*wire).Close() })
	return func() { t.Stop() }
}

// userTimeout is Linux's TCP_USER_TIMEOUT: how long what was sent may stay unconfirmed.
const userTimeout = 0x12

// dialPostgres returns how to connect: over a network, one that has gone is noticed in seconds. What was connected last is left in into,
// if that is not nil.
func dialPostgres(into *atomic.Pointer[net.Conn]) func(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3},
		Control: func(network, _ string, c syscall.RawConn) error {
			if network == "unix" {
				return nil
			}
			return c.Control(func(fd uintptr) {
				_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, userTimeout, 20_000) // without it only slower
			})
		}}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := d.DialContext(ctx, network, addr)
		if err == nil && into != nil {
			into.Store(&c)
		}
		return c, err
	}
}
