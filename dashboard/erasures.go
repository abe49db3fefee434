package dashboard

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/explain"
)

const (
	erasuresPerPage = 50
	// maxReceivers is how many lines of the ledger the page of an erasure has. Its
	// receipt has all.
	maxReceivers = 200
)

func erasurePath(id uuid.UUID) string {
	return root + "erasures/" + delivery.FormatID(memory.ErasurePrefix, id)
}

// An eraseView says what the erasure of a memory would take.
type eraseView struct {
	Page   string
	Text   text
	Counts []pair
	Told   string
}

// confirmErase shows what is stored of a memory before the button that erases it.
func (d *Dashboard) confirmErase(v visit) (reply, error) {
	id, err := delivery.ParseID("", v.Param("memory"))
	if err != nil {
		return reply{}, errNotFound
	}
	if x, err := d.memory.ErasureOf(v.ctx(), v.project(), id); err == nil {
		return goTo(erasurePath(x.ID)), nil
	}
	p, err := d.memory.PreviewErasure(v.ctx(), v.project(), id)
	if err != nil {
		return reply{}, err
	}
	m, err := d.memory.Memory(v.ctx(), v.project(), id)
	if err != nil && !errors.Is(err, memory.ErrNotFound) {
		return reply{}, err
	}
	view := eraseView{Page: memoryPath(id), Text: block(clipText(m.Text, 400)), Counts: erasureCounts(p.Counts, false), Told: explain.Count(p.Endpoints, "endpoint")}
	return show("erase", "Erase memory "+shortID(id)+"?", view), nil
}

// erasureCounts are what an erasure takes, or took.
func erasureCounts(c memory.ErasureCounts, done bool) []pair {
	waiting := text("Waiting deliveries")
	if done {
		waiting = "Canceled deliveries"
	}
	list := []pair{
		{"Changes", text(thousands(c.Changes))},
		{"Messages", text(thousands(c.Messages))},
		{waiting, text(thousands(c.Deliveries))},
		{"Responses", text(thousands(c.Attempts))},
		{"Requests", text(thousands(c.Events))},
	}
	if done {
		list = append([]pair{{"Memories", text(thousands(c.Memories))}}, append(list, pair{"Kept answers", text(thousands(c.Answers))})...)
	}
	return list
}

func (d *Dashboard) erase(v visit) (reply, error) {
	id, err := delivery.ParseID("", v.Param("memory"))
	if err != nil {
		return reply{}, errNotFound
	}
	x, err := d.memory.Erase(v.ctx(), v.project(), id, "key ••••"+v.key.Hint)
	if err != nil {
		return reply{}, err
	}
	d.note(v, "erasure.create", delivery.FormatID(memory.ErasurePrefix, x.ID), id.String())
	return goTo(erasurePath(x.ID)), nil
}

type erasuresView struct {
	Rows  []erasureRow
	Older string
}

// An erasureRow is an erasure.
type erasureRow struct {
	ID    string
	Page  string
	Badge badge
	What  text
	By    text
	At    moment
}

func erasureRowOf(x memory.Erasure, now time.Time) erasureRow {
	row := erasureRow{
		ID: delivery.FormatID(memory.ErasurePrefix, x.ID), Page: erasurePath(x.ID), Badge: badge{"⇢", "Running", info},
		What: text(explain.Count(x.Counts.Memories, "memory")), By: line(x.By), At: momentOf(x.CreatedAt, now),
	}
	if x.Whole {
		row.What = "Everything"
	}
	for _, p := range scopeOf(x.Scope) {
		row.What += " of " + p.Name + " " + p.Value
	}
	switch x.State {
	case memory.ErasureDone:
		row.Badge = badge{"✓", "Done", ok}
	case memory.ErasureFailed:
		row.Badge = badge{"✕", "Failed", bad}
	}
	return row
}

func (d *Dashboard) erasures(v visit) (reply, error) {
	after := uuid.Nil
	if s := v.QueryParam("after"); s != "" {
		c, err := delivery.ParseCursor("after", s)
		if err != nil {
			return reply{}, badFilter(err)
		}
		after = c.ID
	}
	list, err := d.memory.Erasures(v.ctx(), v.project(), after, erasuresPerPage+1)
	if err != nil {
		return reply{}, err
	}
	var view erasuresView
	if len(list) > erasuresPerPage {
		list = list[:erasuresPerPage]
		view.Older = root + "erasures?after=" + delivery.Cursor{ID: list[erasuresPerPage-1].ID}.String()
	}
	for _, x := range list {
		view.Rows = append(view.Rows, erasureRowOf(x, v.now))
	}
	return show("erasures", "Erasures", view), nil
}

type erasureView struct {
	erasureRow
	Verdict  verdict
	Facts    []pair
	Told     []receiverRow
	More     string // lines of the ledger that are not shown
	Receipt  string
	Memories []memoryLink // the first few
}

// A memoryLink leads to the page of a memory.
type memoryLink struct{ Page, ID string }

// A receiverRow is a line of the ledger.
type receiverRow struct {
	Endpoint text
	Page     string // of the delivery, "" when there is none
	Memory   string // short
	Badge    badge
	Note     text
	Sent     string
	At       *moment // of the acknowledgement
}

