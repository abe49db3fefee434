package dashboard

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"

	"memhook/memory"
	"memhook/signing/apikey"
)

// Sessions keeps who has signed in. The database implements it, so that every node
// knows every session and a restart ends none. Tokens reach it as hashes only.
type Sessions interface {
	InsertSession(ctx context.Context, s apikey.Session) error
	// Session returns a session, over or not. memory.ErrNotFound.
	Session(ctx context.Context, id [sha256.Size]byte) (apikey.Session, error)
	UpdateSession(ctx context.Context, id [sha256.Size]byte, change func(*apikey.Session)) error
	DeleteSession(ctx context.Context, id [sha256.Size]byte) error
	InsertLoginLink(ctx context.Context, id, key [sha256.Size]byte, until time.Time) error
	// TakeLoginLink returns the key's hash of a link and uses it up. memory.ErrNotFound.
	TakeLoginLink(ctx context.Context, id [sha256.Size]byte, now time.Time) ([sha256.Size]byte, error)
	// BeginForm notes that the work of a form goes on. When it was begun before it
	// returns false, with where the answer led, "" while the work is still going on.
	BeginForm(ctx context.Context, id [sha256.Size]byte, now time.Time) (went string, fresh bool, err error)
	// EndForm notes where the answer led; "" forgets the form.
	EndForm(ctx context.Context, id [sha256.Size]byte, went string) error
}

const (
	// seenEvery is how often a session in use is noted as seen.
	seenEvery = time.Minute
	// proofLife is how long after showing the key a session may reveal secrets.
	proofLife = 10 * time.Minute
	// shownLife is how long a revealed secret can be seen.
	shownLife = 2 * time.Minute
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

type tokenHash = [sha256.Size]byte

func hashToken(token string) tokenHash { return sha256.Sum256([]byte(token)) }

// LoginLink returns the path of a page that signs one browser in, once and within
// apikey.LinkLife, as the key with the hash (apikey.Hash). Its session may do what
// the key may and ends with the key. The path is as secret as the key meanwhile. It
// works beside a running server.
func LoginLink(ctx context.Context, s Sessions, key [sha256.Size]byte, now time.Time) (string, error) {
	token := newToken()
	if err := s.InsertLoginLink(ctx, hashToken(token), key, now.Add(apikey.LinkLife)); err != nil {
		return "", fmt.Errorf("make login link: %w", err)
	}
	return root + "login?token=" + token, nil
}

// startSession begins a session and returns its token.
func (d *Dashboard) startSession(ctx context.Context, key tokenHash, now time.Time) (string, error) {
	token := newToken()
	s := apikey.Session{ID: hashToken(token), KeyHash: key, CreatedAt: now, SeenAt: now, ProvedAt: now}
	if err := d.sessions.InsertSession(ctx, s); err != nil {
		return "", fmt.Errorf("start session: %w", err)
	}
	return token, nil
}

// useSession returns a live session and notes that it was seen.
func (d *Dashboard) useSession(ctx context.Context, id tokenHash, now time.Time) (apikey.Session, bool, error) {
	s, err := d.sessions.Session(ctx, id)
	switch {
	case errors.Is(err, memory.ErrNotFound):
		return s, false, nil
	case err != nil:
		return s, false, err
	case s.Over(now):
		return s, false, d.sessions.DeleteSession(ctx, id)
	case now.Sub(s.SeenAt) < seenEvery:
		return s, true, nil
	}
	err = d.sessions.UpdateSession(ctx, id, func(s *apikey.Session) { s.SeenAt = now })
	if errors.Is(err, memory.ErrNotFound) {
		return s, false, nil
	}
	return s, err == nil, err
}

// once does the work of a form once, however often its button is pressed: a second
// press leads where the first one led.
func (d *Dashboard) once(v visit, w work) (reply, error) {
	token := v.fields.Get("form")
	if len(token) != base64.RawURLEncoding.EncodedLen(sha256.Size) {
		return reply{}, errForm
	}
	id := sha256.Sum256(append(v.session.ID[:], token...))
	went, fresh, err := d.sessions.BeginForm(v.ctx(), id, v.now)
	if err != nil {
		return reply{}, fmt.Errorf("begin form: %w", err)
	}
	if !fresh {
		if went == "" {
			went = parent(v.Request().URL.Path)
		}
		return goTo(went), nil
	}
	answer, err := w(v)
	ctx := context.WithoutCancel(v.ctx()) // the work is done
	if err != nil {
		return answer, errors.Join(err, d.sessions.EndForm(ctx, id, ""))
	}
	return answer, d.sessions.EndForm(ctx, id, cmp.Or(answer.to, answer.again))
}

// cookie returns the session cookie for a token; "" removes it.
func (d *Dashboard) cookie(r *http.Request, token string) *http.Cookie {
	c := &http.Cookie{
		Name: cookieName, Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		MaxAge: int(apikey.SessionLife.Seconds()),
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
