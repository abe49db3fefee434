package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"memhook/delivery"
)

const (
	// listWindow is how many rows of an index one list request looks at when it has
	// conditions that the index does not answer. More would take longer than a page
	// may; the request ends there and the next one goes on.
	listWindow = 4000
	// textWindow is the same for text, for which bodies are read.
	textWindow = 1000
)

// listSQL is a list in the making: the conditions that its index answers, and
// those that are checked row by row.
type listSQL struct {
	path    []condition
	more    []condition
	byEvent bool // ordered by event and then ID, through the index of a scope
	none    bool // nothing can match
}

// A condition has %s where its values go.
type condition struct {
	format string
	values []any
}

func (l *listSQL) through(format string, values ...any) {
	l.path = append(l.path, condition{format, values})
}

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

// plan chooses the index a query is answered by: of those that fit, the one with
// the fewest rows.
func (db *DB) plan(ctx context.Context, q delivery.Query) (*listSQL, error) {
	l := &listSQL{}
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
		l.scope(q)
		byEndpoint = false
	case q.EventID != uuid.Nil || q.MessageID != uuid.Nil:
		if err := l.trail(ctx, db, q); err != nil || l.none {
			return l, err
		}
		byEndpoint = false
	case inRest && byEndpoint:
		l.through(`d.endpoint_id = %s AND d.status = %s AND `+rest, blob(endpoints[0]), string(q.Status))
	case inRest:
		l.through(`d.project_id = %s AND d.status = %s AND `+rest, q.ProjectID, string(q.Status))
	case failed:
		l.through(`d.last_class IS NOT NULL AND d.project_id = %s`, q.ProjectID)
		byEndpoint = false
	case open:
		l.through(`d.next_at IS NOT NULL AND d.project_id = %s`, q.ProjectID)
		byEndpoint = false
	case byEndpoint:
		l.through(`d.endpoint_id = %s`, blob(endpoints[0]))
	default:
		l.through(`d.project_id = %s`, q.ProjectID)
	}
	if q.EventID != uuid.Nil {
		l.check(`d.event_id = %s`, blob(q.EventID))
	}
	if !byEndpoint && len(endpoints) > 0 {
		l.check(`d.endpoint_id IN `+several(endpoints), blobs(endpoints)...)
	}
	l.checks(q, len(l.path) > 0 && strings.HasSuffix(l.path[0].format, rest))
	l.span(q)
	return l, nil
}

// several are the places of a list of values.
func several(ids []uuid.UUID) string { return `(%s` + strings.Repeat(`, %s`, len(ids)-1) + `)` }

// these goes through deliveries that are known, and checks the rest.
func (l *listSQL) these(q delivery.Query) {
	ids := q.IDs[:min(len(q.IDs), delivery.MaxPage)]
	// What is appended to the column keeps the planner from the project's index.
	l.through(`d.id IN `+several(ids)+` AND d.project_id || '' = %s`, append(blobs(ids), q.ProjectID)...)
	for _, c := range scopes(q) {
		l.check(`EXISTS (SELECT 1 FROM events e WHERE e.id = d.event_id AND e.`+c.column+` = %s)`, c.value)
	}
	if q.MessageID != uuid.Nil {
		l.check(`d.message_id = %s`, blob(q.MessageID))
	}
}

// A scopeColumn is a column of events with the value it must have.
type scopeColumn struct{ column, value string }

// scopes are the conditions of a query on the event's scope.
func scopes(q delivery.Query) []scopeColumn {
	return slices.DeleteFunc([]scopeColumn{{"user_id", q.UserID}, {"agent_id", q.AgentID}, {"run_id", q.RunID}},
		func(c scopeColumn) bool { return c.value == "" })
}

// scope goes through the events of a user, agent or run.
func (l *listSQL) scope(q delivery.Query) {
	l.byEvent = true
	l.through(`e.project_id = %s`, q.ProjectID)
	for _, c := range scopes(q) {
		l.through(`e.`+c.column+` = %s`, c.value)
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
	// What is appended to the column keeps the planner from the project's index.
	l.through(`d.event_id = %s AND d.project_id || '' = %s`, blob(event), q.ProjectID)
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
func (l *listSQL) span(q delivery.Query) {
	if !q.Since.IsZero() {
		l.through(l.first()+` >= %s`, blob(firstID(q.Since)))
	}
	if !q.Until.IsZero() {
		l.through(l.first()+` < %s`, blob(firstID(q.Until)))
	}
}

// first is the column the list is ordered by first.
func (l *listSQL) first() string {
	if l.byEvent {
		return `e.id`
	}
	return `d.id`
}

// place bounds the list to rows before or after one. It does so also on the first
// page, because SQLite chooses better with a bound.
func (l *listSQL) place(c *delivery.Cursor, than string) {
	if c == nil {
		c = &delivery.Cursor{Event: last, ID: last}
	}
	switch {
	case !l.byEvent:
		l.through(`d.id `+than+` %s`, blob(c.ID))
	default:
		l.through(`e.id `+than+`= %s AND (e.id `+than+` %s OR d.id `+than+` %s)`, blob(c.Event), blob(c.Event), blob(c.ID))
	}
}

const listColumns = trailColumns + `, d.last_code, d.last_class`

// candidates is the part of the query that goes through the index.
func (l *listSQL) candidates(args *arguments, columns string, descending bool, limit int) string {
	from, order, way := `deliveries d`, `d.id`, ` ASC`
	if descending {
		way = ` DESC`
	}
	if l.byEvent {
		from, order = `events e JOIN deliveries d ON d.event_id = e.id`, `e.id`+way+`, d.id`
	}
	return `SELECT ` + columns + ` FROM ` + from + ` WHERE ` + args.all(l.path) + ` ORDER BY ` + order + way + ` LIMIT ` + strconv.Itoa(limit)
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
