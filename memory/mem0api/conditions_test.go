package mem0api

import (
	"encoding/json"
	"testing"

	"memhook/memory"
)

// TestMetadataParameterIsExact: what stands behind a key is a value, also when it
// looks like an operator.
func TestMetadataParameterIsExact(t *testing.T) {
	c := conditions{scope: memory.Scope{UserID: "alice"}, metadata: json.RawMessage(`{"a":{"contains":"x"},"b":1}`)}
	f, err := c.filter()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		metadata string
		want     bool
	}{
		{`{"a":{"contains":"x"},"b":1.0,"c":true}`, true},
		{`{"a":"an x","b":1}`, false},
		{`{"a":{"contains":"x"}}`, false},
	} {
		m := memory.Memory{Scope: memory.Scope{UserID: "alice"}, Metadata: json.RawMessage(tt.metadata)}
		if got := f.Match(m); got != tt.want {
			t.Errorf("metadata %s matches: %t, want %t", tt.metadata, got, tt.want)
		}
	}
}
