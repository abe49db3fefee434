package sqlstore

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
)

// eventPath chooses the index a list of events is answered by.
func eventPath(q memory.EventList) *listSQL {
	l := &listSQL{}
	l.through(`e.project_id = %s`, q.ProjectID)
	for _, c := range []struct{ column, value string }{{"user_id", q.UserID}, {"agent_id", q.AgentID}, {"run_id", q.RunID}} {
		if c.value != "" {
			l.through(`e.`+c.column+` = %s`, c.value)
		}
	}
	switch {
	case q.Status == "":
	case q.Status == memory.EventFailed && len(l.path) == 1:
		l.through(`e.status = 'FAILED'`)
	default:
		l.check(`e.status = %s`, string(q.Status))
	}
	if q.Kind != "" {
		l.check(`e.kind = %s`, string(q.Kind))
	}
	if !q.Since.IsZero() {
		l.through(`e.id >= %s`, blob(firstID(q.Since)))
	}
	if !q.Until.IsZero() {
		l.through(`e.id < %s`, blob(firstID(q.Until)))
	}
	return l
}

// eventIDs is the part of the query that goes through the index.
func (l *listSQL) eventIDs(args *arguments, way string, limit int) string {
	return `SELECT e.id FROM events e WHERE ` + args.all(l.path) + ` ORDER BY e.id` + way + ` LIMIT ` + strconv.Itoa(limit)
}

// EventPage returns a page of events, newest first.
func (db *DB) EventPage(ctx context.Context, q memory.EventList) (memory.EventPage, error) {
	q.Limit = min(cmp.Or(q.Limit, delivery.DefaultPage), delivery.MaxPage)
	l := eventPath(q)
	back := q.Before != uuid.Nil && q.After == uuid.Nil
	way := ` DESC`
	switch {
	case back:
		way = ` ASC`
		l.through(`e.id > %s`, blob(q.Before))
	case q.After != uuid.Nil:
		l.through(`e.id < %s`, blob(q.After))
	}
	looked := q.Limit + 1
	switch {
	case q.Text != "":
		looked = textWindow
	case len(l.more) > 0:
		looked = listWindow
	}
	list, err := db.eventsIn(ctx, l, q, way, looked)
	if err != nil {
		return memory.EventPage{}, err
	}
	var end uuid.UUID
	if len(list) <= q.Limit && looked > q.Limit+1 {
		n := 0
		var args arguments
		err = db.queryOnce(ctx, l.eventIDs(&args, way, looked), args, func(row scanner) error { n++; return row.Scan(&end) })
		if n < looked {
			end = uuid.Nil
		}
	}
	return eventPage(list, q, back, end), err
}

// eventsIn returns up to one event more than the page has.
func (db *DB) eventsIn(ctx context.Context, l *listSQL, q memory.EventList, way string, looked int) ([]memory.Event, error) {
	var args arguments
	query := `SELECT ` + eventColumns + ` FROM events e WHERE e.id IN (` + l.eventIDs(&args, way, looked) + `)`
	if len(l.more) > 0 {
		query += ` AND ` + args.all(l.more)
	}
	query += ` ORDER BY e.id` + way
	if q.Text == "" {
		query += ` LIMIT ` + strconv.Itoa(q.Limit+1)
	}
	var list []memory.Event
	needle := newNeedle(q.Text)
	err := db.queryOnce(ctx, query, args, func(row scanner) error {
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
	if errors.Is(err, errEnough) {
		err = nil
	}
	return list, err
}

func eventPage(list []memory.Event, q memory.EventList, back bool, end uuid.UUID) memory.EventPage {
	p := memory.EventPage{Cut: end != uuid.Nil}
	on := end
	if len(list) > q.Limit {
		list = list[:q.Limit]
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
