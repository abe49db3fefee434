package sqlstore

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
)

const memoriesWhere = ` FROM memories m WHERE `

// memoryPart chooses the index a list of memories is answered by: that of an entity
// all of them have, or else that of the project.
func memoryPart(q memory.Query) (part indexPart, partial string) {
	keys := []key{{`m.project_id`, q.ProjectID}}
	if field, name := entityIn(q.Filter); field != "" {
		keys, partial = append(keys, key{`m.` + string(field), name}), `m.`+string(field)+` IS NOT NULL`
	}
	return indexPart{
		keys: keys, order: []string{`m.created_at`, `m.id`},
		from: []any{int64(math.MinInt64), blob(uuid.Nil)}, to: []any{int64(math.MaxInt64), blob(last)},
	}, partial
}

// entityIn returns an entity that whatever matches the filter has, "" if there is none.
func entityIn(f memory.Filter) (field memory.Field, name string) {
	if c := f.Cond; c != nil && c.Op == memory.OpEqual && !c.Null && len(c.Text) == 1 && slices.Contains(entityFields, c.Field) {
		return c.Field, c.Text[0]
	}
	for _, g := range f.All {
		if field, name = entityIn(g); field != "" {
			break
		}
	}
	return field, name
}

// MemoryPage returns a page of memories, newest first.
func (db *DB) MemoryPage(ctx context.Context, l memory.MemoryList) (memory.MemoryPage, error) {
	l.Limit = min(cmp.Or(l.Limit, delivery.DefaultPage), delivery.MaxPage)
	part, partial := memoryPart(l.Query)
	back := l.Before != nil && l.After == nil
	var place *memory.MemoryPlace // of the last row looked at
	if place = l.After; back {
		place = l.Before
	}
	var list []memory.Memory
	chunk := l.Limit + 1
	for looked := 0; looked < listWindow && len(list) <= l.Limit; looked, chunk = looked+chunk, chunkRows {
		if place != nil {
			part.begin(*place, back)
		}
		places, err := db.memoryPlaces(ctx, part, partial, back, chunk)
		if err == nil && len(places) > 0 {
			place = &places[len(places)-1]
			list, err = db.matchingMemories(ctx, l, back, places, list)
		}
		if err != nil {
			return memory.MemoryPage{}, err
		}
		if len(places) < chunk {
			place = nil
			break
		}
	}
	return memoryPage(list, l, back, place), nil
}

// begin makes the part begin after a place.
func (p *indexPart) begin(at memory.MemoryPlace, back bool) {
	if back {
		p.from = []any{micros(at.CreatedAt), blob(next(at.ID, 1))}
		return
	}
	p.to = []any{micros(at.CreatedAt), blob(next(at.ID, -1))}
}

func (db *DB) memoryPlaces(ctx context.Context, part indexPart, partial string, back bool, limit int) ([]memory.MemoryPlace, error) {
	var list []memory.MemoryPlace
	var args arguments
	text := db.ids(part, partial, &args, memoriesWhere, back, limit)
	err := db.ordered(ctx, text, args, func(row scanner) error {
		var p memory.MemoryPlace
		err := row.Scan(timeColumn{&p.CreatedAt}, &p.ID)
		list = append(list, p)
		return err
	})
	return list, err
}

// matchingMemories appends those of the memories that match to a list.
func (db *DB) matchingMemories(ctx context.Context, l memory.MemoryList, back bool, places []memory.MemoryPlace, list []memory.Memory) ([]memory.Memory, error) {
	where, args, exact := selection(l.Query)
	ids := make([]uuid.UUID, len(places))
	for i, p := range places {
		ids[i] = p.ID
	}
	values := arguments(args)
	// The limit keeps the conditions apart: SQLite would take the index of one of them
	// instead of the IDs, and read all of it.
	text := `SELECT ` + memoryColumns + ` FROM (SELECT ` + memoryColumns + ` FROM memories WHERE ` + db.among(&values, `id`, ids) +
		` LIMIT ` + strconv.Itoa(len(ids)) + `) m WHERE ` + where + ` ORDER BY created_at` + direction(back) + `, id` + direction(back)
	err := db.queryOnce(ctx, text, values, func(row scanner) error {
		var m memory.Memory
		if err := scanMemory(row, &m); err != nil || !exact && !l.Filter.Match(m) {
			return err
		}
		list = append(list, m)
		return nil
	})
	return list, err
}

// memoryPage cuts the rows to the page. end is where the search stopped, nil if it has
// looked at all.
func memoryPage(list []memory.Memory, l memory.MemoryList, back bool, end *memory.MemoryPlace) memory.MemoryPage {
	p := memory.MemoryPage{Cut: end != nil}
	on := end
	if len(list) > l.Limit {
		list, p.Cut = list[:l.Limit], false
		on = placeOf(list[l.Limit-1])
	}
	if back {
		slices.Reverse(list)
	}
	p.Memories = list
	switch {
	case back:
		p.Newer, p.Older = on, l.Before
		if len(list) > 0 {
			p.Older = placeOf(list[len(list)-1])
		}
	case l.After != nil:
		p.Older = on
		if len(list) > 0 {
			p.Newer = placeOf(list[0])
		}
	default:
		p.Older = on
	}
	return p
}

func placeOf(m memory.Memory) *memory.MemoryPlace {
	return &memory.MemoryPlace{CreatedAt: m.CreatedAt, ID: m.ID}
}