func (d *Dashboard) erasurePage(v visit) (reply, error) {
	id, err := delivery.ParseID(memory.ErasurePrefix, v.Param("erasure"))
	if err != nil {
		return reply{}, errNotFound
	}
	view, err := d.erasureViewOf(v, id)
	r := show("erasure", "Erasure "+shortID(id), view)
	r.live = watch(v, "erasure", url.Values{"id": {id.String()}})
	return r, err
}

func (d *Dashboard) erasureViewOf(v visit, id uuid.UUID) (erasureView, error) {
	x, err := d.memory.Erasure(v.ctx(), v.project(), id)
	if err != nil {
		return erasureView{}, err
	}
	list, err := d.memory.Receivers(v.ctx(), v.project(), id, memory.MaxReceivers)
	if err != nil {
		return erasureView{}, err
	}
	ids, err := d.memory.ErasedMemories(v.ctx(), v.project(), id, 5)
	if err != nil {
		return erasureView{}, err
	}
	view := erasureView{erasureRow: erasureRowOf(x, v.now), Receipt: erasurePath(id) + "/receipt"}
	told, acknowledged := 0, 0
	for _, r := range list {
		if r.DeliveryID != uuid.Nil && r.Status != delivery.Skipped {
			told++
		}
		if r.AcknowledgedAt != nil {
			acknowledged++
		}
		if len(view.Told) < maxReceivers {
			view.Told = append(view.Told, receiverRowOf(r, v.now))
		}
	}
	if n := len(list) - len(view.Told); n > 0 {
		view.More = thousands(n)
	}
	for _, id := range ids {
		view.Memories = append(view.Memories, memoryLink{memoryPath(id), id.String()})
	}
	view.Verdict = erasureVerdict(x, told, acknowledged, len(list)-told)
	view.Facts = append([]pair{{"Requested by", line(x.By)}, {"Requested", text(momentOf(x.CreatedAt, v.now).Exact)}}, erasureCounts(x.Counts, true)...)
	return view, nil
}

func erasureVerdict(x memory.Erasure, told, acknowledged, untold int) verdict {
	switch x.State {
	case memory.ErasureRunning:
		return verdict{Tone: info, Sentence: "The memories are gone, and their text is being taken out of all that is stored.", Next: "This goes on by itself, also after a restart."}
	case memory.ErasureFailed:
		return verdict{Tone: bad, Sentence: line("The memories could not be deleted: " + x.Error), Next: "Erase them again."}
	}
	said := verdict{Tone: ok, Sentence: text(fmt.Sprintf("The text is stored nowhere any more. %s of %s acknowledged it.", thousands(acknowledged), explain.Count(told, "delivery")))}
	switch {
	case acknowledged < told:
		said.Tone, said.Next = warn, "Open a delivery to see why it has not arrived, and send it again."
	case untold > 0:
		said.Tone, said.Next = warn, text(explain.Count(untold, "endpoint")+" had something of it and cannot be told: it does not take memory_delete, or was deleted.")
	}
	return said
}

func receiverRowOf(r memory.Receiver, now time.Time) receiverRow {
	row := receiverRow{
		Endpoint: line(r.EndpointName), Memory: shortID(r.MemoryID), Sent: explain.Count(r.Sent, "message"), At: momentOr(r.AcknowledgedAt, now),
		Badge: badge{"−", "Not told", quiet},
	}
	if r.DeliveryID != uuid.Nil {
		row.Page = deliveryPath(r.DeliveryID)
		row.Badge = deliveryBadge(delivery.Delivery{Status: r.Status, Reason: r.Reason})
	}
	switch t := (delivery.Trail{Delivery: delivery.Delivery{Reason: r.Reason}, MessageType: delivery.MemoryDelete}); {
	case r.AcknowledgedAt != nil:
	case r.DeletedAt != nil:
		row.Note = "The endpoint was deleted."
	case r.Reason != delivery.ReasonNone:
		row.Note = line(title(explain.Reason(t)))
	}
	return row
}

// receipt downloads the signed receipt of an erasure.
func (d *Dashboard) receipt(v visit) (reply, error) {
	id, err := delivery.ParseID(memory.ErasurePrefix, v.Param("erasure"))
	if err != nil {
		return reply{}, errNotFound
	}
	signed, err := d.memory.Receipt(v.ctx(), v.project(), id)
	if err != nil {
		return reply{}, err
	}
	raw, err := json.Marshal(signed)
	return reply{body: &download{delivery.FormatID(memory.ErasurePrefix, id) + ".json", raw}}, err
}

// drawErasure shows how far an erasure is, and who acknowledged it.
func (d *Dashboard) drawErasure(q url.Values) (drawer, error) {
	id, err := idParam(memory.ErasurePrefix, q)
	if err != nil {
		return nil, err
	}
	p := parts{}
	return func(v visit, _ change) (update, error) {
		view, err := d.erasureViewOf(v, id)
		if err != nil {
			return update{}, err
		}
		var b strings.Builder
		err = p.draw(d, &b, "swapErasure", view, fmt.Sprint(view.Badge, view.Verdict, view.Facts, view.Told))
		return update{Swap: b.String()}, err
	}, nil
}
