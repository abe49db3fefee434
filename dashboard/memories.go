package dashboard

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/explain"
)

const (
	memoriesPerPage = 50
	// maxMemories is how far back the list goes; a search finds the others.
	maxMemories = 10_000
	maxHits     = 50
	maxHistory  = 100 // changes of one memory on its page
)

type memoriesView struct {
	Box      string
	Filtered string
	Rows     []memoryRow
	Pager    pager
	Search   bool // the rows are what a search found, best first
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
	f, err := filterOf(root+"memories", withoutSkip(v.QueryParams()))
	if err != nil {
		return reply{}, err
	}
	q := memory.Query{ProjectID: v.project(), Limit: memoriesPerPage}
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
	skip, err := skipOf(v.QueryParam("skip"))
	if err != nil {
		return reply{}, err
	}
	q.Offset = skip
	list, total, err := d.memory.Memories(v.ctx(), q)
	if err != nil {
		return reply{}, err
	}
	for _, m := range list {
		view.Rows = append(view.Rows, memoryRowOf(m, v))
	}
	if skip > 0 {
		view.Pager.Newer = skipTo(f, max(0, skip-memoriesPerPage))
	}
	if skip+len(list) < total && skip+memoriesPerPage <= maxMemories {
		view.Pager.Older = skipTo(f, skip+memoriesPerPage)
	}
	if len(list) > 0 {
		view.Pager.Showing = fmt.Sprintf("%s to %s of %s, newest first", thousands(skip+1), thousands(skip+len(list)), thousands(total))
	}
	return show("memories", "Memories", view), nil
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

func withoutSkip(q url.Values) url.Values {
	rest := url.Values{}
	for name, values := range q {
		if name != "skip" {
			rest[name] = values
		}
	}
	return rest
}

func skipOf(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > maxMemories {
		return 0, &failure{http.StatusBadRequest, "Unknown page", "The address does not name a page of the list. Go back to the newest memories."}
	}
	return n, nil
}

func skipTo(f filter, n int) string {
	to := f.url("", nil)
	if n == 0 {
		return to
	}
	join := "?"
	if strings.Contains(to, "?") {
		join = "&"
	}
	return to + join + "skip=" + strconv.Itoa(n)
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
