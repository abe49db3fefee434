package egress

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func guard(t *testing.T, allow string) Guard {
	t.Helper()
	p, err := ParseAllow(allow)
	if err != nil {
		t.Fatalf("ParseAllow(%q): %v", allow, err)
	}
	return Guard{Allow: p}
}

func TestGuardCheck(t *testing.T) {
	tests := []struct {
		name, addr, allow string
		want              string // reason; "" means open
	}{
		{name: "public IPv4", addr: "8.8.8.8"},
		{name: "public IPv6", addr: "2606:4700:4700::1111"},
		{name: "mapped public", addr: "::ffff:8.8.8.8"},
		{name: "last before 10/8", addr: "9.255.255.255"},
		{name: "first after 10/8", addr: "11.0.0.0"},
		{name: "first after 172.16/12", addr: "172.32.0.0"},
		{name: "first after 100.64/10", addr: "100.128.0.0"},
		{name: "last before multicast", addr: "223.255.255.255"},
		{name: "first after 2001::/23", addr: "2001:200::1"},
		{name: "last of 2000::/3", addr: "3ffe:ffff::1"},

		{name: "unspecified", addr: "0.0.0.0", want: "this network"},
		{name: "0/8", addr: "0.1.2.3", want: "this network"},
		{name: "10/8", addr: "10.255.255.255", want: "private network"},
		{name: "100.64/10", addr: "100.64.0.1", want: "carrier-grade NAT"},
		{name: "loopback", addr: "127.0.0.1", want: "loopback"},
		{name: "all of 127/8", addr: "127.255.255.254", want: "loopback"},
		{name: "link-local", addr: "169.254.1.1", want: "link-local"},
		{name: "172.16/12", addr: "172.31.255.255", want: "private network"},
		{name: "192.0.0/24", addr: "192.0.0.8", want: "IETF protocol assignments"},
		{name: "192.0.2/24", addr: "192.0.2.1", want: "documentation"},
		{name: "AS112", addr: "192.31.196.1", want: "AS112"},
		{name: "AMT", addr: "192.52.193.1", want: "multicast tunnelling"},
		{name: "6to4 relay", addr: "192.88.99.1", want: "6to4 relay"},
		{name: "192.168/16", addr: "192.168.0.1", want: "private network"},
		{name: "direct AS112", addr: "192.175.48.1", want: "AS112"},
		{name: "benchmarking", addr: "198.19.255.255", want: "benchmarking"},
		{name: "198.51.100/24", addr: "198.51.100.1", want: "documentation"},
		{name: "203.0.113/24", addr: "203.0.113.1", want: "documentation"},
		{name: "multicast", addr: "224.0.0.1", want: "multicast"},
		{name: "reserved", addr: "240.0.0.1", want: "reserved"},
		{name: "broadcast", addr: "255.255.255.255", want: "reserved"},

		{name: "IPv6 unspecified", addr: "::", want: "unspecified address"},
		{name: "IPv6 loopback", addr: "::1", want: "loopback"},
		{name: "discard", addr: "100::1", want: "not a global unicast address"},
		{name: "dummy", addr: "100:0:0:1::1", want: "not a global unicast address"},
		{name: "unique local", addr: "fd12:3456::1", want: "private network"},
		{name: "IPv6 link-local", addr: "fe80::1", want: "link-local"},
		{name: "site-local", addr: "fec0::1", want: "not a global unicast address"},
		{name: "IPv6 multicast", addr: "ff02::1", want: "multicast"},
		{name: "segment routing", addr: "5f00::1", want: "not a global unicast address"},
		{name: "not given out", addr: "4000::1", want: "not a global unicast address"},
		{name: "2001::/23", addr: "2001:1::1", want: "IETF protocol assignments"},
		{name: "IPv6 benchmarking", addr: "2001:2::1", want: "IETF protocol assignments"},
		{name: "ORCHIDv2", addr: "2001:20::1", want: "IETF protocol assignments"},
		{name: "2001:db8::/32", addr: "2001:db8::1", want: "documentation"},
		{name: "3fff::/20", addr: "3fff:fff::1", want: "documentation"},
		{name: "IPv6 AS112", addr: "2620:4f:8000::1", want: "AS112"},
		{name: "zone", addr: "fe80::1%eth0", want: "it has a zone"},
		{name: "zone on a public address", addr: "2606:4700::1%eth0", want: "it has a zone"},

		{name: "mapped loopback", addr: "::ffff:127.0.0.1", want: "loopback"},
		{name: "mapped private in hex", addr: "::ffff:a00:1", want: "private network"},
		{name: "compatible", addr: "::127.0.0.1", want: "not a global unicast address"},
		{name: "translated", addr: "::ffff:0:127.0.0.1", want: "not a global unicast address"},
		{name: "6to4", addr: "2002:7f00:1::1", want: "6to4 tunnel"},
		{name: "6to4 of a public address", addr: "2002:808:808::1", want: "6to4 tunnel"},
		{name: "Teredo", addr: "2001:0:808:808::1", want: "Teredo tunnel"},
		{name: "NAT64", addr: "64:ff9b::8.8.8.8", want: "not a global unicast address"},
		{name: "local NAT64", addr: "64:ff9b:1::8.8.8.8", want: "local NAT64; it has to be allowed by a prefix of 96 bits or more"},
		{name: "ISATAP", addr: "2606:4700::5efe:10.0.0.1", want: "ISATAP tunnel"},
		{name: "ISATAP, universal bit", addr: "2606:4700::200:5efe:10.0.0.1", want: "ISATAP tunnel"},
		{name: "ISATAP, group bit", addr: "2606:4700::300:5efe:8.8.8.8", want: "ISATAP tunnel"},
		{name: "nearly ISATAP", addr: "2606:4700::400:5efe:808:808"},

		{name: "allowed range", addr: "10.1.2.3", allow: "10.0.0.0/8"},
		{name: "other range allowed", addr: "10.1.2.3", allow: "192.168.0.0/16", want: "private network"},
		{name: "allowed single address", addr: "127.0.0.1", allow: "127.0.0.1"},
		{name: "neighbour of a single address", addr: "127.0.0.2", allow: "127.0.0.1", want: "loopback"},
		{name: "mapped spelling of an allowed address", addr: "::ffff:127.0.0.1", allow: "127.0.0.1"},
		{name: "mapped spelling in the allow list", addr: "10.1.2.3", allow: "::ffff:10.0.0.0/104"},
		{name: "compatible is not opened by the IPv4 range", addr: "::127.0.0.1", allow: "127.0.0.0/8", want: "not a global unicast address"},
		{name: "allowed unique local", addr: "fd12::1", allow: "fd00::/8"},
		{name: "allowed loopback", addr: "::1", allow: "::1/128"},
		{name: "loopback in a range", addr: "::1", allow: "::/96"},
		{name: "zone in an allowed range", addr: "fe80::1%eth0", allow: "fe80::/10", want: "it has a zone"},
		{name: "one of several", addr: "fd12::1", allow: "10.0.0.0/8, fd00::/8"},

		{name: "allowed NAT64, public inside", addr: "64:ff9b::8.8.8.8", allow: "64:ff9b::/96"},
		{name: "allowed NAT64, private inside", addr: "64:ff9b::10.0.0.1", allow: "64:ff9b::/96", want: "it stands for 10.0.0.1: private network"},
		{name: "allowed NAT64 and inside", addr: "64:ff9b::10.0.0.1", allow: "64:ff9b::/96,10.0.0.0/8"},
		{name: "allowed NAT64, metadata inside", addr: "64:ff9b::169.254.169.254", allow: "64:ff9b::/96,169.254.0.0/16", want: "it stands for 169.254.169.254: cloud metadata service; it has to be allowed by its own address"},
		{name: "local NAT64 by a short prefix", addr: "64:ff9b:1::8.8.8.8", allow: "64:ff9b:1::/48", want: "local NAT64; it has to be allowed by a prefix of 96 bits or more"},
		{name: "local NAT64 by its prefix", addr: "64:ff9b:1::8.8.8.8", allow: "64:ff9b:1::/96"},
		{name: "local NAT64, private inside", addr: "64:ff9b:1::127.0.0.1", allow: "64:ff9b:1::/96", want: "it stands for 127.0.0.1: loopback"},
		{name: "allowed 6to4, private inside", addr: "2002:a00:1::1", allow: "2002::/16", want: "it stands for 10.0.0.1: private network"},
		{name: "allowed Teredo, private client", addr: "2001:0:808:808::f5ff:fffe", allow: "2001::/32", want: "it stands for 10.0.0.1: private network"},
		{name: "allowed Teredo, private server", addr: "2001:0:a00:1::f7f7:f7f7", allow: "2001::/32", want: "it stands for 10.0.0.1: private network"},
		{name: "allowed ISATAP, private inside", addr: "fd00::5efe:10.0.0.1", allow: "fd00::/8", want: "it stands for 10.0.0.1: private network"},
		{name: "allowed compatible, loopback inside", addr: "::127.0.0.1", allow: "::/96", want: "it stands for 127.0.0.1: loopback"},
		{name: "allowed translated, loopback inside", addr: "::ffff:0:127.0.0.1", allow: "::/64", want: "it stands for 127.0.0.1: loopback"},
		{name: "carrier named by itself", addr: "64:ff9b::10.0.0.1", allow: "64:ff9b::10.0.0.1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if err := guard(t, tt.allow).Check(netip.MustParseAddr(tt.addr)); err != nil {
				var blocked *BlockedError
				if !errors.As(err, &blocked) || !errors.Is(err, ErrBlocked) {
					t.Fatalf("Check(%s) = %#v, want a *BlockedError", tt.addr, err)
				}
				got = blocked.Reason
			}
			if got != tt.want {
				t.Errorf("Check(%s) with %q allowed: reason %q, want %q", tt.addr, tt.allow, got, tt.want)
			}
		})
	}
}

