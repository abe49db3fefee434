package dashboard

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Limits of sessions and sign-in links.
const (
	idleLife    = 12 * time.Hour     // a session ends when it is not used for this long
	sessionLife = 7 * 24 * time.Hour // and at this age in any case
	linkLife    = 10 * time.Minute
	secretLife  = 10 * time.Minute // how long a new endpoint's secret can be seen
	maxSessions = 10_000           // the least used one makes room
	maxForms    = 100              // remembered per session
)

// The session cookie. The prefix __Host- makes browsers refuse one that another
// host of the domain has set; it needs https.
const (
	cookieName       = "memhook_session"
	secureCookieName = "__Host-memhook_session"
)

// A token is 256 random bits in base64. Only its hash is kept.
func newToken() string {
	b := make([]byte, 32)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

type tokenHash [sha256.Size]byte

func hashToken(token string) tokenHash { return sha256.Sum256([]byte(token)) }

// A session is a browser that has signed in with a key.
type session struct {
	key       [sha256.Size]byte // hash of the API key
	createdAt time.Time
	seenAt    time.Time
	forms     map[string]uuid.UUID  // endpoints made, by the form's token; uuid.Nil while at it
	secrets   map[uuid.UUID]freshly // of endpoints registered a moment ago
}

// freshly is a secret that may still be seen.
type freshly struct {
	secret string
	until  time.Time
}

func (s *session) over(now time.Time) bool {
	return now.Sub(s.seenAt) >= idleLife || now.Sub(s.createdAt) >= sessionLife
}

// A link signs in once.
type link struct {
	key   [sha256.Size]byte
	until time.Time
}

// sessions is every session and sign-in link of the process.
type sessions struct {
	mu    sync.Mutex
	byID  map[tokenHash]*session
	links map[tokenHash]link
}

func newSessions() *sessions {
	return &sessions{byID: map[tokenHash]*session{}, links: map[tokenHash]link{}}
}

// start begins a session and returns its token.
func (s *sessions) start(key [sha256.Size]byte, now time.Time) string {
	token := newToken()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.makeRoom(now)
	s.byID[hashToken(token)] = &session{
		key: key, createdAt: now, seenAt: now, forms: map[string]uuid.UUID{}, secrets: map[uuid.UUID]freshly{},
	}
	return token
}

func (s *sessions) makeRoom(now time.Time) {
	var oldest tokenHash
	var at time.Time
	for id, one := range s.byID {
		if one.over(now) {
			delete(s.byID, id)
		} else if at.IsZero() || one.seenAt.Before(at) {
			oldest, at = id, one.seenAt
		}
	}
	if len(s.byID) >= maxSessions {
		delete(s.byID, oldest)
	}
}

// use returns the key of a live session and counts the visit.
func (s *sessions) use(id tokenHash, now time.Time) ([sha256.Size]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.byID[id]
	if !ok {
		return [sha256.Size]byte{}, false
	}
	if one.over(now) {
		delete(s.byID, id)
		return [sha256.Size]byte{}, false
	}
	one.seenAt = now
	return one.key, true
}

func (s *sessions) end(id tokenHash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byID, id)
}

// addLink makes a sign-in link and returns its token.
func (s *sessions) addLink(key [sha256.Size]byte, now time.Time) string {
	token := newToken()
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, l := range s.links {
		if !now.Before(l.until) {
			delete(s.links, id)
		}
	}
	s.links[hashToken(token)] = link{key, now.Add(linkLife)}
	return token
}

// useLink returns the key of a link, which is then used up.
func (s *sessions) useLink(token string, now time.Time) ([sha256.Size]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := hashToken(token)
	l, ok := s.links[id]
	delete(s.links, id)
	return l.key, ok && now.Before(l.until)
}

// begin notes that the session works on a form, so that a second press of its
// button does not do the work again. It returns false, with the endpoint that the
// first press made, when it was begun before.
func (s *sessions) begin(id tokenHash, form string) (uuid.UUID, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.byID[id]
	if !ok {
		return uuid.Nil, true
	}
	if made, ok := one.forms[form]; ok {
		return made, false
	}
	if len(one.forms) >= maxForms {
		clear(one.forms)
	}
	one.forms[form] = uuid.Nil
	return uuid.Nil, true
}

// undo forgets a form whose work was refused, so that it can be sent again.
func (s *sessions) undo(id tokenHash, form string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one, ok := s.byID[id]; ok {
		delete(one.forms, form)
	}
}

// made notes what a form's work made, and its secret.
func (s *sessions) made(id tokenHash, form string, endpoint uuid.UUID, secret string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.byID[id]
	if !ok {
		return
	}
	for e, f := range one.secrets {
		if !now.Before(f.until) {
			delete(one.secrets, e)
		}
	}
	one.forms[form] = endpoint
	one.secrets[endpoint] = freshly{secret, now.Add(secretLife)}
}

// secret returns the secret of an endpoint that the session has just registered.
func (s *sessions) secret(id tokenHash, endpoint uuid.UUID, now time.Time) (freshly, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.byID[id]
	if !ok {
		return freshly{}, false
	}
	f, ok := one.secrets[endpoint]
	return f, ok && now.Before(f.until)
}

func (s *sessions) hideSecret(id tokenHash, endpoint uuid.UUID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one, ok := s.byID[id]; ok {
		delete(one.secrets, endpoint)
	}
}

// cookie returns the session cookie for a token; "" removes it.
func (d *Dashboard) cookie(r *http.Request, token string) *http.Cookie {
	c := &http.Cookie{
		Name: cookieName, Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		MaxAge: int(sessionLife.Seconds()),
	}
	if d.overTLS(r) {
		c.Name, c.Secure = secureCookieName, true
	}
	if token == "" {
		c.MaxAge = -1
	}
	return c
}

// sessionOf returns the ID of the session that a request names, live or not.
func (d *Dashboard) sessionOf(r *http.Request) (tokenHash, bool) {
	name := cookieName
	if d.overTLS(r) {
		name = secureCookieName
	}
	c, err := r.Cookie(name)
	if errors.Is(err, http.ErrNoCookie) || c.Value == "" {
		return tokenHash{}, false
	}
	return hashToken(c.Value), true
}
