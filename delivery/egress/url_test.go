package egress

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

// anyError is for spellings that net/url may refuse before CheckURL looks at
// them, depending on Go's version.
const anyError = "any error"

var urlTests = []struct {
	name, url, allow string
	want             string // part of the error; "" means accepted
}{
	{name: "https", url: "https://example.com/hook"},
	{name: "http", url: "http://example.com"},
	{name: "port and query", url: "https://example.com:8443/a/b?c=d%20e"},
	{name: "scheme in capitals", url: "HTTPS://Example.COM/"},
	{name: "trailing dot", url: "https://example.com./"},
	{name: "underscore", url: "http://web_hook:8080/"},
	{name: "one label", url: "http://receiver/"},
	{name: "punycode", url: "https://xn--bcher-kva.example/"},
	{name: "digits in a name", url: "https://1.2.3.4.example.com/"},
	{name: "hex-like name", url: "https://0x7f.example/"},
	{name: "digits and letters", url: "https://127.0.0.1a/"},
	{name: "highest port", url: "https://example.com:65535/"},
	{name: "lowest port", url: "https://example.com:1/"},
	{name: "public IPv4", url: "https://8.8.8.8/"},
	{name: "public IPv6", url: "https://[2606:4700:4700::1111]:443/"},
	{name: "longest", url: "https://example.com/" + strings.Repeat("a", MaxURL-20)},

	{name: "empty", url: "", want: "required"},
	{name: "too long", url: "https://example.com/" + strings.Repeat("a", MaxURL-19), want: "longer than 2048 bytes"},
	{name: "no scheme", url: "example.com/hook", want: "must start with"},
	{name: "scheme-relative", url: "//example.com/", want: "must start with"},
	{name: "ftp", url: "ftp://example.com/", want: "must start with"},
	{name: "file", url: "file:///etc/passwd", want: "must start with"},
	{name: "gopher", url: "gopher://127.0.0.1:6379/_x", want: "must start with"},
	{name: "opaque", url: "http:example.com", want: "no host"},
	{name: "one slash", url: "http:/example.com", want: "no host"},
	{name: "no host", url: "http:///path", want: "no host"},
	{name: "only a port", url: "http://:80/", want: "empty part"},
	{name: "user", url: "https://user@example.com/", want: "user name"},
	{name: "user and password", url: "https://user:pw@example.com/", want: "user name"},
	{name: "empty user", url: "https://@example.com/", want: "user name"},
	{name: "host as user", url: "http://example.com@127.0.0.1/", want: "user name"},
	{name: "fragment", url: "https://example.com/#x", want: "fragment"},
	{name: "empty fragment", url: "https://example.com/#", want: "fragment"},
	{name: "space", url: "https://example.com/a b", want: "spaces"},
	{name: "space in front", url: " https://example.com/", want: "spaces"},
	{name: "tab", url: "https://exam\tple.com/", want: "control characters"},
	{name: "newline", url: "https://example.com/\r\nX: y", want: "control characters"},
	{name: "zero byte", url: "https://example.com/\x00", want: "control characters"},
	{name: "backslash", url: `https://example.com\@127.0.0.1/`, want: "backslash"},
	{name: "bad escape", url: "https://example.com/%zz", want: "not a valid URL"},
	{name: "port 0", url: "https://example.com:0/", want: "port from 1 to 65535"},
	{name: "port 65536", url: "https://example.com:65536/", want: "port from 1 to 65535"},
	{name: "negative port", url: "https://example.com:-1/", want: "not a valid URL"},
	{name: "port of letters", url: "https://example.com:http/", want: "not a valid URL"},
	{name: "colon without port", url: "https://example.com:/", want: "no port"},
	{name: "wildcard", url: "https://*.example.com/", want: "host names cannot have"},
	{name: "comma", url: "https://a,b/", want: "host names cannot have"},
	{name: "two dots", url: "https://example..com/", want: "empty part"},
	{name: "two trailing dots", url: "https://example.com../", want: "empty part"},
	{name: "only a dot", url: "https://./", want: "empty part"},
	{name: "leading hyphen", url: "https://-a.example/", want: "hyphen"},
	{name: "label of 64", url: "https://" + strings.Repeat("a", 64) + ".com/", want: "63"},
	{name: "name of 254", url: "https://" + strings.Repeat("a.", 126) + "aa/", want: "253"},
	{name: "international name", url: "https://bücher.example/", want: "xn--"},
	{name: "international path", url: "https://example.com/ü", want: "percent-encode"},

	{name: "loopback", url: "http://127.0.0.1/", want: "address 127.0.0.1 is not allowed: loopback"},
	{name: "other loopback", url: "http://127.1.2.3:8080/", want: "loopback"},
	{name: "private", url: "https://10.0.0.1/", want: "private network"},
	{name: "unspecified", url: "http://0.0.0.0/", want: "this network"},
	{name: "metadata", url: "http://169.254.169.254/latest/meta-data/", want: "metadata"},
	{name: "decimal", url: "http://2130706433/", want: "unusual spelling"},
	{name: "public in decimal", url: "http://134744072/", want: "unusual spelling"},
	{name: "octal", url: "http://0177.0.0.1/", want: "unusual spelling"},
	{name: "all octal", url: "http://017700000001/", want: "unusual spelling"},
	{name: "leading zeros", url: "http://127.0.0.001/", want: "unusual spelling"},
	{name: "hex part", url: "http://0x7f.1/", want: "unusual spelling"},
	{name: "hex", url: "http://0x7f000001/", want: "unusual spelling"},
	{name: "hex in capitals", url: "http://0X7F000001/", want: "unusual spelling"},
	{name: "hex in the last part", url: "http://127.0.0.0x1/", want: "unusual spelling"},
	{name: "empty hex", url: "http://127.0.0.0x/", want: "unusual spelling"},
	{name: "short", url: "http://127.1/", want: "unusual spelling"},
	{name: "shorter", url: "http://0/", want: "unusual spelling"},
	{name: "too large", url: "http://127.0.0.256/", want: "unusual spelling"},
	{name: "overflow", url: "http://4294967297/", want: "unusual spelling"},
	{name: "five parts", url: "http://127.0.0.0.1/", want: "unusual spelling"},
	{name: "address and dot", url: "http://127.0.0.1./", want: "unusual spelling"},
	{name: "short and dot", url: "http://127.1./", want: "unusual spelling"},
	{name: "address and two dots", url: "http://127.0.0.1../", want: "empty part"},
	{name: "percent-encoded", url: "http://%31%32%37.0.0.1/", want: "not a valid URL"},
	{name: "percent-encoded name", url: "http://%6cocalhost/", want: "not a valid URL"},
	{name: "percent-encoded full-width", url: "http://%EF%BC%91.0.0.1/", want: "percent-encoding"},
	{name: "full-width digits", url: "http://１２７.0.0.1/", want: "ASCII"},
	{name: "circled digits", url: "http://①②⑦.0.0.1/", want: "ASCII"},
	{name: "ideographic dot", url: "http://127。0。0。1/", want: "ASCII"},
	{name: "full-width dot", url: "http://127．0．0．1/", want: "ASCII"},
	{name: "soft hyphen", url: "http://local\u00adhost/", want: "ASCII"},

	{name: "IPv6 loopback", url: "http://[::1]/", want: "loopback"},
	{name: "IPv6 unspecified", url: "http://[::]:80/", want: "unspecified"},
	{name: "long IPv6 loopback", url: "http://[0:0:0:0:0:0:0:1]/", want: "loopback"},
	{name: "mapped", url: "http://[::ffff:127.0.0.1]/", want: "loopback"},
	{name: "mapped in hex", url: "http://[::ffff:7f00:1]/", want: "loopback"},
	{name: "compatible", url: "http://[::127.0.0.1]/", want: "not a global unicast"},
	{name: "NAT64", url: "http://[64:ff9b::7f00:1]/", want: "not a global unicast"},
	{name: "6to4", url: "http://[2002:7f00:1::]/", want: "6to4"},
	{name: "unique local", url: "http://[fd00:ec2::254]/", want: "metadata"},
	{name: "zone", url: "http://[fe80::1%25eth0]/", want: "zone"},
	{name: "bare zone", url: "http://[fe80::1%eth0]/", want: "not a valid URL"},
	{name: "zone on loopback", url: "http://[::1%25lo]/", want: "zone"},
	{name: "IPv4 in brackets", url: "http://[127.0.0.1]/", want: anyError},
	{name: "name in brackets", url: "http://[localhost]/", want: anyError},
	{name: "IPv6 without brackets", url: "http://2606:4700::1111:80/", want: anyError},
	{name: "loopback without brackets", url: "http://::1/", want: anyError},

	{name: "localhost", url: "http://localhost:9999/", want: "loopback"},
	{name: "localhost in capitals", url: "http://LocalHost/", want: "loopback"},
	{name: "localhost and dot", url: "http://localhost./", want: "loopback"},
	{name: "localhost and two dots", url: "http://localhost../", want: "empty part"},
	{name: "below localhost", url: "http://a.localhost/", want: "loopback"},
	{name: "below localhost and dot", url: "http://a.localhost./", want: "loopback"},
	{name: "localhost in the middle", url: "http://localhost.example.com/"},

	{name: "allowed loopback", url: "http://127.0.0.1:9999/", allow: "127.0.0.1/32"},
	{name: "neighbour of allowed", url: "http://127.0.0.2/", allow: "127.0.0.1/32", want: "loopback"},
	{name: "allowed in decimal", url: "http://2130706433/", allow: "127.0.0.1/32", want: "unusual spelling"},
	{name: "allowed mapped", url: "http://[::ffff:127.0.0.1]/", allow: "127.0.0.1/32"},
	{name: "allowed localhost", url: "http://localhost:9999/", allow: "127.0.0.1/32"},
	{name: "allowed localhost by IPv6", url: "http://localhost:9999/", allow: "::1/128"},
	{name: "allowed below localhost", url: "http://a.localhost./", allow: "127.0.0.0/8"},
	{name: "localhost with other range allowed", url: "http://localhost/", allow: "10.0.0.0/8", want: "loopback"},
	{name: "allowed private", url: "https://10.1.2.3/", allow: "10.0.0.0/8"},
	{name: "allowed link-local range", url: "http://169.254.169.254/", allow: "169.254.0.0/16", want: "metadata"},
	{name: "allowed metadata", url: "http://169.254.169.254/", allow: "169.254.169.254"},
}

