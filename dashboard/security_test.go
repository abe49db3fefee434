package dashboard

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/signing/apikey"
)

func TestSignIn(t *testing.T) {
	s := newSite(t)
	_, key := sqlstoretest.Project(t, s.db, "shop")
	b := s.browser()
	b.get("/ui/events?status=failed").leads(t, "/ui/login?next=%2Fui%2Fevents%3Fstatus%3Dfailed")
	b.get("/ui/login?next=/ui/events").is(t, 200).has(t, `name="key"`, `value="/ui/events"`)
	b.post("/ui/login", url.Values{"key": {"mh_" + strings.Repeat("x", 32)}}).is(t, 403).has(t, "not known")
	signed := b.post("/ui/login", url.Values{"key": {" " + key + "\n"}, "next": {"/ui/events"}})
	signed.leads(t, "/ui/events")
	c := signed.Cookies()[0]
	if c.Name != "memhook_session" || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure || c.Path != "/" {
		t.Errorf("the session cookie is %v", c)
	}
	if raw := c.Value; len(raw) != 43 || strings.Contains(key, raw) {
		t.Errorf("the token has %d characters, want 43 of 256 random bits", len(raw))
	}
	b.get("/ui/events").is(t, 200)
	b.get("/ui/login").leads(t, "/ui/")
	b.post("/ui/logout", nil).leads(t, "/ui/login")
	b.get("/ui/events").is(t, 303)

	b.http.Jar.SetCookies(signed.Request.URL, []*http.Cookie{{Name: cookieName, Value: c.Value, Path: "/"}})
	b.get("/ui/events").is(t, 303) // the token is no good after signing out
}

func TestSignInLink(t *testing.T) {
	s := newSite(t)
	_, key := sqlstoretest.Project(t, s.db, "shop")
	linkFor := func(key string) string {
		link, err := LoginLink(t.Context(), s.db, apikey.Hash(key), s.clock())
		if err != nil {
			t.Fatal(err)
		}
		return link
	}
	link := linkFor(key)
	token := strings.TrimPrefix(link, "/ui/login?token=")
	if len(token) != 43 {
		t.Errorf("the link's token has %d characters, want 43", len(token))
	}
	b := s.browser()
	b.get(link).is(t, 200).has(t, token, "signs this browser in once") // a preview does not use it up
	b.post("/ui/login", url.Values{"token": {token}}).leads(t, "/ui/")
	b.get("/ui/").is(t, 200)
	s.browser().post("/ui/login", url.Values{"token": {token}}).is(t, 403).has(t, "has been used")

	late := strings.TrimPrefix(linkFor(key), "/ui/login?token=")
	s.pass(apikey.LinkLife)
	s.browser().post("/ui/login", url.Values{"token": {late}}).is(t, 403)
}

func TestSessionEnds(t *testing.T) {
	s := newSite(t)
	_, key := sqlstoretest.Project(t, s.db, "shop")
	t.Run("idle", func(t *testing.T) {
		b := s.signedIn(key)
		s.pass(apikey.SessionIdle - time.Second)
		b.get("/ui/").is(t, 200)
		s.pass(apikey.SessionIdle)
		b.get("/ui/").is(t, 303)
	})
	t.Run("absolute", func(t *testing.T) {
		b := s.signedIn(key)
		for range 14 {
			s.pass(apikey.SessionLife / 15)
			b.get("/ui/").is(t, 200)
		}
		s.pass(apikey.SessionLife / 15)
		b.get("/ui/").is(t, 303)
	})
	t.Run("revoked", func(t *testing.T) {
		b := s.signedIn(key)
		b.get("/ui/").is(t, 200)
		s.mu.Lock()
		s.revoked[apikey.Hash(key)] = true
		s.mu.Unlock()
		b.get("/ui/").is(t, 303)
		s.mu.Lock()
		delete(s.revoked, apikey.Hash(key))
		s.mu.Unlock()
		b.get("/ui/").is(t, 303) // it does not come back with the key
	})
}

func TestSignInLimit(t *testing.T) {
	s := newSite(t)
	_, key := sqlstoretest.Project(t, s.db, "shop")
	b := s.browser()
	wrong := url.Values{"key": {"mh_wrong"}}
	for range signInsPerMinute {
		b.post("/ui/login", wrong).is(t, 403)
	}
	right := url.Values{"key": {key}}
	r := b.form("/ui/login", right)
	r.Header.Set("X-Forwarded-For", "198.51.100.7") // nobody has said to believe it
	if got := b.do(r).is(t, 429).Header.Get("Retry-After"); got != "60" {
		t.Errorf("Retry-After is %q, want 60", got)
	}
	s.pass(time.Minute)
	b.post("/ui/login", right).leads(t, "/ui/")
}

func TestSignInsByAddress(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)
	s := newSignIns(nil)
	for _, a := range []string{"2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:0:ff::", "2001:db8::1"} {
		if _, ok := s.allow(t.Context(), netip.MustParseAddr(a), now); !ok {
			t.Fatalf("%s is refused within the first five", a)
		}
	}
	if wait, ok := s.allow(t.Context(), netip.MustParseAddr("2001:db8::9"), now.Add(20*time.Second)); ok || wait != 40*time.Second {
		t.Errorf("the sixth of one network got %v, %v; want to wait 40 s", wait, ok)
	}
	if _, ok := s.allow(t.Context(), netip.MustParseAddr("2001:db8:0:1::1"), now); !ok {
		t.Error("another network is refused")
	}
	for i := range maxAddresses + 10 {
		s.allow(t.Context(), netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), now)
	}
	if len(s.tries) > maxAddresses {
		t.Errorf("%d addresses are remembered, want at most %d", len(s.tries), maxAddresses)
	}
	s.allow(t.Context(), netip.MustParseAddr("192.0.2.1"), now.Add(2*time.Minute))
	if len(s.tries) != 1 {
		t.Errorf("%d addresses are remembered after their minute, want 1", len(s.tries))
	}
}

