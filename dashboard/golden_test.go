package dashboard

import (
	"flag"
	"html/template"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var updateGolden = flag.Bool("update", false, "rewrite the golden files in testdata/golden")

// Every template is executed with a full view and with an empty one, and what it
// makes is held against testdata/golden. A full view has in each field the field's
// own name, and of each list a full and a bare element, so that the golden file shows
// where everything goes and a new field is in it by itself.
func TestGolden(t *testing.T) {
	pages, empty := goldenPages(), emptyViews()
	for name, page := range pages {
		if name == "fragments" {
			continue
		}
		view, ok := empty[name]
		if !ok {
			t.Errorf("the page %s has no empty view in emptyViews", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			golden(t, name, execute(t, page, "main", full(view)), execute(t, page, "main", view))
		})
	}
	t.Run("layout", func(t *testing.T) {
		f := filled(reflect.TypeFor[frame](), "").Interface().(frame)
		f.Theme, f.View = "dark", errorView{}
		golden(t, "layout", execute(t, pages["error"], "layout.html", f), execute(t, pages["error"], "layout.html", frame{View: errorView{}}))
	})
}

// What a stream sends goes to elements that the page has.
func TestSwapsHaveTheirTargets(t *testing.T) {
	pages, empty := goldenPages(), emptyViews()
	rows := map[string]string{"swapDelivery": "deliveries", "swapEvent": "events"}
	of := map[string]string{
		"swapEventPage": "event", "swapDeliveryPage": "delivery", "swapReplay": "replay", "swapOverview": "overview", "swapEndpoints": "endpoints",
		"swapEndpointVerdict": "endpoint", "swapEndpointProbe": "endpoint", "swapEndpointActions": "endpoint", "swapEndpointNumbers": "endpoint",
		"swapEndpointFacts": "endpoint", "swapMemory": "memory", "swapErasure": "erasure", "swapSystem": "system", "swapAudit": "system",
	}
	for _, tmpl := range pages["fragments"].Templates() {
		name := tmpl.Name()
		if !strings.HasPrefix(name, "swap") {
			continue
		}
		page := of[name]
		if page == "" {
			page = rows[name]
		}
		view := full(empty[page])
		html := execute(t, pages[page], "main", view)
		if rows[name] != "" {
			view = reflect.ValueOf(view).FieldByName("Rows").Index(0).Interface()
		}
		targets := regexp.MustCompile(`hx-target="#([^"]+)"`).FindAllStringSubmatch(execute(t, pages["fragments"], name, view), -1)
		if len(targets) == 0 {
			t.Errorf("%s goes nowhere", name)
		}
		for _, m := range targets {
			if !strings.Contains(html, `id="`+m[1]+`"`) {
				t.Errorf("%s goes to #%s, which the page %s has not", name, m[1], page)
			}
		}
	}
}

// goldenPages are the pages without what differs from run to run: the tokens of
// forms and the hashes in the names of files.
func goldenPages() map[string]*template.Template {
	pages := parsePages()
	for _, p := range pages {
		p.Funcs(template.FuncMap{
			"token": func() string { return "token" },
			"asset": func(name string) string { return root + "static/" + name },
		})
	}
	return pages
}

func execute(t *testing.T, page *template.Template, name string, view any) string {
	t.Helper()
	var b strings.Builder
	if err := page.ExecuteTemplate(&b, name, view); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String()) + "\n"
}

// golden compares what a template makes with its file.
func golden(t *testing.T, name, full, empty string) {
	t.Helper()
	got := "<!-- full -->\n" + full + "\n<!-- empty -->\n" + empty
	path := filepath.Join("testdata", "golden", name+".html")
	if *updateGolden {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; -update writes it", err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s is another one; -update rewrites it (-want +got):\n%s", path, diff)
	}
}

// full returns a view of the type of an empty one with something in every field.
func full(empty any) any { return filled(reflect.TypeOf(empty), "").Interface() }

// filled returns a value of the type for a field with the name.
func filled(typ reflect.Type, name string) reflect.Value {
	v := reflect.New(typ).Elem()
	switch typ {
	case reflect.TypeFor[moment]():
		return reflect.ValueOf(momentOf(noon, noon.Add(90_000_000_000)))
	case reflect.TypeFor[tone]():
		return reflect.ValueOf(warn)
	case reflect.TypeFor[map[string]string]():
		m := map[string]string{}
		for _, field := range formFields {
			m[field] = "What is wrong with " + field
		}
		return reflect.ValueOf(m)
	}
	switch typ.Kind() {
	case reflect.String:
		v.SetString(name)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(3)
	case reflect.Pointer:
		v.Set(reflect.New(typ.Elem()))
		v.Elem().Set(filled(typ.Elem(), name))
	case reflect.Slice:
		v.Set(reflect.Append(v, filled(typ.Elem(), name), reflect.Zero(typ.Elem())))
	case reflect.Struct:
		for i := range typ.NumField() {
			if f := typ.Field(i); f.IsExported() || f.Anonymous {
				if set := v.Field(i); set.CanSet() {
					set.Set(filled(f.Type, f.Name))
				} else {
					fillEmbedded(set)
				}
			}
		}
	}
	return v
}

// fillEmbedded fills the fields of an embedded struct whose type is not exported.
func fillEmbedded(v reflect.Value) {
	for i := range v.NumField() {
		switch f := v.Type().Field(i); {
		case f.IsExported():
			v.Field(i).Set(filled(f.Type, f.Name))
		case f.Anonymous:
			fillEmbedded(v.Field(i))
		}
	}
}
