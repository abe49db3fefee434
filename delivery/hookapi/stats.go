package hookapi

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
)

// Defaults and limits of statistics.
const (
	statsWindow = 24 * time.Hour
	maxStats    = 366 * 24 * time.Hour
)

type tallyShape struct {
	Created        int     `json:"created" doc:"Deliveries, those that were put aside at once too."`
	Skipped        int     `json:"skipped" doc:"Of created: the endpoint did not want them."`
	Held           int     `json:"held" doc:"Of created: the endpoint was paused or disabled."`
	Succeeded      int     `json:"succeeded"`
	Failed         int     `json:"failed" doc:"Given up."`
	Attempts       int     `json:"attempts"`
	FailedAttempts int     `json:"failed_attempts"`
	LatencyP50MS   float64 `json:"latency_p50_ms" doc:"Of attempts; estimated from a histogram."`
	LatencyP95MS   float64 `json:"latency_p95_ms"`
	LatencyP99MS   float64 `json:"latency_p99_ms"`
}

func tallyOf(t delivery.Tally) tallyShape {
	return tallyShape{
		t.Created, t.Skipped, t.Held, t.Succeeded, t.Failed, t.Attempts, t.FailedAttempts,
		millis(t.Latency.Quantile(0.5)), millis(t.Latency.Quantile(0.95)), millis(t.Latency.Quantile(0.99)),
	}
}

type pointShape struct {
	At time.Time `json:"at"`
	tallyShape
}

type statsShape struct {
	Since           time.Time             `json:"since"`
	Until           time.Time             `json:"until"`
	StepS           int                   `json:"step_s"`
	Total           tallyShape            `json:"total"`
	Series          []pointShape          `json:"series" doc:"Oldest first."`
	Endpoints       map[string]tallyShape `json:"endpoints" doc:"By the endpoint's ID."`
	OldestWaitingAt *time.Time            `json:"oldest_waiting_at" doc:"When the oldest delivery was made that is not finished."`
}

type statsInput struct {
	Since    string `query:"since" doc:"30m, 2h, 7d, a date, or a time as RFC 3339; left out: 24h."`
	Until    string `query:"until" doc:"As since; left out: now."`
	Endpoint string `query:"endpoint" doc:"Only this one, by its ID."`
	StepS    int    `query:"step_s" doc:"Seconds of one step: whole minutes. Left out: about 60 steps. Counts by the minute are kept for 7 days, by the hour for the retention."`
}

func (a *API) stats(c call, in *statsInput) (statsShape, error) {
	q, err := a.statsQuery(c, in)
	if err != nil {
		return statsShape{}, err
	}
	s, err := a.delivery.DeliveryStats(c, q)
	if err != nil {
		return statsShape{}, err
	}
	shape := statsShape{
		Since: q.Since.UTC(), Until: q.Until.UTC(), StepS: int(q.Step.Seconds()), Total: tallyOf(s.Total),
		Series: []pointShape{}, Endpoints: map[string]tallyShape{},
	}
	for _, p := range s.Series {
		shape.Series = append(shape.Series, pointShape{p.At, tallyOf(p.Tally)})
	}
	for id, t := range s.Endpoints {
		shape.Endpoints[endpointID(id)] = tallyOf(t)
	}
	at, ok, err := a.delivery.OldestWaiting(c, c.project())
	if ok {
		shape.OldestWaitingAt = &at
	}
	return shape, err
}

func (a *API) statsQuery(c call, in *statsInput) (delivery.StatsQuery, error) {
	q := delivery.StatsQuery{ProjectID: c.project(), Since: c.now.Add(-statsWindow), Until: c.now}
	var err error
	if in.Since != "" {
		if q.Since, err = delivery.ParseWhen("since", in.Since, c.now); err != nil {
			return q, err
		}
	}
	if in.Until != "" {
		if q.Until, err = delivery.ParseWhen("until", in.Until, c.now); err != nil {
			return q, err
		}
	}
	span := q.Until.Sub(q.Since)
	if span <= 0 || span > maxStats {
		return q, invalid(fieldShape{"since", "Must be before until, by at most 366 days."})
	}
	if in.Endpoint != "" {
		id, err := idOf(delivery.EndpointPrefix, in.Endpoint)
		if err == nil {
			var e delivery.Endpoint
			e, err = a.delivery.Endpoint(c, c.project(), id)
			q.EndpointID = e.ID
		}
		if err != nil || q.EndpointID == uuid.Nil {
			return q, invalid(fieldShape{"endpoint", "No endpoint of this project has this ID."})
		}
	}
	q.Step = time.Duration(in.StepS) * time.Second
	if in.StepS == 0 {
		q.Step = stepFor(span)
	}
	if q.Step%time.Minute != 0 || span/q.Step >= delivery.MaxPoints {
		return q, invalid(fieldShape{"step_s", fmt.Sprintf("Must be whole minutes, and make at most %d steps.", delivery.MaxPoints)})
	}
	return q, nil
}

// stepFor is the shortest round step of which a span has no more than about 60.
func stepFor(span time.Duration) time.Duration {
	for _, minutes := range []time.Duration{1, 5, 15, 30, 60, 120, 240, 720, 1440} {
		if span/(minutes*time.Minute) <= 60 {
			return minutes * time.Minute
		}
	}
	return 7 * 24 * time.Hour
}
