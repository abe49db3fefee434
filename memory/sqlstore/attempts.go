package sqlstore

import (
	"context"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
)

const attemptColumns = `id, delivery_id, number, cause, url, started_at, duration_us, phases, status_code, class, detail, remote_addr,
	request_headers, response_headers, response_body, truncated, retry_after_us, next_at`

// phases are delivery.Phases in microseconds, as they are stored.
type phases struct {
	DNS     int64 `json:"dns,omitempty"`
	Connect int64 `json:"connect,omitempty"`
	TLS     int64 `json:"tls,omitempty"`
	Wait    int64 `json:"wait,omitempty"`
	Body    int64 `json:"body,omitempty"`
}

func inMicros(p delivery.Phases) phases {
	return phases{
		p.DNS.Microseconds(), p.Connect.Microseconds(), p.TLS.Microseconds(), p.Wait.Microseconds(), p.Body.Microseconds(),
	}
}

func (p phases) durations() delivery.Phases {
	us := func(n int64) time.Duration { return time.Duration(n) * time.Microsecond }
	return delivery.Phases{DNS: us(p.DNS), Connect: us(p.Connect), TLS: us(p.TLS), Wait: us(p.Wait), Body: us(p.Body)}
}

func scanAttempt(row scanner, a *delivery.Attempt) error {
	var p phases
	err := row.Scan(&a.ID, &a.DeliveryID, intColumn{&a.Number}, text(&a.Trigger), &a.URL, timeColumn{&a.StartedAt},
		durationColumn{&a.Duration, time.Microsecond}, jsonColumn{&p}, intColumn{&a.StatusCode}, text(&a.Class), text(&a.Detail), text(&a.RemoteAddr),
		jsonColumn{&a.RequestHeader}, jsonColumn{&a.ResponseHeader}, &a.ResponseBody, &a.Truncated,
		durationColumn{&a.RetryAfter, time.Microsecond}, timePtrColumn{&a.NextAt})
	a.Phases = p.durations()
	return err
}

const (
	eventDeliveries = `SELECT ` + trailColumns + `, m.type, e.name, e.url
		FROM deliveries d JOIN messages m ON m.id = d.message_id JOIN endpoints e ON e.id = d.endpoint_id
		WHERE d.event_id = $1 AND d.project_id = $2 ORDER BY d.id`
	eventAttempts = `SELECT ` + attemptColumns + ` FROM attempts
		WHERE delivery_id IN (SELECT id FROM deliveries WHERE event_id = $1 AND project_id = $2) ORDER BY delivery_id, number`
)

// TrailsByEvent returns the deliveries of an event's messages with their attempts,
// as they were at one moment.
func (db *DB) TrailsByEvent(ctx context.Context, projectID string, eventID uuid.UUID) ([]delivery.Trail, error) {
	var trails []delivery.Trail
	err := db.snapshot(ctx, func(q query) error {
		trails = nil
		index := map[uuid.UUID]int{}
		err := q(eventDeliveries, []any{blob(eventID), projectID}, func(row scanner) error {
			var t delivery.Trail
			err := row.Scan(append(deliveryFields(&t.Delivery), &t.MessageType, &t.EndpointName, &t.EndpointURL)...)
			index[t.Delivery.ID] = len(trails)
			trails = append(trails, t)
			return err
		})
		if err != nil || len(trails) == 0 {
			return err
		}
		return q(eventAttempts, []any{blob(eventID), projectID}, func(row scanner) error {
			var a delivery.Attempt
			err := scanAttempt(row, &a)
			t := &trails[index[a.DeliveryID]]
			t.List = append(t.List, a)
			return err
		})
	})
	return trails, err
}
