package delivery_test

import (
	"testing"
	"time"

	"memhook/delivery"
	"memhook/retry"
)

func TestStanding(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	before, after := now.Add(-time.Hour), now.Add(time.Hour)
	open := delivery.Health{Breaker: retry.Breaker{State: retry.Open, ProbeAt: after}, FailingSince: &before, Failures: 12}
	tests := []struct {
		name  string
		e     delivery.Endpoint
		state delivery.EndpointState
		until *time.Time
	}{
		{name: "nothing wrong", state: delivery.EndpointActive},
		{name: "failing, still tried", e: delivery.Endpoint{Health: delivery.Health{FailingSince: &before, Failures: 3}}, state: delivery.EndpointActive},
		{name: "paused before all else", e: delivery.Endpoint{PausedAt: &before, DisabledAt: &before, Health: open}, state: delivery.EndpointPaused},
		{name: "disabled", e: delivery.Endpoint{DisabledAt: &before, Health: open}, state: delivery.EndpointDisabled},
		{name: "deleted", e: delivery.Endpoint{PausedAt: &before, DeletedAt: &before}, state: delivery.EndpointDeleted},
		{name: "asked for a pause", e: delivery.Endpoint{Health: delivery.Health{HoldUntil: &after}}, state: delivery.EndpointWaiting, until: &after},
		{name: "the pause is over", e: delivery.Endpoint{Health: delivery.Health{HoldUntil: &before}}, state: delivery.EndpointActive},
		{name: "breaker open", e: delivery.Endpoint{Health: open}, state: delivery.EndpointParked, until: &after},
		{name: "probing", e: delivery.Endpoint{Health: delivery.Health{Breaker: retry.Breaker{State: retry.Probing, Ramp: 2}}}, state: delivery.EndpointProbing},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.e.Standing(now)
			if got.State != tt.state || (got.Until == nil) != (tt.until == nil) || got.Until != nil && !got.Until.Equal(*tt.until) {
				t.Errorf("standing %+v, want %s until %v", got, tt.state, tt.until)
			}
		})
	}
}
