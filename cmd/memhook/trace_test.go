package main

import (
	"bytes"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"memhook/delivery"
)

// TestTraces: an add's trace goes through the queue to the receiver, with spans for
// whoever collects them and without.
func TestTraces(t *testing.T) {
	const traceID, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	id, err := hex.DecodeString(traceID)
	if err != nil {
		t.Fatal(err)
	}
	for _, collect := range []bool{false, true} {
		t.Run(map[bool]string{false: "passed on", true: "collected"}[collect], func(t *testing.T) {
			var mu sync.Mutex
			var spans []byte
			collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				raw, _ := io.ReadAll(r.Body)
				mu.Lock()
				defer mu.Unlock()
				spans = append(spans, raw...)
			}))
			defer collector.Close()
			if collect {
				t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
				t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
			}
			got := make(chan string, 10)
			receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				got <- r.Header.Get(delivery.HeaderTrace)
			}))
			defer receiver.Close()
			p := startProcess(t, t.TempDir())
			p.register(receiver.URL, "memory_add")
			req, err := http.NewRequest(http.MethodPost, p.url+"/v3/memories/add/", strings.NewReader(`{"messages":[{"role":"user","content":"I live in Berlin"}],"user_id":"alice","infer":false}`))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Token "+testKey)
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set(delivery.HeaderTrace, "00-"+traceID+"-"+parent+"-01")
			resp, err := http.DefaultClient.Do(req)
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("add: %v, error %v", resp, err)
			}
			resp.Body.Close()
			header := <-got
			if !strings.HasPrefix(header, "00-"+traceID+"-") {
				t.Errorf("the receiver got traceparent %q, want the caller's trace", header)
			}
			if same := strings.Contains(header, parent); same == collect {
				t.Errorf("the receiver got traceparent %q; the caller's span is its parent: %t, want %t", header, same, !collect)
			}
			if !collect {
				return
			}
			await(t, "the three spans are collected", func() bool {
				mu.Lock()
				defer mu.Unlock()
				return bytes.Count(spans, id) >= 3 && bytes.Contains(spans, []byte("process ADD")) && bytes.Contains(spans, []byte("deliver memory_add"))
			})
		})
	}
}
