package retry

import (
	"encoding/json"
	"fmt"
	"time"
)

// scheduleJSON is a Schedule in a row and in the API. Seconds are float64 only
// to be able to say what is wrong with a fraction.
type scheduleJSON struct {
	Type     string    `json:"type"`
	InitialS float64   `json:"initial_s,omitempty"`
	Factor   float64   `json:"factor,omitempty"`
	MaxS     float64   `json:"max_s,omitempty"`
	Attempts int       `json:"attempts,omitempty"`
	WaitsS   []float64 `json:"waits_s,omitzero"`
}

// MarshalJSON returns one of
//
//	{"type": "list", "waits_s": [5, 30, 120]}
//	{"type": "exponential", "initial_s": 5, "factor": 4, "max_s": 86400, "attempts": 13}
//
// and null for the zero Schedule, so that whoever chose none follows a later
// default.
func (s Schedule) MarshalJSON() ([]byte, error) {
	if s.IsZero() {
		return []byte("null"), nil
	}
	if c := s.curve; c != nil {
		return json.Marshal(scheduleJSON{
			Type: "exponential", InitialS: c.initial.Seconds(), Factor: c.factor, MaxS: c.max.Seconds(), Attempts: c.attempts,
		})
	}
	j := scheduleJSON{Type: "list", WaitsS: make([]float64, len(s.waits))}
	for i, wait := range s.waits {
		j.WaitsS[i] = wait.Seconds()
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON returns. The error is an
// ErrBadSchedule.
func (s *Schedule) UnmarshalJSON(b []byte) error {
	var j *scheduleJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return fmt.Errorf(`%w: it must be an object with a type and numbers`, ErrBadSchedule)
	}
	if j == nil {
		*s = Schedule{}
		return nil
	}
	parsed, err := j.schedule()
	if err != nil {
		return err
	}
	*s = parsed
	return nil
}

func (j scheduleJSON) schedule() (Schedule, error) {
	switch j.Type {
	case "list":
		if j.WaitsS == nil {
			return Schedule{}, fmt.Errorf("%w: a list needs waits_s", ErrBadSchedule)
		}
		waits := make([]time.Duration, len(j.WaitsS))
		for i, s := range j.WaitsS {
			waits[i] = seconds(s)
		}
		return List(waits...)
	case "exponential":
		return Exponential(seconds(j.InitialS), j.Factor, seconds(j.MaxS), j.Attempts)
	}
	return Schedule{}, fmt.Errorf(`%w: type is %q, must be "list" or "exponential"`, ErrBadSchedule, j.Type)
}

// seconds keeps what is out of range out of range: a conversion that overflows
// could land anywhere.
func seconds(s float64) time.Duration {
	limit := 2 * MaxWait.Seconds()
	return time.Duration(max(-limit, min(s, limit)) * float64(time.Second))
}
