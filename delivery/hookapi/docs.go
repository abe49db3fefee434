package hookapi

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"
)

//go:embed docs.html
var docsHTML string

//go:embed docs.css
var docsCSS string

// docsPolicy lets the page load nothing: its one stylesheet stands in it.
var docsPolicy = sync.OnceValue(func() string {
	sum := sha256.Sum256([]byte(docsCSS))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
})

var docsTemplate = sync.OnceValue(func() *template.Template {
	css := template.CSS(docsCSS) //nolint:gosec // embedded, and named in the policy by its hash
	return template.Must(template.New("docs").Funcs(template.FuncMap{"css": func() template.CSS { return css }}).Parse(docsHTML))
})

// docsView is what the page shows.
type docsView struct {
	Version string
	About   string
	Groups  []docsGroup
	Schemas []docsSchema

	Received docsReceived
}

type docsGroup struct {
	Name string
	ID   string
	Ops  []docsOperation
}

type docsOperation struct {
	ID, Method, Path, Summary, Doc string
	Params, Body                   []docsField
	Status                         int
	Answer                         docsType
	Curl                           string
}

type docsField struct {
	Name, Doc string
	Type      docsType
	Required  bool
}

// A docsType is a type in words, with the component it is made of.
type docsType struct{ Before, Link, After string }

type docsSchema struct {
	Name   string
	Fields []docsField
}

// docs is the OpenAPI document as a page for people.
func (a *API) docs(c echo.Context) error {
	var page bytes.Buffer
	if err := docsTemplate().Execute(&page, docsOf(a.document(), a.Routes())); err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("Content-Security-Policy", docsPolicy())
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache")
	return c.HTMLBlob(http.StatusOK, page.Bytes())
}

func docsOf(d document, routes []Route) docsView {
	v := docsView{Version: d.Info.Version, About: d.Info.Description, Received: docsReceivedOf(d)}
	for _, r := range routes {
		op := d.Paths[openPath(r.Pattern)][strings.ToLower(r.Method)]
		i := slices.IndexFunc(v.Groups, func(g docsGroup) bool { return g.Name == r.Tag })
		if i < 0 {
			i = len(v.Groups)
			v.Groups = append(v.Groups, docsGroup{Name: r.Tag, ID: "group-" + strings.ToLower(r.Tag)})
		}
		v.Groups[i].Ops = append(v.Groups[i].Ops, docsOperationOf(r, op))
	}
	for name, s := range d.Components.Schemas {
		v.Schemas = append(v.Schemas, docsSchema{name, docsFields(s)})
	}
	slices.SortFunc(v.Schemas, func(a, b docsSchema) int { return strings.Compare(a.Name, b.Name) })
	return v
}

func docsOperationOf(r Route, op operation) docsOperation {
	o := docsOperation{
		ID: op.ID, Method: r.Method, Path: openPath(r.Pattern), Summary: op.Summary, Doc: op.Description, Status: r.Status,
		Curl: "curl -H 'Authorization: Bearer mh_…' ",
	}
	if r.Method != http.MethodGet {
		o.Curl += "-X " + r.Method + " "
	}
	for _, p := range op.Parameters {
		o.Params = append(o.Params, docsField{p.Name, p.Description, docsTypeOf(p.Schema), p.Required})
	}
	if op.RequestBody != nil {
		s := op.RequestBody.Content["application/json"].Schema
		o.Body = docsFields(s)
		o.Curl += `-d '{` + strings.Join(examples(s), ", ") + `}' `
	}
	o.Curl += "http://127.0.0.1:8080" + o.Path
	for kind, m := range op.Responses[strconv.Itoa(r.Status)].Content {
		if o.Answer = docsTypeOf(m.Schema); r.stream {
			o.Answer = docsType{Before: kind}
		}
	}
	return o
}

// examples are the required members of a body.
func examples(s *schema) (list []string) {
	for _, name := range s.Required {
		value := `"…"`
		if name == "url" {
			value = `"https://example.com/hook"`
		}
		list = append(list, `"`+name+`": `+value)
	}
	return list
}

func docsFields(s *schema) (list []docsField) {
	for name, p := range s.Properties {
		list = append(list, docsField{name, p.Description, docsTypeOf(p), slices.Contains(s.Required, name)})
	}
	slices.SortFunc(list, func(a, b docsField) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func docsTypeOf(s *schema) docsType {
	if name, ok := strings.CutPrefix(s.Ref, componentRef); ok {
		return docsType{Link: name}
	}
	if len(s.Enum) > 0 {
		return docsType{Before: strings.Join(s.Enum, " | ")}
	}
	name := "any JSON"
	switch t := s.Type.(type) {
	case string:
		name = t
	case []string:
		name = strings.Join(t, " | ")
	}
	switch {
	case s.Format != "":
		name += " (" + s.Format + ")"
	case s.Items != nil:
		inner := docsTypeOf(s.Items)
		return docsType{"list of " + inner.Before, inner.Link, inner.After}
	case s.Properties["data"] != nil && s.Properties["next_cursor"] != nil: // a list has no name
		inner := docsTypeOf(s.Properties["data"])
		return docsType{"data: " + inner.Before, inner.Link, inner.After + "; next_cursor"}
	}
	return docsType{Before: name}
}
