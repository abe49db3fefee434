package delivery

import "strings"

// Types of relayed messages begin with RelayPrefix, so that no sender's name for
// its own event is taken for one of EventTypes. In an endpoint's list,
// "relay.invoice.*" stands for every type that begins with "relay.invoice.".
const (
	RelayPrefix   = "relay."
	RelayReceived = RelayPrefix + "received" // of what names no type
	MaxTypeLength = 128                      // bytes
)

// RelayType makes the type of a relayed message from the sender's name for it:
// lower case, with "_" for what is neither letter, digit, dot nor hyphen.
func RelayType(name string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '_'
	}, clip(name, MaxTypeLength-len(RelayPrefix)))
	parts := strings.FieldsFunc(clean, func(r rune) bool { return r == '.' }) // no empty part
	if len(parts) == 0 {
		return RelayReceived
	}
	return RelayPrefix + strings.Join(parts, ".")
}

// IsRelayType tells whether a message that a source relays may have the type.
func IsRelayType(t string) bool {
	name, ok := strings.CutPrefix(t, RelayPrefix)
	return ok && RelayType(name) == t
}

// relayed tells whether an endpoint may ask for the type because sources relay it:
// a type, or a group of them.
func relayed(entry string) bool {
	return entry == RelayPrefix+"*" || IsRelayType(strings.TrimSuffix(entry, ".*"))
}

// names tells whether an entry of an endpoint's list is the type, or a group with
// the type in it.
func names(entry, typ string) bool {
	group, ok := strings.CutSuffix(entry, ".*")
	return entry == typ || ok && strings.HasPrefix(typ, group+".")
}
