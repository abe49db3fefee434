package main

import (
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"memhook/signing"
)

// A manner is how a receiver answers. The zero manner answers everything with 200.
type manner struct {
	status     int           // of those answers, in place of 200
	failRate   float64       // how many answers fail on purpose, 0 to 1
	delay      time.Duration // before each answer
	retryAfter string        // header of the answers that fail
	// fail, when not nil, decides instead of failRate.
	fail func(callback) bool
}

func (m manner) fails(c callback) bool {
	if m.fail != nil {
		return m.fail(c)
	}
	return m.failRate > 0 && rand.Float64() < m.failRate
}

// A callback is one request that came in.
type callback struct {
	At        time.Time
	ID        string // webhook-id
	Type      string
	Attempt   int   // 0 when the sender did not say
	Verified  error // nil when the signature is good
	Checked   bool  // there was a secret to check with
	Answer    int   // the status it got
	OnPurpose bool
	Forwarded error // why the server behind did not answer
	Repeated  bool
	Body      []byte
	Message   message
}

// message is what a body says, as far as it is shown. Of the two places where a
// text may stand, data is memhook's and event_details is mem0's.
type message struct {
	Type string `json:"type"`
	Data struct {
		Memory   string  `json:"memory"`
		Previous *string `json:"previous_memory"`
		UserID   *string `json:"user_id"`
		EventID  string  `json:"event_id"`
	} `json:"data"`
	Details struct {
		Event string `json:"event"`
		Data  struct {
			Memory string `json:"memory"`
		} `json:"data"`
	} `json:"event_details"`
}

// totals is what a receiver has seen.
type totals struct{ Received, Verified, Unverified, Unique, Repeated, FailedOnPurpose int }

// A receiver takes callbacks, checks their signatures and shows each.
type receiver struct {
	secrets []signing.Secret // none: signatures are not checked
	manner  manner
	forward *forwarder     // nil: callbacks go no further
	show    func(callback) // one at a time

	mu     sync.Mutex
	totals totals
	seen   recent
}

// ServeHTTP answers one callback. One whose signature does not verify is refused
// with 401, as a receiver should.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "callbacks are POST requests", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, 1<<20))
	if err != nil {
		http.Error(w, "body not read", http.StatusBadRequest)
		return
	}
	select {
	case <-req.Context().Done():
		return
	case <-time.After(r.manner.delay):
	}
	r.mu.Lock()
	c := r.read(req.Header, body)
	r.judge(&c)
	r.mu.Unlock()
	var passed *forwarded
	if r.forward != nil && c.Verified == nil && !c.OnPurpose {
		passed = r.forward.pass(req.Context(), req.Header, body)
		c.Answer, c.Forwarded = passed.code(), passed.err
	}
	r.mu.Lock()
	defer r.mu.Unlock() // also while answering: what is shown is what was sent, in that order
	r.show(c)
	if passed != nil {
		passed.write(w)
		return
	}
	if c.OnPurpose && r.manner.retryAfter != "" {
		w.Header().Set("Retry-After", r.manner.retryAfter)
	}
	w.WriteHeader(c.Answer)
}

func (r *receiver) read(h http.Header, body []byte) callback {
	now := time.Now()
	c := callback{
		At: now, ID: h.Get(signing.HeaderID), Type: h.Get("Memhook-Event-Type"), Checked: len(r.secrets) > 0, Body: body,
	}
	c.Attempt, _ = strconv.Atoi(h.Get("Memhook-Attempt"))
	_ = json.Unmarshal(body, &c.Message) // what does not parse is shown as it is
	if c.Message.Type != "" {
		c.Type = c.Message.Type // this one is signed
	}
	if c.Message.Data.Memory == "" {
		c.Message.Data.Memory = c.Message.Details.Data.Memory
	}
	if c.Checked {
		c.Verified = signing.Verify(r.secrets, h, body, now, signing.Tolerance)
	}
	return c
}

// judge decides the answer and counts.
func (r *receiver) judge(c *callback) {
	t := &r.totals
	t.Received++
	if c.Checked && c.Verified != nil {
		t.Unverified++
		c.Answer = http.StatusUnauthorized
		return
	}
	if c.Checked {
		t.Verified++
	}
	if c.Repeated = r.seen.add(c.ID); c.Repeated {
		t.Repeated++
	} else {
		t.Unique++
	}
	c.Answer = http.StatusOK
	if r.manner.fails(*c) {
		c.Answer = r.manner.status
		if c.OnPurpose = c.Answer/100 != 2; c.OnPurpose {
			t.FailedOnPurpose++
		}
	}
}

// trust adds a secret to check signatures with.
func (r *receiver) trust(s signing.Secret) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secrets = append(r.secrets, s)
}

func (r *receiver) count() totals {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.totals
}

// serve answers callbacks until ctx ends, and then those under way.
func (r *receiver) serve(ctx context.Context, l net.Listener) error {
	srv := &http.Server{
		Handler: r, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: time.Minute,
	}
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := srv.Shutdown(grace); err != nil {
			srv.Close()
		}
		stopped <- nil
	})
	if err := srv.Serve(l); err != http.ErrServerClosed { //nolint:errorlint // it is returned as it is
		return err
	}
	return <-stopped
}

// recent remembers at least the last recentSize IDs, and less than twice as many.
type recent struct{ now, before map[string]bool }

const recentSize = 100_000

// add tells whether the ID is remembered already.
func (r *recent) add(id string) bool {
	if r.now[id] || r.before[id] {
		return true
	}
	if r.now == nil || len(r.now) >= recentSize {
		r.now, r.before = map[string]bool{}, r.now
	}
	r.now[id] = true
	return false
}
