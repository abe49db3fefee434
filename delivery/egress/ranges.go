package egress

import "net/netip"

type namedRange struct {
	prefix netip.Prefix
	name   string
}

var (
	// globalUnicast is all that IANA has given out so far.
	globalUnicast = netip.MustParsePrefix("2000::/3")

	compatible     = netip.MustParsePrefix("::/96")           // RFC 4291, section 2.5.5.1
	translated     = netip.MustParsePrefix("::ffff:0:0:0/96") // RFC 2765
	wellKnownNAT64 = netip.MustParsePrefix("64:ff9b::/96")    // RFC 6052
	localNAT64     = netip.MustParsePrefix("64:ff9b:1::/48")  // RFC 8215
	sixToFour      = netip.MustParsePrefix("2002::/16")       // RFC 3056
	teredo         = netip.MustParsePrefix("2001::/32")       // RFC 4380
)

// special4 is IANA's IPv4 special-purpose registry and multicast. Ranges that
// the registry calls globally reachable (anycast relays, AS112) are closed too:
// no receiver lives there.
var special4 = []namedRange{
	{netip.MustParsePrefix("0.0.0.0/8"), "this network"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private network"},
	{netip.MustParsePrefix("100.64.0.0/10"), "carrier-grade NAT"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private network"},
	{netip.MustParsePrefix("192.0.0.0/24"), "IETF protocol assignments"},
	{netip.MustParsePrefix("192.0.2.0/24"), "documentation"},
	{netip.MustParsePrefix("192.31.196.0/24"), "AS112"},
	{netip.MustParsePrefix("192.52.193.0/24"), "multicast tunnelling"},
	{netip.MustParsePrefix("192.88.99.0/24"), "6to4 relay"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private network"},
	{netip.MustParsePrefix("192.175.48.0/24"), "AS112"},
	{netip.MustParsePrefix("198.18.0.0/15"), "benchmarking"},
	{netip.MustParsePrefix("198.51.100.0/24"), "documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "documentation"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"},
}

// special6 is IANA's IPv6 special-purpose registry inside 2000::/3, as of
// 2025-10-09. Everything outside is closed without a list.
var special6 = []namedRange{
	{teredo, "Teredo tunnel"},
	{netip.MustParsePrefix("2001::/23"), "IETF protocol assignments"},
	{netip.MustParsePrefix("2001:db8::/32"), "documentation"},
	{sixToFour, "6to4 tunnel"},
	{netip.MustParsePrefix("2620:4f:8000::/48"), "AS112"},
	{netip.MustParsePrefix("3fff::/20"), "documentation"},
}

// metadata holds the addresses at which a cloud hands credentials or machine
// configuration to whoever can reach them.
var metadata = map[netip.Addr]bool{
	netip.MustParseAddr("169.254.169.254"):    true, // nearly every cloud
	netip.MustParseAddr("fd00:ec2::254"):      true, // AWS
	netip.MustParseAddr("169.254.170.2"):      true, // AWS, container credentials
	netip.MustParseAddr("169.254.170.23"):     true, // AWS, pod identity
	netip.MustParseAddr("fd00:ec2::23"):       true, // AWS, pod identity
	netip.MustParseAddr("fd20:ce::254"):       true, // Google Cloud
	netip.MustParseAddr("168.63.129.16"):      true, // Azure; a public address
	netip.MustParseAddr("192.0.0.192"):        true, // Oracle
	netip.MustParseAddr("fd00:c1::a9fe:a9fe"): true, // Oracle
	netip.MustParseAddr("100.100.100.200"):    true, // Alibaba
	netip.MustParseAddr("169.254.0.23"):       true, // Tencent
	netip.MustParseAddr("169.254.42.42"):      true, // Scaleway
	netip.MustParseAddr("fd00:42::42"):        true, // Scaleway
	netip.MustParseAddr("fe80::a9fe:a9fe"):    true, // OpenStack
}