func TestGuardCheckMetadata(t *testing.T) {
	everything := "0.0.0.0/0,::/0,169.254.0.0/16,fd00:ec2::/64"
	for a := range metadata {
		t.Run(a.String(), func(t *testing.T) {
			if err := guard(t, "").Check(a); !errors.Is(err, ErrBlocked) {
				t.Errorf("Check(%s) = %v, want it blocked", a, err)
			}
			if err := guard(t, everything).Check(a); !errors.Is(err, ErrBlocked) {
				t.Errorf("Check(%s) with every range allowed = %v, want it blocked", a, err)
			}
			if err := guard(t, a.String()).Check(a); err != nil {
				t.Errorf("Check(%s) with itself allowed = %v, want it open", a, err)
			}
			if err := guard(t, everything).Check(netip.AddrFrom16(a.As16())); !errors.Is(err, ErrBlocked) {
				t.Errorf("Check(%s) in 16 bytes = %v, want it blocked", a, err)
			}
		})
	}
}

func TestGuardCheckInvalid(t *testing.T) {
	if err := guard(t, "0.0.0.0/0,::/0").Check(netip.Addr{}); !errors.Is(err, ErrBlocked) {
		t.Errorf("Check(no address) = %v, want it blocked", err)
	}
}

func TestParseAllow(t *testing.T) {
	tests := []struct {
		name, in string
		want     []string
		wantErr  bool
	}{
		{name: "empty"},
		{name: "only separators", in: " , ,"},
		{name: "several", in: "10.0.0.0/8, fd00::/8 ,127.0.0.1,::1", want: []string{"10.0.0.0/8", "fd00::/8", "127.0.0.1/32", "::1/128"}},
		{name: "host bits are cleared", in: "10.1.2.3/8", want: []string{"10.0.0.0/8"}},
		{name: "mapped", in: "::ffff:10.0.0.0/104", want: []string{"10.0.0.0/8"}},
		{name: "a name", in: "localhost", wantErr: true},
		{name: "short form", in: "10/8", wantErr: true},
		{name: "zone", in: "fe80::1%eth0", wantErr: true},
		{name: "too many bits", in: "10.0.0.0/33", wantErr: true},
		{name: "space inside", in: "10.0.0.0 /8", wantErr: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			prefixes, err := ParseAllow(tt.in)
			if (err != nil) != tt.wantErr {
				t.Fatalf("ParseAllow(%q) error = %v, want an error: %t", tt.in, err, tt.wantErr)
			}
			var got []string
			for _, p := range prefixes {
				got = append(got, p.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("ParseAllow(%q) (-want +got):\n%s", tt.in, diff)
			}
		})
	}
}

// FuzzGuardCheck holds the guard against what net/netip knows by itself.
func FuzzGuardCheck(f *testing.F) {
	for _, r := range append(special4, special6...) {
		f.Add(r.prefix.Addr().String())
	}
	for a := range metadata {
		f.Add(a.String())
	}
	f.Add("64:ff9b::10.0.0.1")
	f.Add("2606:4700::5efe:10.0.0.1")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := netip.ParseAddr(s)
		if err != nil || (Guard{}).Check(a) != nil {
			return
		}
		u := a.Unmap()
		if !u.IsGlobalUnicast() || u.IsPrivate() || a.Zone() != "" {
			t.Errorf("Check(%s) is open, but it is not public", a)
		}
		if u.Is6() && (u.As16()[0]>>5 != 1 || len(embedded(u)) > 0) {
			t.Errorf("Check(%s) is open, but it is outside 2000::/3 or carries IPv4", a)
		}
	})
}
