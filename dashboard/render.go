package dashboard

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed static/*.css static/*.js static/*.svg
var staticFS embed.FS

// A file is one that browsers may keep for ever: its name has its hash.
type file struct {
	contentType string
	body        []byte
	zipped      []byte
}

var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".js": "text/javascript; charset=utf-8",
}

// staticFiles returns the embedded files by their name in the URL, name-hash.ext.
func staticFiles() map[string]file {
	files := map[string]file{}
	entries, err := staticFS.ReadDir("static")
	if err != nil {
		panic(err) // embedded
	}
	for _, e := range entries {
		body, err := staticFS.ReadFile("static/" + e.Name())
		if err != nil {
			panic(err)
		}
		files[hashedName(e.Name(), body)] = file{contentTypes[path.Ext(e.Name())], body, zip(body)}
	}
	return files
}

var zippers = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

func zip(body []byte) []byte {
	var b bytes.Buffer
	w := zippers.Get().(*gzip.Writer)
	defer zippers.Put(w)
	w.Reset(&b)
	_, _ = w.Write(body) // to memory
	_ = w.Close()
	return b.Bytes()
}

func hashedName(name string, body []byte) string {
	sum := sha256.Sum256(body)
	ext := path.Ext(name)
	return strings.TrimSuffix(name, ext) + "-" + hex.EncodeToString(sum[:8]) + ext
}

// static serves an embedded file.
func (d *Dashboard) static(v visit) (reply, error) {
	f, ok := d.files[v.Param("name")]
	if !ok {
		return reply{}, errNotFound
	}
	return reply{file: &f}, nil
}

// sharedTemplates are parsed into every page.
var sharedTemplates = []string{"layout.html", "parts.html", "rows.html", "live.html", "form.html"}

// parsePages returns the template of each page, with the layout around it.
func parsePages() map[string]*template.Template {
	patterns := make([]string, len(sharedTemplates))
	for i, name := range sharedTemplates {
		patterns[i] = "templates/" + name
	}
	shared := template.Must(template.New("layout.html").Option("missingkey=error").Funcs(template.FuncMap{
		"asset": assetURL, "token": newToken, "both": pairUp, "one": func(c chip) []chip { return []chip{c} },
	}).ParseFS(templateFiles, patterns...))
	pages := map[string]*template.Template{}
	entries, err := templateFiles.ReadDir("templates")
	if err != nil {
		panic(err)
	}
	for _, e := range entries {
		if slices.Contains(sharedTemplates, e.Name()) {
			continue
		}
		page := template.Must(template.Must(shared.Clone()).ParseFS(templateFiles, "templates/"+e.Name()))
		pages[strings.TrimSuffix(e.Name(), ".html")] = page
	}
	pages["fragments"] = shared
	return pages
}

// pairUp gives a template two values.
func pairUp(a, b any) map[string]any { return map[string]any{"A": a, "B": b} }

// assetURL returns the URL of an embedded file.
func assetURL(name string) (string, error) {
	body, err := staticFS.ReadFile("static/" + name)
	if err != nil {
		return "", err
	}
	return root + "static/" + hashedName(name, body), nil
}

// A frame is what the layout shows around a page.
type frame struct {
	Title    string
	Section  string // the entry of the navigation to mark
	SignedIn bool
	ReadOnly bool
	Project  text
	KeyHint  text
	Theme    string // light, dark or "" for the system's
	Other    string // the theme that the toggle brings
	Here     string // the page's own address
	AsOf     moment
	Live     *liveView
	View     any
}

// sections says to which entry of the navigation a page belongs.
var sections = map[string]string{
	"overview": "overview", "events": "events", "event": "events", "deliveries": "deliveries", "delivery": "deliveries",
	"endpoints": "endpoints", "endpoint": "endpoints", "new": "endpoints", "edit": "endpoints", "secrets": "endpoints",
	"delete": "endpoints", "memories": "memories", "memory": "memories", "erase": "memories", "erasures": "memories", "erasure": "memories", "playground": "playground",
	"replays": "replays", "replay": "replays", "new-replay": "replays", "keys": "keys", "sources": "sources", "source": "sources", "system": "system",
}

// write sends a reply. Nothing has been sent when it returns an error of a
// template or the database.
func (d *Dashboard) write(v visit, r reply) error {
	status := r.status
	if status == 0 {
		status = http.StatusOK
	}
	switch {
	case r.to != "":
		return v.Redirect(http.StatusSeeOther, r.to)
	case r.file != nil:
		v.Response().Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		return send(v, status, r.file.contentType, r.file.body, r.file.zipped)
	case r.body != nil:
		v.Response().Header().Set(echo.HeaderContentDisposition, "attachment; filename="+strconv.Quote(r.body.name))
		return v.Blob(status, echo.MIMEOctetStream, r.body.data)
	}
	var page bytes.Buffer
	if err := d.pages[r.page].Execute(&page, d.frame(v, r)); err != nil {
		return fmt.Errorf("page %s: %w", r.page, err)
	}
	var zipped []byte
	if !r.secret { // the length of a compressed page says something about what is in it
		zipped = zip(page.Bytes())
	}
	return send(v, status, echo.MIMETextHTMLCharsetUTF8, page.Bytes(), zipped)
}

func send(v visit, status int, contentType string, body, zipped []byte) error {
	h := v.Response().Header()
	h.Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
	if zipped != nil && strings.Contains(v.Request().Header.Get(echo.HeaderAcceptEncoding), "gzip") {
		h.Set(echo.HeaderContentEncoding, "gzip")
		body = zipped
	}
	return v.Blob(status, contentType, body)
}

func (d *Dashboard) frame(v visit, r reply) frame {
	f := frame{
		Title: r.title, Section: sections[r.page], View: r.view, SignedIn: v.signedIn(), AsOf: momentOf(v.now, v.now),
		Theme: themeOf(v.Request()), Here: v.Request().URL.RequestURI(), Live: r.live,
	}
	f.Other = "dark"
	if f.Theme == "dark" {
		f.Other = "light"
	}
	if v.Request().Method != http.MethodGet {
		f.Here = parent(v.Request().URL.Path)
	}
	if !v.signedIn() {
		return f
	}
	f.ReadOnly, f.KeyHint, f.Project = !v.mayWrite(), line(v.key.Hint), line(v.project())
	if p, err := d.memory.Project(v.ctx(), v.project()); err == nil && p.Name != "" {
		f.Project = line(p.Name) // an error page is shown without it too
	}
	return f
}
