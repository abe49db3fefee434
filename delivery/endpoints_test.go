package delivery_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"memhook/delivery"
	"memhook/retry"
	"memhook/signing"
)

// Everything that can be set on an endpoint is stored, and changed one by one.
func TestEndpointSettingsAreKept(t *testing.T) {
	s := start(t)
	schedule, err := retry.List(time.Second)
	if err != nil {
		t.Fatal(err)
	}
	made, err := s.delivery.CreateEndpoint(t.Context(), s.project, delivery.NewEndpoint{
		Name: "crm", URL: "https://example.com/hook", EventTypes: []string{"*"}, Format: delivery.Thin, Description: "the CRM",
		Headers: delivery.Headers{"authorization": "Bearer s3cret"}, RatePerSecond: 0.5, Timeout: 3 * time.Second, Schedule: schedule,
		Filter:  delivery.Filter{UserIDs: []string{"alice"}, Metadata: map[string]json.RawMessage{"tier": json.RawMessage(`"gold"`)}},
		Ed25519: true, Paused: true, By: "key mh_…9f2",
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.delivery.Endpoint(t.Context(), s.project, made.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got.Headers["Authorization"] != "Bearer s3cret" || !got.KeyPairs[0].Equal(made.KeyPairs[0].Secret) || !got.Secrets[0].Equal(made.Secrets[0].Secret) {
		t.Errorf("header %q, or a secret, is not what was set", got.Headers["Authorization"])
	}
	if diff := cmp.Diff(fmt.Sprintf("%+v", made), fmt.Sprintf("%+v", got)); diff != "" {
		t.Errorf("stored endpoint (-made +stored):\n%s", diff)
	}
	if printed := fmt.Sprintf("%v %+v %#v", got, got, got); strings.Contains(printed, "s3cret") {
		t.Error("an endpoint prints its header values")
	}
	if printed, err := json.Marshal(got); err != nil || strings.Contains(string(printed), "s3cret") {
		t.Errorf("an endpoint in JSON has its header values; error %v", err)
	}
	standing := got.Standing(time.Now())
	if standing.State != delivery.EndpointPaused || standing.PausedBy != "key mh_…9f2" {
		t.Errorf("standing %+v, want paused by the key", standing)
	}
	changed, err := s.delivery.UpdateEndpoint(t.Context(), s.project, made.ID, delivery.EndpointEdit{
		Headers: &delivery.Headers{"Authorization": delivery.Mask, "X-More": "v"}, Schedule: &retry.Schedule{}, Filter: &delivery.Filter{}, Ed25519: new(bool),
	})
	if err != nil {
		t.Fatal(err)
	}
	if changed.Headers["Authorization"] != "Bearer s3cret" || changed.Headers["X-More"] != "v" || changed.Schedule != nil || !changed.Filter.IsZero() || changed.KeyPairs != nil {
		t.Errorf("changed endpoint is %+v", changed)
	}
	if changed.Description != "the CRM" || changed.RatePerSecond != 0.5 {
		t.Errorf("changed endpoint lost what was not changed: %+v", changed)
	}
}

func TestCustomHeadersAndKeyPair(t *testing.T) {
	s := start(t, loopback)
	type callback struct {
		header http.Header
		body   []byte
	}
	got := make(chan callback, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- callback{r.Header, body}
	}))
	defer srv.Close()
	e, err := s.delivery.CreateEndpoint(t.Context(), s.project, delivery.NewEndpoint{
		Name: "x", URL: srv.URL, EventTypes: []string{delivery.MemoryAdd}, Headers: delivery.Headers{"authorization": "Bearer s3cret"}, Ed25519: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	event := s.add(t, "Likes tea")
	c := <-got
	if c.header.Get("Authorization") != "Bearer s3cret" {
		t.Errorf("the receiver got Authorization %q", c.header.Get("Authorization"))
	}
	public, _ := e.KeyPairs[0].Public()
	if err := signing.VerifyPublic([]signing.PublicKey{public}, c.header, c.body, time.Now(), signing.Tolerance); err != nil {
		t.Errorf("the public key does not verify the callback: %v", err)
	}
	if sig := c.header.Get("Webhook-Signature"); !strings.HasPrefix(sig, "v1,") || !strings.Contains(sig, " v1a,") {
		t.Errorf("signature %q, want v1 and then v1a", sig)
	}
	trails := s.await(t, event, attempted(1))
	if kept := trails[0].List[0].RequestHeader.Get("Authorization"); kept != delivery.Mask {
		t.Errorf("the record keeps Authorization %q", kept)
	}
}

func TestRotateSecret(t *testing.T) {
	s := start(t)
	e := s.register(t, "https://example.com/hook")
	for range delivery.MaxLiveSecrets - 1 {
		if _, err := s.delivery.RotateSecret(t.Context(), s.project, e.ID, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	secrets, _, err := s.delivery.Secrets(t.Context(), s.project, e.ID)
	if err != nil || len(secrets) != delivery.MaxLiveSecrets || !secrets[delivery.MaxLiveSecrets-1].Equal(e.Secrets[0].Secret) {
		t.Errorf("%d live secrets, error %v; want %d, the first one last", len(secrets), err, delivery.MaxLiveSecrets)
	}
	var invalid *delivery.InvalidError
	for _, overlap := range []time.Duration{time.Hour, -1, delivery.MaxOverlap + 1} {
		if _, err := s.delivery.RotateSecret(t.Context(), s.project, e.ID, overlap); !errors.As(err, &invalid) || invalid.Field != "overlap_s" {
			t.Errorf("rotating with overlap %v: error %v, want one that names overlap_s", overlap, err)
		}
	}
	if e, err = s.delivery.RotateSecret(t.Context(), s.project, e.ID, 0); err != nil || len(e.Secrets) != 1 {
		t.Errorf("after a rotation without overlap %d secrets are live, error %v; want one", len(e.Secrets), err)
	}
	if _, err := s.delivery.RotateKeyPair(t.Context(), s.project, e.ID, 0); !errors.As(err, &invalid) {
		t.Errorf("rotating a key pair that is switched off: error %v", err)
	}
}
