package sqlstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
)

const (
	// listWindow is how many rows of an index one list request looks at when it has
	// conditions that the index does not answer, and how many events for their
	// deliveries. More would take longer than a page may; the request ends there and the
	// next one goes on.
	listWindow = 2000
	// textWindow is the same for text, for which bodies are read.
	textWindow = 1000
)

// listSQL is a list in the making: the part of an index that it reads, and the
// conditions that are checked row by row.
type listSQL struct {
	known   []uuid.UUID // the deliveries that may be in it; nil: those of the index
	index   []key       // what its index begins with; an ID follows
	from    uuid.UUID   // the first and the last ID that count
	to      uuid.UUID
	partial string // the condition of the index, as its definition has it
	more    []condition
	events  []condition      // that are checked event by event, in a list by event
	byEvent bool             // ordered by event and then ID, through the index of a scope
	beside  *delivery.Cursor // in a list by event: the place it begins at
	none    bool             // nothing can match
}

// A key is a column of an index with the one value that counts.
type key struct {
	column string
	value  any
}

// A condition has %s where its values go.
type condition struct {
	format string
	values []any
}

// through chooses the index, by the columns before the ID.
func (l *listSQL) through(index ...key) { l.index = index }

func (l *listSQL) check(format string, values ...any) {
	l.more = append(l.more, condition{format, values})
}

// arguments are the values of a query in the order of their placeholders.
type arguments []any

// all joins conditions, and notes their values.
func (a *arguments) all(list []condition) string {
	parts := make([]string, len(list))
	for i, c := range list {
		marks := make([]any, len(c.values))
		for j, v := range c.values {
			*a = append(*a, v)
			marks[j] = "$" + strconv.Itoa(len(*a))
		}
		parts[i] = fmt.Sprintf(c.format, marks...)
	}
	return strings.Join(parts, ` AND `)
}

// rest are the states with an index of their own, as the index spells them.
const rest = `d.status IN ('failed', 'held', 'skipped', 'canceled')`

// unfinished is the condition of the index of those that are not over.
const unfinished = `d.next_at IS NOT NULL`

// plan chooses the index a query is answered by: of those that fit, the one with
// the fewest rows.
func (db *DB) plan(ctx context.Context, q delivery.Query) (*listSQL, error) {
	l := &listSQL{to: last}
	project := key{`d.project_id`, q.ProjectID}
	endpoints, err := db.endpointsNamed(ctx, q.ProjectID, q.Endpoint)
	if err != nil {
		return nil, err
	}
	if l.none = q.Endpoint != "" && len(endpoints) == 0; l.none {
		return l, nil
	}
	inRest := strings.Contains(rest, "'"+string(q.Status)+"'")
	open := q.Status == delivery.Waiting || q.Status == delivery.Retrying || q.Status == delivery.ListStatus(delivery.Pending) || q.Status == delivery.ListStatus(delivery.Sending)
	failed := q.Class != "" || q.Codes.From != 0 && (q.Codes.To < 200 || q.Codes.From > 299)
	byEndpoint := len(endpoints) == 1
	switch {
	case len(q.IDs) > 0:
		l.these(q)
		byEndpoint = false
	case q.UserID != "" || q.AgentID != "" || q.RunID != "":
		l.byEvent = true
		l.scope(q.ProjectID, q.UserID, q.AgentID, q.RunID)
		byEndpoint = false
	case q.EventID != uuid.Nil || q.MessageID != uuid.Nil:
		if err := l.trail(ctx, db, q); err != nil || l.none {
			return l, err
		}
		byEndpoint = false
	case inRest && byEndpoint:
		l.partial = rest
		l.through(key{`d.endpoint_id`, blob(endpoints[0])}, key{`d.status`, string(q.Status)})
	case inRest:
		l.partial = rest
		l.through(project, key{`d.status`, string(q.Status)})
	case failed:
		l.partial = `d.last_class IS NOT NULL`
		l.through(project)
		byEndpoint = false
	case open:
		l.partial = unfinished
		l.through(project)
		byEndpoint = false
	case byEndpoint:
		l.through(key{`d.endpoint_id`, blob(endpoints[0])})
	default:
		l.through(project)
	}
	if q.EventID != uuid.Nil {
		l.check(`d.event_id = %s`, blob(q.EventID))
	}
	if !byEndpoint && len(endpoints) > 0 {
		// What is around the column keeps SQLite from looking for each pair of IDs.
		l.check(`COALESCE(d.endpoint_id, d.endpoint_id) IN (%s`+strings.Repeat(`, %s`, len(endpoints)-1)+`)`, blobs(endpoints)...)
	}
	l.checks(q, l.partial == rest || l.partial == unfinished && q.Status == delivery.Waiting)
	l.span(q.Since, q.Until)
	return l, nil
}

