package proxy

import (
	"errors"
	"io"
	"net"
	"sync"

	"github.com/pims-sync/pims-sync/internal/panics"
)

// portion is how much is passed on between two looks at the limit, in bytes.
const portion = 256 << 10

// join passes bytes on in both directions until both have ended or one broke off.
func (p *Proxy) join(client, server net.Conn) {
	var up sync.WaitGroup
	panics.GoIn(&up, func() { p.pass(server, client, func(int64) bool { return true }) }, p.options.Panicked)
	p.pass(client, server, p.spend)
	up.Wait()
}

// pass copies from one end to the other, as long as spend permits it. A normal end of the
// source ends that direction alone; anything else ends both.
func (p *Proxy) pass(to, from net.Conn, spend func(int64) bool) {
	for {
		n, err := io.CopyN(to, from, portion)
		if !spend(n) {
			err = ErrTooMuch
		}
		if errors.Is(err, io.EOF) {
			if half, ok := to.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
				return
			}
		}
		if err != nil {
			_ = to.Close()
			_ = from.Close()
			return
		}
	}
}

// spend takes n bytes from what servers may still send. It returns false when nothing is
// left.
func (p *Proxy) spend(n int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left -= n
	return p.left >= 0
}
