package hookapi_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"memhook/delivery"
	"memhook/delivery/hookapi"
	"memhook/retry"
)

// documentOf fetches the OpenAPI document.
func (s *site) document() map[string]any {
	s.t.Helper()
	a := s.do("", "GET", "/api/openapi.json", nil)
	if a.status != http.StatusOK {
		s.t.Fatalf("status %d", a.status)
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(a.raw)))
	if err != nil {
		s.t.Fatal(err)
	}
	return v.(map[string]any)
}

// schemaAt compiles the schema at a place in the document.
func schemaAt(t *testing.T, doc map[string]any, pointer string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource("memhook:api", doc); err != nil {
		t.Fatal(err)
	}
	sc, err := c.Compile("memhook:api#" + pointer)
	if err != nil {
		t.Fatalf("schema %s: %v", pointer, err)
	}
	return sc
}

func escape(s string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(s)
}

// TestAnswersAreAsDocumented asks every route and holds the answer against the
// document's schema for its status.
func TestAnswersAreAsDocumented(t *testing.T) {
	s := newSite(t)
	doc := s.document()
	if doc["openapi"] != "3.1.0" {
		t.Errorf("openapi is %v", doc["openapi"])
	}
	ids := s.ids()
	param := regexp.MustCompile(`:(\w+)`)
	routes := s.api.Routes()
	slices.SortStableFunc(routes, func(a, b hookapi.Route) int { // what is deleted is asked for no more
		return cmp.Compare(strings.Index(a.Method, http.MethodDelete), strings.Index(b.Method, http.MethodDelete))
	})
	for _, r := range routes {
		name := r.Method + " " + r.Pattern
		path := param.ReplaceAllString(r.Pattern, "{$1}")
		op := fmt.Sprintf("/paths/%s/%s", escape(path), strings.ToLower(r.Method))
		if strings.HasSuffix(r.Pattern, "/stream") {
			continue // it does not end
		}
		if strings.HasSuffix(r.Pattern, "/probe") {
			s.park(ids["endpoint"])
		}
		if body := s.body(name, ids); body != nil {
			raw, _ := json.Marshal(body)
			v, _ := jsonschema.UnmarshalJSON(strings.NewReader(string(raw)))
			if err := schemaAt(t, doc, op+"/requestBody/content/application~1json/schema").Validate(v); err != nil {
				t.Errorf("%s: the body %s is not as documented: %v", name, raw, err)
			}
		}
		a := s.do(s.admin, r.Method, pathOf(r.Pattern, ids), s.body(name, ids))
		if a.status != r.Status {
			t.Errorf("%s: status %d, documented is %d: %s", name, a.status, r.Status, a.raw)
			continue
		}
		if a.status == http.StatusNoContent {
			continue
		}
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(a.raw)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		pointer := fmt.Sprintf("%s/responses/%d/content/application~1json/schema", op, r.Status)
		if err := schemaAt(t, doc, pointer).Validate(v); err != nil {
			t.Errorf("%s: the answer is not as documented: %v\n%s", name, err, a.raw)
		}
	}
	a := s.do(s.admin, "POST", "/api/v2/endpoints", `{"x":1}`)
	v, _ := jsonschema.UnmarshalJSON(strings.NewReader(string(a.raw)))
	if err := schemaAt(t, doc, "/components/schemas/Problem").Validate(v); err != nil {
		t.Errorf("a problem is not as documented: %v", err)
	}
}

// park opens the breaker of an endpoint, with a delivery that waits for it.
func (s *site) park(endpoint string) {
	s.t.Helper()
	id, err := delivery.ParseID(delivery.EndpointPrefix, endpoint)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.db.UpdateEndpoint(s.t.Context(), s.project, id, func(e *delivery.Endpoint) error {
		e.Health.Breaker = retry.Breaker{State: retry.Open, ProbeAt: s.clock().Add(time.Minute)}
		return nil
	}); err != nil {
		s.t.Fatal(err)
	}
	s.add(s.project, "what waits")
}

func TestDocumentNamesEveryOperationOnce(t *testing.T) {
	s := newSite(t)
	seen := map[string]bool{}
	n := 0
	for path, methods := range s.document()["paths"].(map[string]any) {
		for method, op := range methods.(map[string]any) {
			op := op.(map[string]any)
			id := op["operationId"].(string)
			if seen[id] {
				t.Errorf("%s %s has the ID %s of another", method, path, id)
			}
			seen[id] = true
			n++
			for _, p := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
				if !strings.Contains(fmt.Sprint(op["parameters"]), "name:"+p[1]) {
					t.Errorf("%s %s does not describe %s", method, path, p[1])
				}
			}
		}
	}
	if n != len(s.api.Routes()) {
		t.Errorf("%d operations for %d routes", n, len(s.api.Routes()))
	}
}

// TestBodiesAreAsDocumented holds what receivers get against the document.
func TestBodiesAreAsDocumented(t *testing.T) {
	s := newSite(t)
	doc := s.document()
	golden, err := os.ReadFile("../../memory/testdata/bodies.golden")
	if err != nil {
		t.Fatal(err)
	}
	filled := strings.NewReplacer(`"ID"`, `"01936000-0000-7000-8000-000000000001"`, `"TIME"`, `"2026-01-02T03:04:05Z"`).Replace(string(golden))
	var seen []string
	for _, m := range regexp.MustCompile(`(?m)^(\w+) full\n(.*)$`).FindAllStringSubmatch(filled, -1) {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(m[2]))
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, m[1])
		if err := schemaAt(t, doc, "/webhooks/"+m[1]+"/post/requestBody/content/application~1json/schema").Validate(v); err != nil {
			t.Errorf("the body of %s is not as documented: %v\n%s", m[1], err, m[2])
		}
	}
	if len(seen) != 5 {
		t.Errorf("bodies of %v, want five", seen)
	}
	described := doc["webhooks"].(map[string]any)
	for _, typ := range append(delivery.OperationalTypes(), delivery.IngestJobFailed) {
		if described[typ] == nil {
			t.Errorf("%s is not described", typ)
		}
	}
	headers := fmt.Sprint(described[delivery.MemoryAdd])
	page := string(s.do("", "GET", "/api/docs", nil).raw)
	for _, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature", "Memhook-Event-Type", "Memhook-Attempt", "Memhook-Delivery", "Memhook-Trigger"} {
		if !strings.Contains(headers, name) || !strings.Contains(page, name) {
			t.Errorf("%s is not described", name)
		}
	}
}

func TestDocsLoadNothing(t *testing.T) {
	s := newSite(t)
	a := s.do("", "GET", "/api/docs", nil)
	page := string(a.raw)
	if a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Security-Policy"), "default-src 'none'; style-src 'sha256-") {
		t.Errorf("status %d, policy %q", a.status, a.header.Get("Content-Security-Policy"))
	}
	for _, bad := range []string{"<script", "<img", "src=", "@import", "url(", "<link", "ZgotmplZ"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	for _, href := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		to, own := strings.CutPrefix(href[1], "#")
		if !own && href[1] != "/api/openapi.json" || own && !strings.Contains(page, `id="`+to+`"`) {
			t.Errorf("a link leads to %s", href[1])
		}
	}
	for _, r := range s.api.Routes() {
		if !strings.Contains(page, r.Summary) && !strings.Contains(page, strings.ReplaceAll(r.Summary, "'", "&#39;")) {
			t.Errorf("the page does not show %q", r.Summary)
		}
	}
}
