package delivery

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"time"

	"memhook/signing"
)

// The headers that tell a receiver about a message without being signed.
const (
	headerEventType = "Memhook-Event-Type"
	headerAttempt   = "Memhook-Attempt"
	headerDelivery  = "Memhook-Delivery"
	headerTrigger   = "Memhook-Trigger"
)

// Mask stands for a header value that is not kept or not shown.
const Mask = "[masked]"

// request builds the signed request of an attempt. The body is the same on every
// attempt; the timestamp and with it the signature are of this one.
func (s *Service) request(ctx context.Context, c Claim, number int, now time.Time) (*http.Request, error) {
	body, err := c.Message.Payload(c.Endpoint.Format)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Endpoint.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	h := req.Header
	for name, value := range c.Endpoint.Headers {
		h.Set(name, value)
	}
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", s.agent)
	h.Set(headerEventType, c.Message.Type)
	h.Set(headerAttempt, strconv.Itoa(number))
	h.Set(headerDelivery, FormatID(DeliveryPrefix, c.Delivery.ID))
	h.Set(headerTrigger, string(c.Delivery.Trigger))
	if parent := TraceOf(ctx); parent != "" {
		h.Set(HeaderTrace, parent)
	}
	signing.SetHeaders(h, c.Endpoint.SigningSecrets(now), FormatID(MessagePrefix, c.Message.ID), now, body)
	return req, nil
}

// recorded returns the request headers as they are stored. A signature is not
// kept: with the body it could be sent again. Custom values may be passwords.
func recorded(h http.Header, custom Headers) http.Header {
	kept := h.Clone()
	kept.Set(signing.HeaderSignature, Mask)
	for name := range custom {
		kept.Set(name, Mask)
	}
	return kept
}

// recordedAnswer returns the response headers as they are stored.
func recordedAnswer(h http.Header) http.Header {
	for _, secret := range []string{"Set-Cookie", "Authorization", "Www-Authenticate", "Proxy-Authenticate"} {
		if _, ok := h[secret]; ok {
			h.Set(secret, Mask)
		}
	}
	return h
}
