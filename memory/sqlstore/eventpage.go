package sqlstore

import (
	"cmp"
	"context"
	"slices"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
)

// eventList chooses the index a list of events is answered by.
func eventList(q memory.EventList) *listSQL {
	l := &listSQL{to: last}
	l.scope(q.ProjectID, q.UserID, q.AgentID, q.RunID)
	l.more = l.events
	switch {
	case q.Status == memory.EventFailed && l.index == nil:
		l.partial = `e.status = 'FAILED'`
	case q.Status != "":
		l.check(`status = %s`, string(q.Status))
	}
	if l.index == nil {
		l.through(key{`e.project_id`, q.ProjectID})
	}
	if q.Kind != "" {
		l.check(`kind = %s`, string(q.Kind))
	}
	l.span(q.Since, q.Until)
	return l
}

// EventPage returns a page of events, newest first.
func (db *DB) EventPage(ctx context.Context, q memory.EventList) (memory.EventPage, error) {
	q.Limit = min(cmp.Or(q.Limit, delivery.DefaultPage), delivery.MaxPage)
	l := eventList(q)
	back := q.Before != uuid.Nil && q.After == uuid.Nil
	switch {
	case back:
		l.narrow(next(q.Before, 1), last)
	case q.After != uuid.Nil:
		l.narrow(uuid.Nil, next(q.After, -1))
	}
	looked := q.Limit + 1
	switch {
	case q.Text != "":
		looked = textWindow
	case len(l.more) > 0:
		looked = listWindow
	}
	ids, err := db.firstIDs(ctx, l, back, looked)
	if err != nil {
		return memory.EventPage{}, err
	}
	list, err := db.matchingEvents(ctx, l, q, back, ids)
	if err != nil {
		return memory.EventPage{}, err
	}
	var end uuid.UUID
	if len(ids) == looked {
		end = ids[looked-1]
	}
	return eventPage(list, q, back, end), nil
}

// matchingEvents returns those of the events that match, up to one more than the page
// has.
func (db *DB) matchingEvents(ctx context.Context, l *listSQL, q memory.EventList, back bool, looked []uuid.UUID) ([]memory.Event, error) {
	var list []memory.Event
	needle := newNeedle(q.Text)
	size := chunkRows
	if q.Text != "" {
		size = chunkBodies
	}
	err := chunks(looked, size, func(ids []uuid.UUID) error {
		var args arguments
		text := `SELECT ` + eventColumns + ` FROM events WHERE ` + db.among(&args, `id`, ids)
		if len(l.more) > 0 {
			text += ` AND ` + args.all(l.more)
		}
		return db.queryOnce(ctx, text+` ORDER BY id`+direction(back), args, func(row scanner) error {
			var e memory.Event
			if err := scanEvent(row, &e); err != nil {
				return err
			}
			if q.Text != "" && !needle.in(e.Payload) && !needle.in([]byte(e.Error)) {
				return nil
			}
			if list = append(list, e); len(list) > q.Limit {
				return errEnough
			}
			return nil
		})
	})
	return list, err
}

func eventPage(list []memory.Event, q memory.EventList, back bool, end uuid.UUID) memory.EventPage {
	on := end
	p := memory.EventPage{Cut: end != uuid.Nil}
	if len(list) > q.Limit {
		list, p.Cut = list[:q.Limit], false
		on = list[q.Limit-1].ID
	}
	if back {
		slices.Reverse(list)
	}
	p.Events = list
	switch {
	case back:
		p.Newer, p.Older = on, q.Before
		if len(list) > 0 {
			p.Older = list[len(list)-1].ID
		}
	case q.After != uuid.Nil:
		p.Older = on
		if len(list) > 0 {
			p.Newer = list[0].ID
		}
	default:
		p.Older = on
	}
	return p
}
