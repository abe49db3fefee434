// Package inbound takes the webhooks that sources post, to be relayed.
//
//	POST /in/{token}
//
// The token is the last part of the source's own address. A request that is
// checked and committed is answered 200 with
//
//	{"event_id": "…", "duplicate": false}
//
// and a repeat within the source's window with duplicate true and the first
// event's ID. The answer leaves after the commit. Everything else is a problem
// (RFC 9457): 400 what cannot be relayed, 401 what did not verify, 404 an unknown
// address whatever it looks like, 405, 413 more than memory.MaxRelay bytes, 429,
// and 503 with Retry-After while the source is paused.
//
// # Decisions
//
// 2026-11: A body that is no JSON is relayed as
// {"content_type": "…", "body_base64": "…"}. Forms and XML are common enough, and
// a sender cannot be told to send something else. The price: its limit is three
// quarters of memory.MaxRelay.
//
// 2026-11: A paused source is told to come back (503). What it sent could be taken
// and held, but a person who pauses a source wants it to stop. The price: a sender
// that does not try again loses what it sends meanwhile.
//
// 2026-11: What is relayed says how often it was (data.hops), and is refused after
// 16 times. An endpoint that is also a source of the same chain would otherwise
// keep a change going round for ever: its copies differ in their ID and time.
//
// 2026-11: Repeats are known by the sender's ID where one of the usual headers has
// it, else by the body. The price: a sender without IDs that means to say the same
// twice must have its window switched off.
package inbound
