package egress

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
)

const (
	typeA    = 1
	typeAAAA = 28

	nxdomain = 3
	servfail = 2
)

// An answer is what a name server says about a name. With silent it says
// nothing.
type answer struct {
	addrs  []string
	rcode  byte
	silent bool
}

// nameServer starts a name server on loopback that asks reply about each query
// and returns a resolver that asks no other.
func nameServer(t *testing.T, reply func(name string) answer) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if out := response(buf[:n], reply); out != nil {
				_, _ = conn.WriteTo(out, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// response answers one query (RFC 1035, section 4).
func response(query []byte, reply func(string) answer) []byte {
	var labels []string
	i := 12
	for query[i] != 0 {
		n := int(query[i])
		labels = append(labels, string(query[i+1:i+1+n]))
		i += n + 1
	}
	qtype := binary.BigEndian.Uint16(query[i+1:])
	end := i + 5
	a := reply(strings.ToLower(strings.Join(labels, ".")))
	if a.silent {
		return nil
	}
	out := append([]byte{}, query[:end]...)
	out[2], out[3] = 0x84, 0x80|a.rcode
	clear(out[6:12]) // no records so far
	count := 0
	for _, s := range a.addrs {
		ip := netip.MustParseAddr(s)
		if ip.Is4() != (qtype == typeA) || (qtype != typeA && qtype != typeAAAA) {
			continue
		}
		raw := ip.AsSlice()
		out = append(out, 0xc0, 12) // the name in the question
		out = binary.BigEndian.AppendUint16(out, qtype)
		out = append(out, 0, 1, 0, 0, 0, 0) // class IN, time to live 0
		out = binary.BigEndian.AppendUint16(out, uint16(len(raw)))
		out = append(out, raw...)
		count++
	}
	binary.BigEndian.PutUint16(out[6:], uint16(count))
	return out
}

// zone answers from a map; other names do not exist.
func zone(m map[string][]string) func(string) answer {
	return func(name string) answer {
		if addrs, ok := m[name]; ok {
			return answer{addrs: addrs}
		}
		return answer{rcode: nxdomain}
	}
}

// rebinding answers with the first address until the flag is set.
func rebinding(flag *atomic.Bool, first, then string) func(string) answer {
	return func(string) answer {
		if flag.Load() {
			return answer{addrs: []string{then}}
		}
		return answer{addrs: []string{first}}
	}
}
