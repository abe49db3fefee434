package dashboard

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/explain"
)

const (
	maxHits    = 50
	maxHistory = 100 // changes of one memory on its page
)

type memoriesView struct {
	Box      string
	Filtered string
	Rows     []memoryRow
	Pager    pager
	Search   bool // the rows are what a search found, best first
	Cut      bool // the page ended before it was full
}

// A memoryRow is a memory in a list.
type memoryRow struct {
	Page       string
	Text       text
	Scope      []pair
	Categories []text
	At         moment
}

// memoryKeys are the fields by which memories can be narrowed.
var memoryKeys = map[string]memory.Field{
	"user": memory.FieldUser, "agent": memory.FieldAgent, "app": memory.FieldApp, "run": memory.FieldRun, "category": memory.FieldCategories,
}

func (d *Dashboard) memories(v visit) (reply, error) {
	f, err := filterOf(root+"memories", v.QueryParams())
	if err != nil {
		return reply{}, err
	}
	q := memory.Query{ProjectID: v.project(), Limit: f.limit}
	err = f.terms.EachKey([]string{"user", "agent", "app", "run", "category"}, func(key, value string) error {
		q.Filter = memory.And(q.Filter, memory.Filter{Cond: &memory.Condition{Field: memoryKeys[key], Op: memory.OpEqual, Text: []string{value}}})
		return nil
	})
	if err != nil {
		return reply{}, badFilter(err)
	}
	view := memoriesView{Box: f.box(), Filtered: string(line(f.terms.String()))}
	if words := f.terms.Text(); words != "" {
		return d.searchMemories(v, q, words, view)
	}
	page, err := d.memory.MemoryPage(v.ctx(), memory.MemoryList{Query: q, After: memoryPlace(f.after), Before: memoryPlace(f.before)})
	if err != nil {
		return reply{}, err
	}
	for _, m := range page.Memories {
		view.Rows = append(view.Rows, memoryRowOf(m, v))
	}
	view.Cut, view.Pager.Newer, view.Pager.Older = page.Cut, f.toMemory("before", page.Newer), f.toMemory("after", page.Older)
	if len(page.Memories) > 0 {
		view.Pager.Showing = explain.Count(len(page.Memories), "row") + ", newest first"
	}
	return show("memories", "Memories", view), nil
}

func memoryPlace(c *delivery.Cursor) *memory.MemoryPlace {
	if c == nil {
		return nil
	}
	p := memory.MemoryPlaceOf(*c)
	return &p
}

// toMemory is the URL of the page beside a memory, "" when there is none.
func (f filter) toMemory(name string, p *memory.MemoryPlace) string {
	if p == nil {
		return ""
	}
	c := p.Cursor()
	return f.url(name, &c)
}

func (d *Dashboard) searchMemories(v visit, q memory.Query, words string, view memoriesView) (reply, error) {
	hits, err := d.memory.Search(v.ctx(), q, words, maxHits, 0.001)
	if err != nil {
		return reply{}, err
	}
	view.Search = true
	for _, h := range hits {
		view.Rows = append(view.Rows, memoryRowOf(h.Memory, v))
	}
	if len(hits) > 0 {
		view.Pager.Showing = explain.Count(len(hits), "row") + ", best first"
	}
	return show("memories", "Memories", view), nil
}

func memoryRowOf(m memory.Memory, v visit) memoryRow {
	row := memoryRow{Page: memoryPath(m.ID), Text: block(clipText(m.Text, 400)), Scope: scopeOf(m.Scope), At: momentOf(m.UpdatedAt, v.now)}
	for _, c := range m.Categories {
		row.Categories = append(row.Categories, line(c))
	}
	return row
}

// clipText cuts a text to about n bytes.
func clipText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

type memoryView struct {
	ID       string
	Text     text
	Deleted  bool
	Erasure  string // the page of the one that erased it, "" when none did
	Erase    string // the page that erases it, "" for a key that may only read
	Scope    []pair
	Facts    []pair
	Metadata bodyView
	History  []historyView
	More     int // changes that are not shown
}

