package apikey

import (
	"crypto/sha256"
	"time"
)

// Limits of a Session.
const (
	SessionIdle = 12 * time.Hour     // it ends when it is not used for this long
	SessionLife = 7 * 24 * time.Hour // and at this age in any case
	LinkLife    = 10 * time.Minute   // of a link that signs one browser in
)

// A Session is a browser that has signed in with a key. It can do what the key can,
// and ends with it. Like a key's record it would let nobody in: the browser's token
// is kept as a hash.
type Session struct {
	ID        [sha256.Size]byte // hash of the token
	KeyHash   [sha256.Size]byte
	CreatedAt time.Time
	SeenAt    time.Time
	ProvedAt  time.Time // when the key or a link was last shown
	// Shown is the ID of the endpoint whose secrets the session may see until
	// ShownUntil, because it asked to reveal them or has just made them. "": none.
	Shown      string
	ShownUntil time.Time
}

// Over tells whether the session has ended.
func (s Session) Over(now time.Time) bool {
	return now.Sub(s.SeenAt) >= SessionIdle || now.Sub(s.CreatedAt) >= SessionLife
}

// Sees tells whether the session may see the secrets of an endpoint.
func (s Session) Sees(endpoint string, now time.Time) bool {
	return s.Shown != "" && s.Shown == endpoint && now.Before(s.ShownUntil)
}
