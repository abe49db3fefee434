package mcp

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"memhook/delivery"
	"memhook/delivery/feed"
	"memhook/memory"
	"memhook/signing/apikey"
)

// maxBody is how large a request may be, in bytes.
const maxBody = 1 << 20

// versions of the protocol that are spoken, the newest first.
var versions = []string{"2025-11-25", "2025-06-18", "2025-03-26"}

// Config is what the server needs. All but the last three are required.
type Config struct {
	Memory   *memory.Service
	Delivery *delivery.Service
	Feed     *feed.Feed
	// Keys returns the key with the hash, memory.ErrNotFound when there is none.
	Keys func(ctx context.Context, hash [sha256.Size]byte) (apikey.Key, error)
	Log  *slog.Logger
	// Retention is how long records are kept, for what is said about missing ones; 0:
	// for ever.
	Retention time.Duration
	Version   string
	// NoWorker tells whether it is known that no worker runs; nil: it is not known.
	NoWorker func(ctx context.Context) bool
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// A Server answers clients of the Model Context Protocol.
type Server struct {
	Config
	tools []tool
}

// New returns a server.
func New(c Config) *Server {
	if c.Memory == nil || c.Delivery == nil || c.Feed == nil || c.Keys == nil || c.Log == nil {
		panic("mcp.New: Memory, Delivery, Feed, Keys and Log are required")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	s := &Server{Config: c}
	s.tools = s.allTools()
	return s
}

// request is a JSON-RPC message from a client. Without an ID it is a notification.
type request struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
}

type reply struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  any             `json:"result,omitempty"`
	Error   *fault          `json:"error,omitempty"`
}

// A fault is an error of the protocol.
type fault struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// The codes of JSON-RPC.
const (
	codeParse   = -32700
	codeRequest = -32600
	codeMethod  = -32601
	codeParams  = -32602
)

// ServeHTTP answers one message.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !sameOrigin(r) { // a page elsewhere that a browser has been led to
		refuse(w, http.StatusForbidden, nil, codeRequest, "Requests from another origin are refused.")
		return
	}
	key, err := s.authenticate(r)
	if err != nil {
		status, text := http.StatusUnauthorized, "An API key of memhook is needed: Authorization: Bearer mh_…."
		if !errors.Is(err, memory.ErrNotFound) {
			s.fail(r, err)
			status, text = http.StatusInternalServerError, "internal error"
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="memhook"`)
		refuse(w, status, nil, codeRequest, text)
		return
	}
	if r.Method != http.MethodPost { // there is no stream to open, and no session to end
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, http.StatusMethodNotAllowed, nil, codeRequest, "Only POST is answered here.")
		return
	}
	if v := r.Header.Get("MCP-Protocol-Version"); v != "" && !slices.Contains(versions, v) {
		refuse(w, http.StatusBadRequest, nil, codeRequest, "This version of the protocol is not spoken; these are: "+strings.Join(versions, ", ")+".")
		return
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, nil, codeRequest, "The request is larger than 1 MiB, or ended early.")
		return
	}
	var in request
	if err := json.Unmarshal(raw, &in); err != nil || in.Version != "2.0" {
		code, text := codeRequest, "The request is no single JSON-RPC 2.0 message."
		if !json.Valid(raw) {
			code, text = codeParse, "The request is not valid JSON."
		}
		refuse(w, http.StatusBadRequest, nil, code, text)
		return
	}
	if in.ID == nil || in.Method == "" { // a notification, or an answer to what was never asked
		w.WriteHeader(http.StatusAccepted)
		return
	}
	c := call{Context: memory.WithWriter(r.Context(), key.ID), key: key, now: s.Now().UTC()}
	result, f := s.answer(c, http.NewResponseController(w), in)
	if f != nil {
		refuse(w, http.StatusOK, in.ID, f.Code, f.Message)
		return
	}
	write(w, http.StatusOK, reply{Version: "2.0", ID: in.ID, Result: result})
}

// sameOrigin tells whether a request comes from no page of another site.
func sameOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}

// authenticate returns the key of a request. memory.ErrNotFound.
func (s *Server) authenticate(r *http.Request) (apikey.Key, error) {
	text, ok := apikey.FromHeader(r.Header)
	if !ok {
		return apikey.Key{}, memory.ErrNotFound
	}
	key, err := s.Keys(r.Context(), apikey.Hash(text))
	if err == nil && !key.Matches(text) {
		err = memory.ErrNotFound
	}
	return key, err
}

// A call is a request of a known key.
type call struct {
	context.Context
	key apikey.Key
	now time.Time
}

func (s *Server) answer(c call, control *http.ResponseController, in request) (any, *fault) {
	switch in.Method {
	case "initialize":
		var p struct {
			Version string `json:"protocolVersion"`
		}
		_ = json.Unmarshal(in.Params, &p) // without a version the newest is offered
		if !slices.Contains(versions, p.Version) {
			p.Version = versions[0]
		}
		return map[string]any{
			"protocolVersion": p.Version, "capabilities": map[string]any{"tools": map[string]any{}},
			"serverInfo":   map[string]any{"name": "memhook", "title": "memhook", "version": s.Version},
			"instructions": instructions,
		}, nil
	case "ping":
		return struct{}{}, nil
	case "tools/list":
		list := []toolShape{}
		for _, t := range s.tools {
			if c.key.Scope.Allows(t.scope) {
				list = append(list, t.shape())
			}
		}
		return map[string]any{"tools": list}, nil
	case "tools/call":
		var p struct {
			Name      string          `json:"name"`
			Arguments json.RawMessage `json:"arguments"`
		}
		if err := json.Unmarshal(in.Params, &p); err != nil {
			return nil, &fault{codeParams, "params must have a name and arguments"}
		}
		for _, t := range s.tools {
			if t.name == p.Name && c.key.Scope.Allows(t.scope) {
				_ = control.SetReadDeadline(time.Time{}) // the server's would end a wait
				_ = control.SetWriteDeadline(time.Now().Add(feed.MaxWait + answerMargin))
				return s.run(c, t, p.Arguments), nil
			}
		}
		return nil, &fault{codeParams, "there is no tool of this name, or the API key may not use it"}
	}
	return nil, &fault{codeMethod, "there is no such method here"}
}

// answerMargin is how long a tool may take beside waiting, and its answer to be written.
const answerMargin = 30 * time.Second

func refuse(w http.ResponseWriter, status int, id json.RawMessage, code int, text string) {
	if id == nil {
		id = json.RawMessage("null")
	}
	write(w, status, reply{Version: "2.0", ID: id, Error: &fault{code, text}})
}

func write(w http.ResponseWriter, status int, body any) {
	raw, err := json.Marshal(body)
	if err != nil {
		panic(err) // every member is of a type that has JSON
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(raw) // who has left does not read it
}

// fail logs what is not the caller's to know.
func (s *Server) fail(r *http.Request, err error) {
	s.Log.LogAttrs(r.Context(), slog.LevelError, "request failed", slog.String("route", "/mcp"), slog.Any("error", err))
}
