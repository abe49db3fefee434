package dashboard

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strings"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed static/*
var staticFS embed.FS

// A file is one that browsers may keep for ever: its name has its hash.
type file struct {
	contentType string
	body        []byte
}

var contentTypes = map[string]string{".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}

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
		files[hashedName(e.Name(), body)] = file{contentTypes[path.Ext(e.Name())], body}
	}
	return files
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

// parsePages returns the template of each page, with the layout around it.
func parsePages() map[string]*template.Template {
	shared := template.Must(template.New("layout.html").Option("missingkey=error").Funcs(template.FuncMap{
		"asset": assetURL,
	}).ParseFS(templateFiles, "templates/layout.html", "templates/parts.html"))
	pages := map[string]*template.Template{}
	entries, err := templateFiles.ReadDir("templates")
	if err != nil {
		panic(err)
	}
	for _, e := range entries {
		if e.Name() == "layout.html" || e.Name() == "parts.html" {
			continue
		}
		page := template.Must(template.Must(shared.Clone()).ParseFS(templateFiles, "templates/"+e.Name()))
		pages[strings.TrimSuffix(e.Name(), ".html")] = page
	}
	return pages
}

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
	AsOf     moment
	View     any
}

// sections says to which entry of the navigation a page belongs.
var sections = map[string]string{
	"overview": "overview", "events": "events", "event": "events", "endpoints": "endpoints",
	"endpoint": "endpoints", "new": "endpoints", "secret": "endpoints", "delete": "endpoints",
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
		return v.Blob(status, r.file.contentType, r.file.body)
	}
	f := frame{
		Title: r.title, Section: sections[r.page], View: r.view, SignedIn: v.signedIn(), AsOf: momentOf(v.now, v.now),
	}
	if v.signedIn() {
		f.ReadOnly, f.KeyHint, f.Project = !v.mayWrite(), line(v.key.Hint), line(v.key.ProjectID)
		if p, err := d.memory.Project(v.ctx(), v.key.ProjectID); err == nil && p.Name != "" {
			f.Project = line(p.Name) // an error page is shown without it too
		}
	}
	var page bytes.Buffer
	if err := d.pages[r.page].Execute(&page, f); err != nil {
		return fmt.Errorf("page %s: %w", r.page, err)
	}
	return v.HTMLBlob(status, page.Bytes())
}
