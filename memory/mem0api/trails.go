package mem0api

import (
	"strings"

	"memhook/delivery"
	"memhook/memory"
)

// deliveryShape is one delivery of an event's messages with its attempts. mem0
// has no such thing.
type deliveryShape struct {
	ID            string          `json:"id"`
	MessageID     string          `json:"message_id"`
	MessageType   string          `json:"message_type"`
	EndpointID    string          `json:"endpoint_id"`
	WebhookID     string          `json:"webhook_id"` // the same under mem0's name
	EndpointName  string          `json:"endpoint_name"`
	URL           string          `json:"url"`
	Status        delivery.Status `json:"status"`
	Reason        *string         `json:"reason"`
	NextAttemptAt *string         `json:"next_attempt_at"`
	Attempts      []attemptShape  `json:"attempts"`
}

type attemptShape struct {
	Number          int                 `json:"number"`
	Trigger         delivery.Trigger    `json:"trigger"`
	StartedAt       string              `json:"started_at"`
	DurationMS      float64             `json:"duration_ms"`
	Phases          phasesShape         `json:"phases"`
	StatusCode      *int                `json:"status_code"` // null when no answer came
	ErrorClass      *string             `json:"error_class"`
	Error           *string             `json:"error"`
	RemoteAddr      *string             `json:"remote_addr"`
	RetryAfterS     *float64            `json:"retry_after_s"`
	NextAttemptAt   *string             `json:"next_attempt_at"`
	ResponseBody    string              `json:"response_body"`
	Truncated       bool                `json:"truncated"`
	ResponseHeaders map[string][]string `json:"response_headers"`
}

type phasesShape struct {
	DNS     float64 `json:"dns_ms"`
	Connect float64 `json:"connect_ms"`
	TLS     float64 `json:"tls_ms"`
	Wait    float64 `json:"wait_ms"`
	Body    float64 `json:"body_ms"`
}

func deliveriesOf(trails []delivery.Trail) []deliveryShape {
	list := make([]deliveryShape, len(trails))
	for i, t := range trails {
		endpoint := delivery.FormatID(delivery.EndpointPrefix, t.Delivery.EndpointID)
		list[i] = deliveryShape{
			ID:          delivery.FormatID(delivery.DeliveryPrefix, t.Delivery.ID),
			MessageID:   delivery.FormatID(delivery.MessagePrefix, t.Delivery.MessageID),
			MessageType: t.MessageType, EndpointID: endpoint, WebhookID: endpoint,
			EndpointName: t.EndpointName, URL: t.EndpointURL,
			Status: t.Delivery.Status, Reason: orNull(string(t.Delivery.Reason)),
			Attempts: make([]attemptShape, len(t.List)),
		}
		if t.Delivery.Status == delivery.Pending { // in sending it is the end of the lease
			list[i].NextAttemptAt = timeOrNull(t.Delivery.NextAt)
		}
		for j, a := range t.List {
			list[i].Attempts[j] = attemptOf(a)
		}
	}
	return list
}

func attemptOf(a delivery.Attempt) attemptShape {
	s := attemptShape{
		Number: a.Number, Trigger: a.Trigger, StartedAt: memory.Timestamp(a.StartedAt),
		DurationMS: milliseconds(a.Duration),
		Phases: phasesShape{
			milliseconds(a.Phases.DNS), milliseconds(a.Phases.Connect), milliseconds(a.Phases.TLS),
			milliseconds(a.Phases.Wait), milliseconds(a.Phases.Body),
		},
		ErrorClass: orNull(string(a.Class)), Error: orNull(a.Detail),
		RemoteAddr: orNull(a.RemoteAddr), NextAttemptAt: timeOrNull(a.NextAt),
		ResponseBody: strings.ToValidUTF8(string(a.ResponseBody), "\uFFFD"), Truncated: a.Truncated,
		ResponseHeaders: a.ResponseHeader,
	}
	if a.StatusCode != 0 {
		s.StatusCode = &a.StatusCode
	}
	if after := a.RetryAfter.Seconds(); after != 0 {
		s.RetryAfterS = &after
	}
	return s
}