// these goes through deliveries that are known, and checks the rest.
func (l *listSQL) these(q delivery.Query) {
	l.known = slices.Clone(q.IDs[:min(len(q.IDs), delivery.MaxPage)])
	l.check(`d.project_id = %s`, q.ProjectID)
	for _, c := range scopes(q.UserID, q.AgentID, q.RunID) {
		l.check(`EXISTS (SELECT 1 FROM events e WHERE e.id = d.event_id AND e.`+c.column+` = %s)`, c.value)
	}
	if q.MessageID != uuid.Nil {
		l.check(`d.message_id = %s`, blob(q.MessageID))
	}
}

// A scopeColumn is a column of events with the value it must have.
type scopeColumn struct{ column, value string }

// scopes are conditions on an event's scope, first what has the fewest events as a
// rule.
func scopes(user, agent, run string) []scopeColumn {
	return slices.DeleteFunc([]scopeColumn{{"run_id", run}, {"user_id", user}, {"agent_id", agent}},
		func(c scopeColumn) bool { return c.value == "" })
}

// scope goes through the events of a run, user or agent; of several through the first,
// and checks the others.
func (l *listSQL) scope(project, user, agent, run string) {
	for _, c := range scopes(user, agent, run) {
		if l.index != nil {
			l.events = append(l.events, condition{c.column + ` = %s`, []any{c.value}})
			continue
		}
		l.partial = `e.` + c.column + ` IS NOT NULL`
		l.through(key{`e.project_id`, project}, key{`e.` + c.column, c.value})
	}
}

// trail goes through the deliveries of one event.
func (l *listSQL) trail(ctx context.Context, db *DB, q delivery.Query) error {
	event := q.EventID
	if q.MessageID != uuid.Nil {
		ok, err := db.one(ctx, `SELECT event_id FROM messages WHERE id = $1 AND project_id = $2`, []any{blob(q.MessageID), q.ProjectID}, &event)
		if l.none = !ok; err != nil || !ok {
			return err
		}
		l.check(`d.message_id = %s`, blob(q.MessageID))
	}
	l.through(key{`d.event_id`, blob(event)})
	l.check(`d.project_id = %s`, q.ProjectID)
	return nil
}

func (l *listSQL) checks(q delivery.Query, statusDone bool) {
	switch {
	case q.Status == "" || statusDone:
	case q.Status == delivery.Waiting:
		l.check(`d.next_at IS NOT NULL`)
	case q.Status == delivery.Retrying:
		l.check(`d.status = %s AND d.attempts > 0`, string(delivery.Pending))
	default:
		l.check(`d.status = %s`, string(q.Status))
	}
	if q.Type != "" {
		l.check(`d.type = %s`, q.Type)
	}
	if q.Codes.From != 0 {
		l.check(`d.last_code BETWEEN %s AND %s`, q.Codes.From, q.Codes.To)
	}
	if q.Class != "" {
		l.check(`d.last_class = %s`, string(q.Class))
	}
	if q.Trigger != "" {
		l.check(`d.cause = %s`, string(q.Trigger))
	}
}

// span bounds the time. IDs begin with it.
func (l *listSQL) span(since, until time.Time) {
	if !since.IsZero() {
		l.narrow(firstID(since), last)
	}
	if !until.IsZero() {
		l.narrow(uuid.Nil, next(firstID(until), -1))
	}
}

// narrow leaves the IDs from one to another.
func (l *listSQL) narrow(from, to uuid.UUID) {
	if bytes.Compare(from[:], l.from[:]) > 0 {
		l.from = from
	}
	if bytes.Compare(to[:], l.to[:]) < 0 {
		l.to = to
	}
}

// next is the ID beside one: after it, or before it if step is -1. There is none
// after the last one nor before the first.
func next(id uuid.UUID, step int) uuid.UUID {
	n := id
	for i := len(n) - 1; i >= 0; i-- {
		n[i] += byte(step)
		if step > 0 && n[i] != 0 || step < 0 && n[i] != 0xff {
			return n
		}
	}
	return id
}

// place bounds the list to rows after one, or before it.
func (l *listSQL) place(c *delivery.Cursor, back bool) {
	switch {
	case c == nil:
	case l.byEvent && back:
		l.narrow(c.Event, last)
		l.beside = c
	case l.byEvent:
		l.narrow(uuid.Nil, c.Event)
		l.beside = c
	case back:
		l.narrow(next(c.ID, 1), last)
	default:
		l.narrow(uuid.Nil, next(c.ID, -1))
	}
}

func direction(back bool) string {
	if back {
		return ` ASC`
	}
	return ` DESC`
}

// An indexPart is a part of an index: of the rows with the keys it begins with, those
// from one place to another in the order of the columns that follow.
type indexPart struct {
	keys     []key
	order    []string
	from, to []any
}

// several are columns and the places of their values, to be compared as a whole.
func several(columns []string) (names, marks string) {
	return `(` + strings.Join(columns, `, `) + `)`, `(%s` + strings.Repeat(`, %s`, len(columns)-1) + `)`
}

