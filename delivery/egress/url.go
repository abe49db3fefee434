package egress

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// MaxURL is how long an endpoint's URL may be, in bytes.
const MaxURL = 2048

// CheckURL says whether raw may be registered as an endpoint's URL. The error's
// text is for the caller and does not repeat the URL, whose query may hold a
// token. For an address that is closed it is a *BlockedError.
//
// A name that resolves to a closed address passes: what a name resolves to can
// change at any time, so that is decided at every dial.
func CheckURL(raw string, g Guard) error {
	if raw == "" {
		return errors.New("is required")
	}
	if len(raw) > MaxURL {
		return fmt.Errorf("is longer than %d bytes", MaxURL)
	}
	if err := checkBytes(raw); err != nil {
		return err
	}
	u, err := url.Parse(raw)
	if err != nil {
		return errors.New("is not a valid URL")
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("must start with https:// or http://")
	case u.Opaque != "" || u.Host == "":
		return errors.New("has no host")
	case u.User != nil:
		return errors.New("must not contain a user name or password")
	case strings.Contains(raw, "#"):
		return errors.New("must not contain a fragment (#)")
	}
	// url.Parse decodes the host; the bytes as written are what a person meant.
	if strings.Contains(authority(raw), "%") {
		return errors.New("must not have percent-encoding or a zone in its host")
	}
	if err := checkPort(u); err != nil {
		return err
	}
	return checkHost(u, g)
}

// checkBytes lets printable ASCII through. Letters outside ASCII can turn into
// dots, digits or slashes when a host name is normalised.
func checkBytes(raw string) error {
	for i := range len(raw) {
		switch c := raw[i]; {
		case c >= 0x80:
			return errors.New("must be ASCII: write an international host name in its xn-- form and percent-encode the rest")
		case c <= ' ' || c == 0x7f:
			return errors.New("must not contain spaces or control characters")
		case c == '\\':
			return errors.New("must not contain a backslash")
		}
	}
	return nil
}

// authority returns what stands between "//" and the path.
func authority(raw string) string {
	_, rest, _ := strings.Cut(raw, "//")
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	return rest
}

func checkPort(u *url.URL) error {
	port := u.Port()
	if port == "" {
		if strings.HasSuffix(u.Host, ":") {
			return errors.New("has a colon but no port after its host")
		}
		return nil
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return errors.New("must have a port from 1 to 65535")
	}
	return nil
}

func checkHost(u *url.URL, g Guard) error {
	host := u.Hostname()
	if strings.HasPrefix(u.Host, "[") {
		a, err := netip.ParseAddr(host)
		if err != nil || !a.Is6() {
			return errors.New("must have an IPv6 address between its brackets")
		}
		return g.Check(a)
	}
	if a, err := netip.ParseAddr(host); err == nil && a.Is4() {
		return g.Check(a)
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	labels := strings.Split(name, ".")
	if last := labels[len(labels)-1]; isNumber(last) {
		return errors.New("has an unusual spelling of an IP address as its host: write it as four decimal numbers, such as 192.0.2.1")
	}
	if err := checkName(name, labels); err != nil {
		return err
	}
	if labels[len(labels)-1] == "localhost" {
		return g.checkLocalhost()
	}
	return nil
}

// isNumber reports whether a host that ends in this label is taken for an IPv4
// address by browsers and C libraries (https://url.spec.whatwg.org/, "ends in a
// number checker").
func isNumber(label string) bool {
	hex, isHex := strings.CutPrefix(label, "0x")
	if isHex {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return label != "" && strings.Trim(label, "0123456789") == ""
}

// checkName wants what DNS can hold, and underscores, which names of containers
// have.
func checkName(name string, labels []string) error {
	if len(name) > 253 {
		return errors.New("has a host name longer than 253 characters")
	}
	for _, l := range labels {
		switch {
		case l == "":
			return errors.New("has an empty part in its host name")
		case len(l) > 63:
			return errors.New("has a part longer than 63 characters in its host name")
		case l[0] == '-' || l[len(l)-1] == '-':
			return errors.New("has a part of its host name that starts or ends with a hyphen")
		case strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "":
			return errors.New("has a character in its host name that host names cannot have")
		}
	}
	return nil
}

// checkLocalhost opens localhost where either of its addresses is open.
func (g Guard) checkLocalhost() error {
	err := g.Check(netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	if err == nil || g.Check(netip.IPv6Loopback()) == nil {
		return nil
	}
	return err
}
