package explain

import (
	"time"

	"memhook/delivery"
)

// Match says whether an endpoint would get a message that happened now, and if not
// which clause of it refuses.
func Match(e delivery.Endpoint, m delivery.Message, now time.Time) Verdict {
	v := Verdict{Code: WouldReceive, Tone: OK, Sentence: e.Name + " would get this " + m.Type + "."}
	if reason, detail := e.Refuses(m); reason != delivery.ReasonNone {
		t := delivery.Trail{Delivery: delivery.Delivery{Reason: reason, Detail: detail}, MessageType: m.Type}
		v.Code, v.Tone = WouldBeSkipped, Quiet
		v.Sentence = e.Name + " would not get this " + m.Type + ": " + Reason(t)
		v.Action, v.EndpointID = OpenEndpoint, e.ID
		return v
	}
	switch s := e.Standing(now); s.State {
	case delivery.EndpointPaused, delivery.EndpointDisabled:
		v.Code, v.Tone = WouldBeHeld, Warn
		v.Sentence = e.Name + " wants this " + m.Type + ", but is " + string(s.State) + ": it would be held."
		v.Action, v.EndpointID = ResumeEndpoint, e.ID
		if s.State == delivery.EndpointDisabled {
			v.Action = EnableEndpoint
		}
	case delivery.EndpointParked:
		v.Next = "Its deliveries are parked at the moment; the next probe is " + in(*s.Until, now) + "."
	case delivery.EndpointWaiting:
		v.Next = "It asked to be left alone; the next request goes out " + in(*s.Until, now) + "."
	}
	return v
}
