package hookapi

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"unicode"

	"github.com/labstack/echo/v4"

	"memhook/delivery"
	"memhook/memory"
	"memhook/retry"
	"memhook/signing/apikey"
)

// document is an OpenAPI 3.1 document, in the order in which it is read.
type document struct {
	OpenAPI    string                          `json:"openapi"`
	Info       info                            `json:"info"`
	Servers    []map[string]string             `json:"servers"`
	Security   []map[string][]string           `json:"security"`
	Tags       []map[string]string             `json:"tags"`
	Paths      map[string]map[string]operation `json:"paths"`
	Webhooks   map[string]map[string]operation `json:"webhooks"`
	Components components                      `json:"components"`
}

type info struct {
	Title       string `json:"title"`
	Version     string `json:"version"`
	Description string `json:"description"`
}

type components struct {
	SecuritySchemes map[string]any     `json:"securitySchemes"`
	Schemas         map[string]*schema `json:"schemas"`
}

type operation struct {
	ID          string              `json:"operationId"`
	Summary     string              `json:"summary"`
	Description string              `json:"description,omitempty"`
	Tags        []string            `json:"tags"`
	Parameters  []parameter         `json:"parameters,omitempty"`
	RequestBody *content            `json:"requestBody,omitempty"`
	Responses   map[string]response `json:"responses"`
}

type parameter struct {
	Name        string  `json:"name"`
	In          string  `json:"in"`
	Required    bool    `json:"required"`
	Description string  `json:"description,omitempty"`
	Schema      *schema `json:"schema"`
}

type content struct {
	Required bool               `json:"required"`
	Content  map[string]ofMedia `json:"content"`
}

type ofMedia struct {
	Schema *schema `json:"schema"`
}

type response struct {
	Description string             `json:"description"`
	Content     map[string]ofMedia `json:"content,omitempty"`
}

var idempotencyKey = parameter{
	Name: "Idempotency-Key", In: "header", Schema: &schema{Type: "string"},
	Description: "Makes a repeat within 24 hours get the first one's answer and do nothing.",
}

const about = "Endpoints, messages, deliveries and their attempts, and why each arrived or not. Memories have mem0's API, beside this one. " +
	"Every request needs an API key as Authorization: Bearer, Authorization: Token or X-API-Key. Errors are problem details (RFC 9457); " +
	"429 and 503 say in Retry-After when to ask again."

// documentOf describes the routes.
func documentOf(routes []Route, version string) document {
	s := schemas{}
	d := document{
		OpenAPI: "3.1.0", Info: info{"memhook", version, about}, Servers: []map[string]string{{"url": "/"}},
		Security: []map[string][]string{{"bearer": {}}, {"header": {}}},
		Paths:    map[string]map[string]operation{},
		Components: components{SecuritySchemes: map[string]any{
			"bearer": map[string]string{"type": "http", "scheme": "bearer", "description": "An API key: mh_…"},
			"header": map[string]string{"type": "apiKey", "in": "header", "name": "X-API-Key"},
		}},
	}
	seen := map[string]bool{}
	for _, r := range routes {
		if !seen[r.Tag] {
			seen[r.Tag] = true
			d.Tags = append(d.Tags, map[string]string{"name": r.Tag})
		}
		path := openPath(r.Pattern)
		if d.Paths[path] == nil {
			d.Paths[path] = map[string]operation{}
		}
		d.Paths[path][strings.ToLower(r.Method)] = s.operation(r)
	}
	d.Webhooks = s.webhooks()
	d.Components.Schemas = s
	return d
}

// openPath writes a pattern's segments as OpenAPI does.
func openPath(pattern string) string {
	segments := strings.Split(pattern, "/")
	for i, s := range segments {
		if name, ok := strings.CutPrefix(s, ":"); ok {
			segments[i] = "{" + name + "}"
		}
	}
	return strings.Join(segments, "/")
}

