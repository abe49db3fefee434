package main

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
	"memhook/signing"
	"memhook/signing/apikey"
)

// TestRelay: what mem0's hosted service posts twice arrives once at each endpoint,
// signed, with its attempts on record. What is not signed is refused with 401 and
// leaves an audit entry.
func TestRelay(t *testing.T) {
	n, _ := startNode(t, testConfig(t))
	key, err := n.db.Key(t.Context(), apikey.Hash(n.firstKey))
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	arrived := map[int][]callback{}
	for i := range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		e, err := n.delivery.CreateEndpoint(t.Context(), key.ProjectID, delivery.NewEndpoint{Name: "e", URL: baseURL(l.Addr()), EventTypes: []string{"memory_add"}})
		if err != nil {
			t.Fatal(err)
		}
		r := &receiver{secrets: []signing.Secret{e.Secrets[0].Secret}, show: func(c callback) {
			mu.Lock()
			defer mu.Unlock()
			arrived[i] = append(arrived[i], c)
		}}
		go r.serve(t.Context(), l)
	}
	src, err := n.memory.CreateSource(t.Context(), key.ProjectID, memory.NewSource{Name: "mem0", Verification: memory.VerifyToken})
	if err != nil {
		t.Fatal(err)
	}
	const body = `{"event_details":{"id":"0193a1f0-0000-7000-8000-000000000001","data":{"memory":"Name is Alex"},"event":"ADD"}}`
	type said struct {
		EventID   uuid.UUID `json:"event_id"`
		Duplicate bool
	}
	post := func(token string) (status int, answer said) {
		t.Helper()
		req, err := http.NewRequest(http.MethodPost, n.url+src.Path(), bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Webhook-Token", token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, answer
	}
	_, first := post(src.Secret.Reveal())
	if _, again := post(src.Secret.Reveal()); !again.Duplicate || again.EventID != first.EventID {
		t.Errorf("the second copy was answered %+v, want a duplicate of %s", again, first.EventID)
	}
	await(t, "both deliveries have succeeded", func() bool {
		trails, err := n.db.TrailsByEvent(t.Context(), key.ProjectID, first.EventID)
		if err != nil || len(trails) != 2 {
			t.Fatalf("%d deliveries, error %v; want 2", len(trails), err)
		}
		return trails[0].Delivery.Status == delivery.Succeeded && trails[1].Delivery.Status == delivery.Succeeded &&
			len(trails[0].List) == 1 && len(trails[1].List) == 1
	})
	mu.Lock()
	defer mu.Unlock()
	for i := range 2 {
		if len(arrived[i]) != 1 || arrived[i][0].Verified != nil || arrived[i][0].Message.Details.Data.Memory != "Name is Alex" {
			t.Errorf("endpoint %d got %+v, want the memory once, verified", i, arrived[i])
		}
	}
	if status, _ := post("wrong"); status != http.StatusUnauthorized {
		t.Errorf("a wrong token was answered %d, want 401", status)
	}
	list, _, err := n.memory.Events(t.Context(), memory.EventQuery{ProjectID: key.ProjectID, Limit: 10})
	if err != nil || len(list) != 1 {
		t.Errorf("%d events, error %v; want 1", len(list), err)
	}
	audit, err := n.db.Audit(t.Context(), key.ProjectID, delivery.FormatID(memory.SourcePrefix, src.ID), uuid.Nil, 10)
	if err != nil || len(audit) != 1 || audit[0].Action != "source.refuse" {
		t.Errorf("audit %+v, error %v; want the refusal", audit, err)
	}
}
