package delivery_test

import (
	"strings"
	"testing"

	"memhook/delivery"
)

func TestRelayType(t *testing.T) {
	for name, want := range map[string]string{
		"push":                         "relay.push",
		"invoice.paid":                 "relay.invoice.paid",
		"Issue Comment":                "relay.issue_comment",
		"memory_add":                   "relay.memory_add",
		"user:created/v2":              "relay.user_created_v2",
		"..a..b..":                     "relay.a.b",
		"*":                            "relay._",
		"naïve":                        "relay.na_ve",
		"\x00\n":                       "relay.__",
		"":                             "relay.received",
		"...":                          "relay.received",
		strings.Repeat("x", 300):       "relay." + strings.Repeat("x", 122),
		strings.Repeat("x.", 80) + "y": "relay." + strings.TrimSuffix(strings.Repeat("x.", 61), "."),
	} {
		got := delivery.RelayType(name)
		if got != want || !delivery.IsRelayType(got) {
			t.Errorf("RelayType(%q): %q, a type: %t, want %q", name, got, delivery.IsRelayType(got), want)
		}
	}
	for _, typ := range []string{"memory_add", "relay", "relay.", "relay.A", "relay..a", "relayed.a", "relay.a b", "relay.*", ""} {
		if delivery.IsRelayType(typ) {
			t.Errorf("IsRelayType(%q) is true", typ)
		}
	}
}

func TestWants(t *testing.T) {
	for _, test := range []struct {
		entry, typ string
		want       bool
	}{
		{"*", "memory_add", true},
		{"*", "relay.push", true},
		{"relay.*", "relay.push", true},
		{"relay.*", "relay.invoice.paid", true},
		{"relay.*", "memory_add", false},
		{"relay.invoice.*", "relay.invoice.paid", true},
		{"relay.invoice.*", "relay.invoices.paid", false},
		{"relay.invoice.*", "relay.invoice", false},
		{"relay.push", "relay.push", true},
		{"relay.push", "relay.pushed", false},
		{"memory_add", "relay.memory_add", false},
	} {
		e := delivery.Endpoint{EventTypes: []string{test.entry}}
		if got := e.Wants(delivery.Message{Type: test.typ}); got != test.want {
			t.Errorf("an endpoint for %s wants %s: %t, want %t", test.entry, test.typ, got, test.want)
		}
	}
}

// TestMem0FormatOfARelayedMessage: what mem0 has no form for goes out whole.
func TestMem0FormatOfARelayedMessage(t *testing.T) {
	for body, want := range map[string]string{
		`{"type":"relay.push","data":{"payload":{"ref":"main"}}}`:                       `{"type":"relay.push","data":{"payload":{"ref":"main"}}}`,
		`{"event_details":{"id":"1","event":"ADD"},"type":"memory_add","data":{"a":1}}`: `{"event_details":{"id":"1","event":"ADD"}}`,
	} {
		got, err := delivery.Message{Body: []byte(body)}.Payload(delivery.Mem0)
		if err != nil || string(got) != want {
			t.Errorf("mem0 format of %s: %s, %v, want %s", body, got, err, want)
		}
	}
}