func TestHeaders(t *testing.T) {
	s := newSite(t)
	_, key := sqlstoretest.Project(t, s.db, "shop")
	b := s.signedIn(key)
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		"X-Content-Type-Options":  "nosniff",
		"Referrer-Policy":         "same-origin",
		"Cache-Control":           "no-store",
	}
	check := func(a answer) {
		for name, value := range want {
			if got := a.Header.Values(name); len(got) != 1 || got[0] != value {
				t.Errorf("%s %s has %s %q, want %q", a.Request.Method, a.Request.URL, name, got, value)
			}
		}
		if a.Header.Get(echo.HeaderXRequestID) == "" {
			t.Errorf("%s has no request ID", a.Request.URL)
		}
	}
	for _, path := range []string{"/ui", "/ui/", "/ui/login?token=x", "/ui/events", "/ui/odd", "/ui/logout", "/ui/static/odd"} {
		check(b.get(path))
	}
	check(b.post("/ui/events", nil).is(t, 405))
	check(b.post("/ui/odd", nil).is(t, 405))

	for name := range s.ui.files {
		f := b.get("/ui/static/"+name).is(t, 200)
		if got := f.Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
			t.Errorf("%s has Cache-Control %q", name, got)
		}
	}
}

func TestCrossOrigin(t *testing.T) {
	s := newSite(t)
	project, key := sqlstoretest.Project(t, s.db, "shop")
	e := s.endpoint(project, "crm", "https://crm.example.com/", "*")
	b := s.signedIn(key)
	for _, r := range s.ui.routes() {
		if r.method != http.MethodPost {
			continue
		}
		path := strings.Replace(r.pattern, ":endpoint", "ep_"+e.ID.String(), 1)
		site := b.form(path, nil)
		site.Header.Set("Sec-Fetch-Site", "cross-site")
		b.do(site).is(t, 403).has(t, "another site")
		origin := b.form(path, nil)
		origin.Header.Set("Origin", "https://evil.example")
		b.do(origin).is(t, 403).has(t, "another site")
	}
	if got, err := s.delivery.Endpoint(t.Context(), project, e.ID); err != nil || !got.Active() {
		t.Errorf("the endpoint is %+v (%v), want it untouched", got, err)
	}
}

func TestHosts(t *testing.T) {
	s := newSite(t, func(c *Config) { c.PublicURL, c.ListenHost = "https://memory.example.com", "box.lan" })
	b := s.browser()
	for host, want := range map[string]int{
		"localhost:8080": 200, "127.0.0.1": 200, "127.1.2.3:80": 200, "[::1]:8080": 200, "ui.localhost": 200, "LOCALHOST": 200,
		"memory.example.com": 200, "Memory.example.com:443": 200, "box.lan:8080": 200,
		"evil.example": 421, "127.0.0.1.evil.example": 421, "192.0.2.1": 421, "memory.example.com.evil.example": 421, "localhost.": 421,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/ui/login", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		if got := b.do(r).StatusCode; got != want {
			t.Errorf("Host %s answered %d, want %d", host, got, want)
		}
	}
}

// Behind a proxy that ends TLS the cookie is for https only.
func TestSecureCookie(t *testing.T) {
	s := newSite(t, func(c *Config) { c.PublicURL = "https://memory.example.com" })
	_, key := sqlstoretest.Project(t, s.db, "shop")
	r := httptest.NewRequest(http.MethodPost, "/ui/login", strings.NewReader(url.Values{"key": {key}}.Encode()))
	r.Host = "memory.example.com"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "https://memory.example.com")
	w := httptest.NewRecorder()
	s.Config.Handler.ServeHTTP(w, r)
	cookies := w.Result().Cookies() //nolint:bodyclose // of a recorder
	if w.Code != http.StatusSeeOther || len(cookies) != 1 {
		t.Fatalf("signing in answered %d with %v", w.Code, cookies)
	}
	if c := cookies[0]; c.Name != "__Host-memhook_session" || !c.Secure || c.Path != "/" || c.Domain != "" {
		t.Errorf("the session cookie is %v", c)
	}
}

func TestSafeNext(t *testing.T) {
	for next, want := range map[string]string{
		"": "/ui/", "/ui/events?status=failed": "/ui/events?status=failed", "/ui/": "/ui/",
		"https://evil.example/ui/": "/ui/", "//evil.example/ui/": "/ui/", "/\\evil.example": "/ui/", "/ui": "/ui/",
		"javascript:alert(1)": "/ui/", "/ui/logout": "/ui/", "/ui/login": "/ui/", "/v1/ping/": "/ui/", "%": "/ui/",
		"/ui/\\evil.example": "/ui/%5Cevil.example",
	} {
		if got := safeNext(next); got != want {
			t.Errorf("safeNext(%q) = %q, want %q", next, got, want)
		}
	}
}