func TestCheckURL(t *testing.T) {
	for _, tt := range urlTests {
		t.Run(tt.name, func(t *testing.T) {
			err := CheckURL(tt.url, guard(t, tt.allow))
			switch {
			case tt.want == anyError:
				if err == nil {
					t.Errorf("CheckURL(%q) = nil, want an error", tt.url)
				}
			case tt.want == "" && err != nil:
				t.Errorf("CheckURL(%q) = %q, want it accepted", tt.url, err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("CheckURL(%q) = %v, want an error with %q", tt.url, err, tt.want)
			}
		})
	}
}

func TestCheckURLBlockedError(t *testing.T) {
	var blocked *BlockedError
	if err := CheckURL("http://10.0.0.1/?token=secret", Guard{}); !errors.As(err, &blocked) {
		t.Fatalf("CheckURL of a private address = %v, want a *BlockedError", err)
	}
	if want := netip.MustParseAddr("10.0.0.1"); blocked.Addr != want {
		t.Errorf("BlockedError.Addr = %s, want %s", blocked.Addr, want)
	}
}

// FuzzCheckURL: an address that is accepted by CheckURL passes Check, and an
// accepted host is one that means the same to every parser.
func FuzzCheckURL(f *testing.F) {
	for _, tt := range urlTests {
		f.Add(tt.url)
	}
	g := Guard{Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	f.Fuzz(func(t *testing.T, raw string) {
		if CheckURL(raw, g) != nil {
			return
		}
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatalf("CheckURL(%q) = nil, url.Parse: %v", raw, err)
		}
		host := strings.ToLower(u.Hostname())
		if a, err := netip.ParseAddr(host); err == nil {
			if err := g.Check(a); err != nil {
				t.Errorf("CheckURL(%q) = nil, Check(%s) = %v", raw, a, err)
			}
			return
		}
		if strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
			t.Errorf("CheckURL(%q) = nil, with host %q", raw, host)
		}
		if last := strings.TrimSuffix(host, "."); strings.HasSuffix(last, "localhost") && (last == "localhost" || strings.HasSuffix(last, ".localhost")) {
			t.Errorf("CheckURL(%q) = nil, with localhost closed", raw)
		}
		if c := strings.TrimSuffix(host, "."); c == "" || c[len(c)-1] >= '0' && c[len(c)-1] <= '9' && !strings.ContainsAny(c, "abcdefghijklmnopqrstuvwxyz-_") {
			t.Errorf("CheckURL(%q) = nil, with numeric host %q", raw, host)
		}
	})
}
