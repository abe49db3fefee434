package hookapi_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/signing"
)

// memoryOf returns the memory that an event added.
func (s *site) memoryOf(e memory.Event) string {
	s.t.Helper()
	_, changes, err := s.memory.Event(s.t.Context(), s.project, e.ID)
	if err != nil || len(changes) == 0 {
		s.t.Fatalf("event %s has %d changes, error %v", e.ID, len(changes), err)
	}
	return changes[0].Memory.ID.String()
}

// erase adds a memory, erases it to the end and returns the ID of the erasure.
func (s *site) erase(text string) string {
	s.t.Helper()
	id := s.must("POST", "/api/v2/erasures", map[string]any{"memory_id": s.memoryOf(s.add(s.project, text))})["id"].(string)
	s.finish(id)
	return id
}

// finish carries an erasure on until it is over, and sends what it made due.
func (s *site) finish(erasure string) {
	s.t.Helper()
	id, err := delivery.ParseID(memory.ErasurePrefix, erasure)
	if err != nil {
		s.t.Fatal(err)
	}
	for {
		step, err := s.db.StepErasure(s.t.Context(), id, s.clock())
		if err != nil && !errors.Is(err, memory.ErrNotDue) {
			s.t.Fatal(err)
		}
		if err == nil && step.Next == nil {
			break
		}
		s.pass(time.Second)
	}
	s.send()
}

func TestErasureIsAcknowledgedAndSigned(t *testing.T) {
	s := newSite(t)
	s.must("POST", "/api/v2/endpoints", map[string]any{"name": "crm", "url": "https://crm.example.com/secret-path", "event_types": []string{"*"}})
	text := "Has a rare condition"
	id := s.memoryOf(s.add(s.project, text))
	for name, tt := range map[string]struct {
		key    string
		body   any
		status int
	}{
		"with a key that may only read": {s.reader, map[string]any{"memory_id": id}, http.StatusForbidden},
		"of another project":            {s.stranger(), map[string]any{"memory_id": id}, http.StatusNotFound},
		"of no memory":                  {s.admin, map[string]any{"memory_id": uuid.NewString()}, http.StatusNotFound},
		"of nothing":                    {s.admin, map[string]any{}, http.StatusBadRequest},
		"of two things":                 {s.admin, map[string]any{"memory_id": id, "user_id": "alice"}, http.StatusBadRequest},
	} {
		if a := s.do(tt.key, "POST", "/api/v2/erasures", tt.body); a.status != tt.status {
			t.Errorf("an erasure %s: status %d, want %d: %s", name, a.status, tt.status, a.raw)
		}
	}
	made := s.must("POST", "/api/v2/erasures", map[string]any{"memory_id": id})
	s.finish(made["id"].(string))
	got := s.must("GET", "/api/v2/erasures/"+made["id"].(string), nil)
	if got["state"] != "done" || got["told"] != 1.0 || got["acknowledged"] != 1.0 || got["memory_ids"].([]any)[0] != id {
		t.Errorf("erasure %v", got)
	}
	receiver := got["receivers"].([]any)[0].(map[string]any)
	if receiver["endpoint_name"] != "crm" || receiver["status"] != "succeeded" || receiver["acknowledged_at"] == nil || receiver["messages_sent_before"] != 1.0 {
		t.Errorf("receiver %v", receiver)
	}
	if again := s.must("POST", "/api/v2/erasures", map[string]any{"memory_id": id}); again["id"] != made["id"] {
		t.Errorf("the same memory is erased by %v and by %v", made["id"], again["id"])
	}

	raw := s.do(s.reader, "GET", "/api/v2/erasures/"+made["id"].(string)+"/receipt", nil).raw
	if strings.Contains(string(raw), text) || strings.Contains(string(raw), "secret-path") {
		t.Errorf("the receipt says too much: %s", raw)
	}
	var keys []signing.PublicKey
	for _, k := range s.must("GET", "/api/v2/erasures/keys", nil)["keys"].([]any) {
		key, err := signing.ParsePublicKey(k.(string))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	s.verifies(raw, keys, receiver["acknowledged_at"].(string))
}

func (s *site) stranger() string {
	_, key := sqlstoretest.Project(s.t, s.db, "other")
	return key
}

// verifies holds a receipt, and forgeries of it, against the keys.
func (s *site) verifies(raw []byte, keys []signing.PublicKey, acknowledged string) {
	s.t.Helper()
	t := s.t
	r, err := memory.VerifyReceipt(raw, keys)
	if err != nil || len(r.Receivers) != 1 || r.Receivers[0].AcknowledgedAt != acknowledged {
		t.Errorf("the receipt says %+v, error %v", r, err)
	}
	var pretty map[string]json.RawMessage
	if err := json.Unmarshal(raw, &pretty); err != nil {
		t.Fatal(err)
	}
	indented, err := json.MarshalIndent(pretty, "", "    ")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := memory.VerifyReceipt(indented, keys); err != nil {
		t.Errorf("printed with white space it does not verify: %v", err)
	}
	public, _ := signing.GenerateKeyPair().Public()
	for name, forged := range map[string]string{
		"another time":      strings.Replace(string(raw), acknowledged, "2020-01-01T00:00:00Z", 1),
		"another state":     strings.Replace(string(raw), `"succeeded"`, `"succeedes"`, 1),
		"another signing":   strings.Replace(string(raw), `"signed_at":1`, `"signed_at":2`, 1),
		"a receipt before":  `{"receipt":{"type":"memhook.erasure"},` + string(raw[1:]),
		"a member more":     `{"note":"x",` + string(raw[1:]),
		"no receipt":        `{"receipt":null,"signed_at":1,"key":"","signature":""}`,
		"no JSON":           "receipt",
		"another signature": strings.Replace(string(raw), `"signature":"v1a,`, `"signature":"v1a,A`, 1),
	} {
		if forged == string(raw) {
			t.Fatalf("%s: nothing was changed", name)
		}
		if _, err := memory.VerifyReceipt([]byte(forged), keys); !errors.Is(err, memory.ErrForged) {
			t.Errorf("%s: error %v, want ErrForged", name, err)
		}
	}
	if _, err := memory.VerifyReceipt(raw, []signing.PublicKey{public}); !errors.Is(err, memory.ErrForged) {
		t.Errorf("with another key: error %v, want ErrForged", err)
	}
}
