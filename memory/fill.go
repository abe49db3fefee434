package memory

import (
	"bytes"
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

const (
	// maxFillDepth is how deep objects of a schema are filled.
	maxFillDepth = 16
	// maxFilled is how many items one array gets at most.
	maxFilled = 1000
	// maxWork is how often a property is compared with a memory.
	maxWork = 2_000_000
)

// Fill makes an object of the form of a JSON Schema out of what memories say. No
// model is asked: what fits is decided by words, and no sentence is worded anew.
//
//   - A property is about the words of its name, its title and its description. The
//     memories that share one in their text, their categories or their subject fit
//     it, those that share more first, then the newest. Properties called memories,
//     facts or notes are about all memories.
//   - A string is the text of the memory that fits best; with an enum, the value that
//     a fitting memory, or else any memory, names.
//   - An array has one item for each memory that fits. Of objects, each is filled
//     from its memory alone.
//   - A number is the first one in the memories that fit. A boolean is true when a
//     memory fits, and false when that memory says not, never or no.
//   - Where nothing fits a value is null and an array is empty.
//
// A schema without properties gives {"memories": [...]} with all texts.
// *InvalidError when the schema is none.
func Fill(raw json.RawMessage, list []Memory) (json.RawMessage, error) {
	var s schema
	if err := json.Unmarshal(raw, &s); err != nil || len(bytes.TrimSpace(raw)) == 0 || bytes.TrimSpace(raw)[0] != '{' {
		return nil, &InvalidError{Field: "schema", Text: "must be a JSON Schema object"}
	}
	f := filler{root: s}
	for _, m := range list {
		f.all = append(f.all, filled{m, f.words(m.Text + " " + strings.Join(m.Categories, " ") + " " + m.Subject)})
	}
	s = f.resolved(s)
	if len(s.Properties.names) == 0 {
		s = schema{Properties: properties{names: []string{"memories"}, schemas: map[string]schema{"memories": {Type: `"array"`}}}}
	}
	out, err := json.Marshal(f.object(s, f.all, 0))
	if err == nil && f.work > maxWork {
		err = &InvalidError{Field: "schema", Text: "has too many properties for so many memories"}
	}
	return out, err
}

// A schema is what Fill reads of a JSON Schema.
type schema struct {
	Type        rawText           `json:"type"` // a string or an array of strings
	Title       string            `json:"title"`
	Description string            `json:"description"`
	Properties  properties        `json:"properties"`
	Items       *schema           `json:"items"`
	Enum        []json.RawMessage `json:"enum"`
	AnyOf       []schema          `json:"anyOf"`
	OneOf       []schema          `json:"oneOf"`
	AllOf       []schema          `json:"allOf"`
	Ref         string            `json:"$ref"`
	Defs        map[string]schema `json:"$defs"`
	Definitions map[string]schema `json:"definitions"`
}

// rawText is JSON that is looked into as text.
type rawText string

func (r *rawText) UnmarshalJSON(raw []byte) error {
	*r = rawText(raw)
	return nil
}

// properties keep the order in which they stand.
type properties struct {
	names   []string
	schemas map[string]schema
}

func (p *properties) UnmarshalJSON(raw []byte) error {
	if err := json.Unmarshal(raw, &p.schemas); err != nil {
		return err
	}
	p.names = nil
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil || p.schemas == nil {
		return err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		var skip json.RawMessage
		if err := dec.Decode(&skip); err != nil {
			return err
		}
		if text := name.(string); !slices.Contains(p.names, text) {
			p.names = append(p.names, text)
		}
	}
	return nil
}

// A filler fills one schema.
type filler struct {
	root   schema
	all    []filled
	reader wordReader
	work   int
}

// A filled memory has its words.
type filled struct {
	Memory
	words map[string]bool
}

func (f *filler) words(text string) map[string]bool {
	words := map[string]bool{}
	f.reader.each(text, func(word []byte) {
		if !stopWords[string(word)] && !schemaWords[string(word)] {
			words[string(stem(word))] = true
		}
	})
	return words
}

// schemaWords say little about what a property is for.
var schemaWords = func() map[string]bool {
	words := map[string]bool{}
	for w := range strings.FieldsSeq(`list lists string strings text value values array object information info detail details
		field data item items person people customer general current main key such like e g etc including mentioned full true
		false null none optional required other each one two extracted relevant overall`) {
		words[w] = true
	}
	return words
}()

// wholesale are the names of properties that are about all memories.
var wholesale = map[string]bool{"memory": true, "fact": true, "note": true}

// resolved follows references, and of alternatives takes the first that is not null.
func (f *filler) resolved(s schema) schema {
	for range maxFillDepth {
		var next *schema
		switch {
		case s.Ref != "":
			_, name, _ := strings.Cut(strings.TrimPrefix(s.Ref, "#/"), "/")
			if d, ok := f.root.Defs[name]; ok {
				next = &d
			} else if d, ok := f.root.Definitions[name]; ok {
				next = &d
			}
		case s.Type == "" && len(s.Properties.names) == 0:
			for _, o := range slices.Concat(s.AnyOf, s.OneOf, s.AllOf) {
				if o.Type != `"null"` {
					next = &o
					break
				}
			}
		}
		if next == nil {
			return s
		}
		next.Title, next.Description = s.Title+" "+next.Title, s.Description+" "+next.Description
		s = *next
	}
	return s
}

// member is one member of an object that keeps its order.
type member struct {
	name  string
	value any
}

type ordered []member

func (o ordered) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			out.WriteByte(',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		out.Write(name)
		out.WriteByte(':')
		out.Write(value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

func (f *filler) object(s schema, from []filled, depth int) ordered {
	out := ordered{}
	for _, name := range s.Properties.names {
		if f.work += 1 + len(from); f.work > maxWork {
			break
		}
		out = append(out, member{name, f.value(name, s.Properties.schemas[name], from, depth+1)})
	}
	return out
}

func (f *filler) value(name string, s schema, from []filled, depth int) any {
	s = f.resolved(s)
	if depth > maxFillDepth {
		return nil
	}
	fit := f.fitting(name, s, from)
	is := func(kind string) bool { return strings.Contains(string(s.Type), `"`+kind+`"`) }
	switch {
	case len(s.Enum) > 0:
		return f.choice(s.Enum, fit, from)
	case is("array"):
		return f.array(s, fit, depth)
	case is("object") || len(s.Properties.names) > 0:
		return f.object(s, from, depth)
	case is("integer"), is("number"):
		return number(fit, is("number"))
	case is("boolean") && len(fit) > 0:
		return !denies(fit[0].Text)
	case is("boolean"), len(fit) == 0:
		return nil
	}
	return fit[0].Text
}

// fitting returns the memories that a property is about, best first.
func (f *filler) fitting(name string, s schema, from []filled) []filled {
	names := f.words(splitName(name))
	about := f.words(s.Title + " " + s.Description)
	type scored struct {
		filled
		score int
	}
	var list []scored
	for _, m := range from {
		score := 0
		for w := range m.words {
			switch {
			case names[w]:
				score += 3 // the name says it best
			case about[w]:
				score++
			}
		}
		for w := range names {
			if wholesale[w] {
				score++
			}
		}
		if score > 0 {
			list = append(list, scored{m, score})
		}
	}
	slices.SortStableFunc(list, func(a, b scored) int {
		return cmp.Or(cmp.Compare(b.score, a.score), b.CreatedAt.Compare(a.CreatedAt))
	})
	fit := make([]filled, len(list))
	for i, m := range list {
		fit[i] = m.filled
	}
	return fit
}

// splitName puts spaces into favoriteFoods and favorite_foods.
func splitName(name string) string {
	return camel.ReplaceAllString(strings.ReplaceAll(name, "_", " "), "$1 $2")
}

var camel = regexp.MustCompile(`(\p{Ll})(\p{Lu})`)

func (f *filler) array(s schema, fit []filled, depth int) any {
	items := []any{}
	var item schema
	if s.Items != nil {
		item = f.resolved(*s.Items)
	}
	for _, m := range fit[:min(maxFilled, len(fit))] {
		var v any = m.Text
		switch {
		case len(item.Enum) > 0:
			v = f.choice(item.Enum, []filled{m}, nil)
		case len(item.Properties.names) > 0:
			v = f.object(item, []filled{m}, depth+1)
		case strings.Contains(string(item.Type), "integer"), strings.Contains(string(item.Type), "number"):
			v = number([]filled{m}, strings.Contains(string(item.Type), "number"))
		}
		if v != nil {
			items = append(items, v)
		}
	}
	return items
}

// choice is the first value whose words a memory has all.
func (f *filler) choice(values []json.RawMessage, lists ...[]filled) any {
	for _, list := range lists {
		for _, m := range list {
			for _, v := range values {
				var text string
				if json.Unmarshal(v, &text) != nil {
					continue
				}
				words := f.words(splitName(text))
				if len(words) > 0 && !slices.ContainsFunc(sortedKeys(words), func(w string) bool { return !m.words[w] }) {
					return v
				}
			}
		}
	}
	return nil
}

var (
	aNumber  = regexp.MustCompile(`\d+(?:,\d{3})*(?:\.\d+)?`)
	aDenial  = regexp.MustCompile(`(?i)\b(no|not|never|without)\b|n['’]t\b`)
	grouping = strings.NewReplacer(",", "")
)

// number is the first number in the memories, nil when there is none.
func number(list []filled, fraction bool) any {
	for _, m := range list {
		if n := grouping.Replace(aNumber.FindString(m.Text)); n != "" {
			whole, _, _ := strings.Cut(n, ".")
			if !fraction {
				n = whole
			}
			if n = strings.TrimLeft(n, "0"); n == "" || n[0] == '.' {
				n = "0" + n
			}
			if json.Valid([]byte(n)) {
				return json.Number(n)
			}
		}
	}
	return nil
}

func denies(text string) bool { return aDenial.MatchString(text) }