// A historyView is a change of the memory, and who was told of it.
type historyView struct {
	changeView
	At    moment
	Event string
	Told  []deliveryLine
}

func (d *Dashboard) memoryPage(v visit) (reply, error) {
	id, err := delivery.ParseID("", v.Param("memory"))
	if err != nil {
		return reply{}, errNotFound
	}
	changes, err := d.memory.History(v.ctx(), v.project(), id)
	if err != nil {
		return reply{}, err
	}
	view, err := d.memoryViewOf(v, id, changes)
	r := show("memory", "Memory "+shortID(id), view)
	r.live = watch(v, "memory", url.Values{"id": {view.ID}})
	return r, err
}

// memoryViewOf shows a memory with its changes.
func (d *Dashboard) memoryViewOf(v visit, id uuid.UUID, changes []memory.Change) (memoryView, error) {
	if len(changes) == 0 {
		return memoryView{}, errNotFound
	}
	m, err := d.memory.Memory(v.ctx(), v.project(), id)
	deleted := failureOf(err) == errNotFound
	if err != nil && !deleted {
		return memoryView{}, err
	}
	if deleted {
		m = changes[len(changes)-1].Memory
	}
	view := memoryView{ID: id.String(), Text: block(m.Text), Deleted: deleted, Scope: scopeOf(m.Scope), Facts: factsOf(m, v), Metadata: bodyOf(m.Metadata)}
	switch x, err := d.memory.ErasureOf(v.ctx(), v.project(), id); {
	case err == nil:
		view.Erasure = erasurePath(x.ID)
	case failureOf(err) != errNotFound:
		return view, err
	case v.mayWrite():
		view.Erase = memoryPath(id) + "/erase"
	}
	view.More = max(0, len(changes)-maxHistory)
	for _, c := range slices.Backward(changes[view.More:]) {
		h, err := d.historyOf(v, c)
		if err != nil {
			return view, err
		}
		view.History = append(view.History, h)
	}
	return view, nil
}

func factsOf(m memory.Memory, v visit) []pair {
	list := []pair{{"Made", text(momentOf(m.CreatedAt, v.now).Exact)}, {"Changed", text(momentOf(m.UpdatedAt, v.now).Exact)}}
	if len(m.Categories) > 0 {
		list = append(list, pair{"Categories", line(strings.Join(m.Categories, ", "))})
	}
	if m.Subject != "" {
		list = append(list, pair{"Subject", line(m.Subject)})
	}
	if m.ExpirationDate != "" {
		list = append(list, pair{"Expires", line(m.ExpirationDate)})
	}
	if m.Immutable {
		list = append(list, pair{"Immutable", "yes: the engine never changes it"})
	}
	if m.State != "" && m.State != memory.Active {
		list = append(list, pair{"State", line(string(m.State))})
	}
	if m.ReplacedBy != uuid.Nil {
		list = append(list, pair{"Replaced by", text(m.ReplacedBy.String())})
	}
	return list
}

// historyOf returns a change with the deliveries of its message.
func (d *Dashboard) historyOf(v visit, c memory.Change) (historyView, error) {
	h := historyView{changeView: changeOf(c), At: momentOf(c.At, v.now), Event: eventPath(c.EventID)}
	trails, err := d.delivery.TrailsByEvent(v.ctx(), v.project(), c.EventID)
	if err != nil {
		return h, err
	}
	messages, err := d.delivery.Messages(v.ctx(), v.project(), c.EventID, uuid.Nil, delivery.MaxPage)
	if err != nil {
		return h, err
	}
	about := map[uuid.UUID]bool{}
	for _, m := range messages {
		about[m.ID] = m.MemoryID == c.Memory.ID
	}
	for _, t := range trails {
		if about[t.Delivery.MessageID] {
			h.Told = append(h.Told, deliveryLineOf(t, h.Event, nil, v.now))
		}
	}
	return h, nil
}
