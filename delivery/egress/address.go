package egress

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// ErrBlocked is what every BlockedError is.
var ErrBlocked = errors.New("address is not allowed")

// A BlockedError says which address was refused and why, in words for the
// person who registered the endpoint.
type BlockedError struct {
	Addr   netip.Addr
	Reason string
}

func (e *BlockedError) Error() string {
	return fmt.Sprintf("address %s is not allowed: %s", e.Addr, e.Reason)
}

// Is makes errors.Is(err, ErrBlocked) true.
func (e *BlockedError) Is(target error) bool { return target == ErrBlocked }

// A Guard decides which addresses may be reached. The zero Guard opens public
// addresses only.
type Guard struct {
	// Allow opens special ranges. Two kinds of address need more than a range
	// that contains them. A metadata service must be named by itself, as a /32
	// or a /128. Local NAT64 (64:ff9b:1::/48) needs a prefix of 96 bits or
	// more: only then is it known where the IPv4 address stands that has to be
	// checked.
	Allow []netip.Prefix
}

// ParseAllow reads a comma-separated list of CIDRs and single addresses, as an
// operator writes it. Spaces around entries and empty entries are ignored.
func ParseAllow(list string) ([]netip.Prefix, error) {
	var allow []netip.Prefix
	for entry := range strings.SplitSeq(list, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		p, err := netip.ParsePrefix(entry)
		if err != nil {
			a, err := netip.ParseAddr(entry)
			if err != nil || a.Zone() != "" {
				return nil, fmt.Errorf("%q is neither a CIDR such as 10.0.0.0/8 nor an IP address", entry)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		allow = append(allow, unmapPrefix(p).Masked())
	}
	return allow, nil
}

// Check returns nil if a may be reached, else a *BlockedError.
func (g Guard) Check(a netip.Addr) error {
	if reason := g.refuse(a.Unmap()); reason != "" {
		return &BlockedError{Addr: a, Reason: reason}
	}
	return nil
}

// refuse returns why a is closed, or "".
func (g Guard) refuse(a netip.Addr) string {
	switch {
	case !a.IsValid():
		return "not an IP address"
	case a.Zone() != "":
		return "it has a zone"
	case g.allowed(a, a.BitLen()):
		return "" // named by itself
	case metadata[a]:
		return "cloud metadata service; it has to be allowed by its own address"
	case localNAT64.Contains(a) && !g.allowed(a, 96):
		return "local NAT64; it has to be allowed by a prefix of 96 bits or more"
	}
	if reason := special(a); reason != "" && !g.allowed(a, 0) {
		return reason
	}
	for _, v4 := range embedded(a) {
		if reason := g.refuse(v4); reason != "" {
			return fmt.Sprintf("it stands for %s: %s", v4, reason)
		}
	}
	return ""
}

// allowed reports whether an entry of at least minBits bits contains a.
func (g Guard) allowed(a netip.Addr, minBits int) bool {
	for _, p := range g.Allow {
		if p = unmapPrefix(p); p.Bits() >= minBits && p.Contains(a) {
			return true
		}
	}
	return false
}

// unmapPrefix turns ::ffff:10.0.0.0/104 into 10.0.0.0/8, which says the same of
// addresses that have been unmapped.
func unmapPrefix(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p
}

// special returns what special range a is in, or "" for a public address.
func special(a netip.Addr) string {
	ranges := special4
	if a.Is6() {
		if !globalUnicast.Contains(a) {
			return outsideGlobal(a)
		}
		if isISATAP(a) {
			return "ISATAP tunnel"
		}
		ranges = special6
	}
	for _, r := range ranges {
		if r.prefix.Contains(a) {
			return r.name
		}
	}
	return ""
}

func outsideGlobal(a netip.Addr) string {
	switch {
	case a.IsLoopback():
		return "loopback"
	case a.IsUnspecified():
		return "unspecified address"
	case a.IsPrivate():
		return "private network"
	case a.IsLinkLocalUnicast():
		return "link-local"
	case a.IsMulticast():
		return "multicast"
	}
	return "not a global unicast address"
}

// embedded returns the IPv4 addresses that packets to a may end up at.
func embedded(a netip.Addr) []netip.Addr {
	if !a.Is6() {
		return nil
	}
	b := a.As16()
	last := netip.AddrFrom4([4]byte(b[12:]))
	switch {
	case isISATAP(a), wellKnownNAT64.Contains(a), localNAT64.Contains(a), translated.Contains(a):
		return []netip.Addr{last}
	case compatible.Contains(a) && !a.IsLoopback() && !a.IsUnspecified():
		return []netip.Addr{last}
	case sixToFour.Contains(a):
		return []netip.Addr{netip.AddrFrom4([4]byte(b[2:6]))}
	case teredo.Contains(a): // the server, and the client with its bits flipped
		client := [4]byte{^b[12], ^b[13], ^b[14], ^b[15]}
		return []netip.Addr{netip.AddrFrom4([4]byte(b[4:8])), netip.AddrFrom4(client)}
	}
	return nil
}

// isISATAP reports whether the interface identifier is 0000:5efe or 0200:5efe
// and an IPv4 address (RFC 5214, section 6.1), with either value of the group bit.
func isISATAP(a netip.Addr) bool {
	b := a.As16()
	return b[8]&^3 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}
