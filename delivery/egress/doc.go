// Package egress dials webhook receivers without letting them reach into the
// operator's own network.
//
// A receiver's URL, and what its host name resolves to, are chosen by whoever
// registers an endpoint. A Guard says which addresses may be reached. It is
// asked three times:
//
//   - CheckURL, at registration: a literal address in any spelling, or
//     localhost, is refused while somebody is there to read why;
//   - after every lookup: addresses that are not allowed are left out;
//   - at the socket, after the last name has been resolved and before the first
//     packet leaves (net.Dialer.ControlContext), so nothing that happens between
//     a check and a dial, such as a name that changes its address, gets past it.
//
// What is closed: every range of IANA's special-purpose registries in either
// family, multicast, IPv6 outside 2000::/3, IPv6 addresses that carry such an
// IPv4 address, and the addresses at which clouds hand out credentials.
//
// What it cannot see: a NAT64 translator under a prefix of the operator's own
// choosing, or a public address that the operator's network routes inward. Both
// need a firewall.
package egress