// ids is the query of the first IDs of a list, which need not end where the list does:
// whoever reads them stops there.
func (db *DB) ids(part indexPart, partial string, args *arguments, from string, back bool, limit int) string {
	list, order := db.dialect.span(part, back)
	if partial != "" {
		list = append(list, condition{format: partial})
	}
	way := direction(back)
	return `SELECT ` + strings.Join(part.order, `, `) + from + args.all(list) + ` ORDER BY ` + strings.Join(order, way+`, `) + way + ` LIMIT ` + strconv.Itoa(limit)
}

func (l *listSQL) part(id string) indexPart {
	return indexPart{l.index, []string{id}, []any{blob(l.from)}, []any{blob(l.to)}}
}

// equal are the conditions of columns with one value.
func equal(index []key) []condition {
	list := make([]condition, len(index))
	for i, k := range index {
		list[i] = condition{k.column + ` = %s`, []any{k.value}}
	}
	return list
}

const (
	deliveriesWhere = ` FROM deliveries d WHERE `
	eventsWhere     = ` FROM events e WHERE `
)

// firstIDs returns up to limit IDs of the list.
func (db *DB) firstIDs(ctx context.Context, l *listSQL, back bool, limit int) ([]uuid.UUID, error) {
	from, id := deliveriesWhere, `d.id`
	if strings.HasPrefix(l.index[0].column, `e.`) {
		from, id = eventsWhere, `e.id`
	}
	var list []uuid.UUID
	var args arguments
	err := db.ordered(ctx, db.ids(l.part(id), l.partial, &args, from, back, limit), args, func(row scanner) error {
		var id uuid.UUID
		if err := row.Scan(&id); err != nil {
			return err
		}
		if !back && bytes.Compare(id[:], l.from[:]) < 0 || back && bytes.Compare(id[:], l.to[:]) > 0 {
			return errEnough
		}
		list = append(list, id)
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return list, err
}

// look returns the places of up to limit rows of the list, and the place to go on
// from if there may be more.
func (db *DB) look(ctx context.Context, l *listSQL, back bool, limit int) ([]delivery.Cursor, *delivery.Cursor, error) {
	if l.byEvent {
		return db.lookByEvent(ctx, l, back, limit)
	}
	ids, err := l.among(back), error(nil)
	if l.known == nil {
		ids, err = db.firstIDs(ctx, l, back, limit)
	}
	if err != nil {
		return nil, nil, err
	}
	list := make([]delivery.Cursor, len(ids))
	for i, id := range ids {
		list[i].ID = id
	}
	if l.known == nil && len(list) == limit {
		return list, &list[limit-1], nil
	}
	return list, nil, nil
}

// among returns those of the known deliveries that are within the list's bounds.
func (l *listSQL) among(back bool) []uuid.UUID {
	var ids []uuid.UUID
	for _, id := range l.known {
		if bytes.Compare(id[:], l.from[:]) >= 0 && bytes.Compare(id[:], l.to[:]) <= 0 {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int {
		if back {
			a, b = b, a
		}
		return bytes.Compare(b[:], a[:])
	})
	return ids
}

// How many rows of a window are read at once, without and with what may be large.
const (
	chunkRows   = 500
	chunkBodies = 100
)

// chunks calls each for some IDs after others, until errEnough, which is no error.
func chunks(ids []uuid.UUID, size int, each func([]uuid.UUID) error) error {
	for some := range slices.Chunk(ids, size) {
		if err := each(some); errors.Is(err, errEnough) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

func idsIn(places []delivery.Cursor) []uuid.UUID {
	ids := make([]uuid.UUID, len(places))
	for i, c := range places {
		ids[i] = c.ID
	}
	return ids
}

// among is a condition that holds for rows with one of the IDs.
func (db *DB) among(args *arguments, column string, ids []uuid.UUID) string {
	text, values := db.dialect.among(column, len(*args)+1, ids)
	*args = append(*args, values...)
	return text
}

// endpointsNamed returns the endpoints of a project that a filter means: one by its
// ID, or those whose name is the text, or failing that contains it.
func (db *DB) endpointsNamed(ctx context.Context, projectID, name string) ([]uuid.UUID, error) {
	if name == "" {
		return nil, nil
	}
	want, noID := delivery.ParseID(delivery.EndpointPrefix, name)
	name = strings.ToLower(name)
	var exact, partly []uuid.UUID
	err := db.query(ctx, `SELECT id, name FROM endpoints WHERE project_id = $1`, []any{projectID}, func(row scanner) error {
		var id uuid.UUID
		var have string
		err := row.Scan(&id, &have)
		switch have = strings.ToLower(have); {
		case have == name || noID == nil && id == want:
			exact = append(exact, id)
		case strings.Contains(have, name):
			partly = append(partly, id)
		}
		return err
	})
	if len(exact) == 0 {
		exact = partly
	}
	return exact[:min(len(exact), delivery.MaxEndpoints)], err
}