func (s schemas) operation(r Route) operation {
	op := operation{
		ID: operationID(r), Summary: r.Summary, Description: r.Doc, Tags: []string{r.Tag}, Responses: map[string]response{},
	}
	if r.Scope == apikey.Admin {
		op.Description = strings.TrimSpace(op.Description + " Needs a key of the scope admin.")
	}
	op.Parameters = s.parameters(r)
	if r.Method == http.MethodPost {
		op.Parameters = append(op.Parameters, idempotencyKey)
	}
	if hasBody(r.request) {
		op.RequestBody = &content{hasRequired(r.request), map[string]ofMedia{"application/json": {s.body(r.request)}}}
	}
	ok := response{Description: http.StatusText(r.Status)}
	switch {
	case r.stream:
		ok.Content = map[string]ofMedia{"text/event-stream": {&schema{Type: "string"}}}
	case r.response != nil:
		ok.Content = map[string]ofMedia{"application/json": {s.of(r.response, "")}}
	}
	op.Responses[strconv.Itoa(r.Status)] = ok
	op.Responses["default"] = response{
		Description: "A problem", Content: map[string]ofMedia{"application/problem+json": {s.of(reflect.TypeFor[problemShape](), "")}},
	}
	return op
}

// operationID names a route: the method and the path's words.
func operationID(r Route) string {
	id := strings.ToLower(r.Method)
	for _, segment := range strings.FieldsFunc(strings.TrimPrefix(r.Pattern, root), func(c rune) bool { return c == '/' || c == '_' || c == '-' }) {
		if name, ok := strings.CutPrefix(segment, ":"); ok {
			segment = "by " + name
		}
		for _, word := range strings.Fields(segment) {
			id += string(unicode.ToUpper(rune(word[0]))) + word[1:]
		}
	}
	return id
}

var filterWords = map[string]string{
	"status": "Of the delivery or event.", "endpoint": "An ID or a name.", "type": "Of the message, or of the event.",
	"code": "HTTP status of the last attempt: 503, or 5xx for all of its kind.", "error": "Class of the last attempt's failure.",
	"trigger": "Why it was sent.", "since": "30m, 2h, 7d, a date, or a time as RFC 3339.", "until": "As since.",
	"user": "user_id of the event.", "agent": "agent_id of the event.", "run": "run_id of the event.",
	"event": "ID of the event.", "message": "ID of the message.",
}

func (s schemas) parameters(r Route) (list []parameter) {
	for i := range r.request.NumField() {
		f := r.request.Field(i)
		if name := f.Tag.Get("path"); name != "" {
			list = append(list, parameter{Name: name, In: "path", Required: true, Schema: &schema{Type: "string"}})
		}
		if name := f.Tag.Get("query"); name != "" {
			list = append(list, parameter{Name: name, In: "query", Description: f.Tag.Get("doc"), Schema: s.of(f.Type, f.Tag.Get("enum"))})
		}
		if f.Type != reflect.TypeFor[filters]() {
			continue
		}
		keys := delivery.FilterKeys()
		if strings.HasSuffix(r.Pattern, "/events") {
			keys = memory.EventFilterKeys()
		}
		for _, key := range keys {
			list = append(list, parameter{Name: key, In: "query", Description: filterWords[key], Schema: filterSchema(key, r)})
		}
		list = append(list, parameter{
			Name: "q", In: "query", Schema: &schema{Type: "string"},
			Description: `Words to look for, and any of the filters as one text: status:failed code:5xx "lives in".`,
		})
	}
	return list
}

func filterSchema(key string, r Route) *schema {
	sc := &schema{Type: "string"}
	if strings.HasSuffix(r.Pattern, "/events") {
		return sc
	}
	switch key {
	case "status":
		for _, v := range delivery.ListStatuses() {
			sc.Enum = append(sc.Enum, string(v))
		}
	case "error":
		for _, v := range retry.Classes() {
			sc.Enum = append(sc.Enum, string(v))
		}
	}
	return sc
}

func (a *API) openAPI(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "no-cache")
	return c.JSON(http.StatusOK, a.document())
}
