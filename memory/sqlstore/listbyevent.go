package sqlstore

import (
	"context"
	"strconv"

	"github.com/google/uuid"

	"memhook/delivery"
)

// lookByEvent looks at the deliveries of some events after others, until it has looked
// at listWindow events: they may have no delivery that counts.
func (db *DB) lookByEvent(ctx context.Context, l *listSQL, back bool, limit int) ([]delivery.Cursor, *delivery.Cursor, error) {
	var list []delivery.Cursor
	left := *l
	for range listWindow / chunkRows {
		events, err := db.firstIDs(ctx, &left, back, chunkRows)
		those := events
		if err == nil && len(events) > 0 && len(l.events) > 0 {
			those, err = db.matchingIDs(ctx, l.events, events)
		}
		if err == nil && len(those) > 0 {
			list, err = db.deliveriesOf(ctx, l, those, back, list, limit)
		}
		switch {
		case err != nil:
			return nil, nil, err
		case len(list) == limit:
			return list, &list[limit-1], nil
		case len(events) < chunkRows:
			return list, nil, nil
		case back:
			left.narrow(next(events[chunkRows-1], 1), last)
		default:
			left.narrow(uuid.Nil, next(events[chunkRows-1], -1))
		}
	}
	if back {
		return list, &delivery.Cursor{Event: next(left.from, -1), ID: last}, nil
	}
	return list, &delivery.Cursor{Event: next(left.to, 1)}, nil
}

// matchingIDs returns the IDs of the events that match.
func (db *DB) matchingIDs(ctx context.Context, conditions []condition, events []uuid.UUID) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	var args arguments
	text := `SELECT id FROM events WHERE ` + db.among(&args, `id`, events) + ` AND ` + args.all(conditions)
	err := db.queryOnce(ctx, text, args, collect(&ids))
	return ids, err
}

// deliveriesOf appends the places of the deliveries of events to a list, until it has
// limit rows.
func (db *DB) deliveriesOf(ctx context.Context, l *listSQL, events []uuid.UUID, back bool, list []delivery.Cursor, limit int) ([]delivery.Cursor, error) {
	var args arguments
	where, way := db.among(&args, `d.event_id`, events), direction(back)
	if c, than := l.beside, `<`; c != nil {
		if back {
			than = `>`
		}
		where += ` AND ` + args.all([]condition{{`(d.event_id <> %s OR d.id ` + than + ` %s)`, []any{blob(c.Event), blob(c.ID)}}})
	}
	text := `SELECT d.id, d.event_id FROM deliveries d WHERE ` + where + ` ORDER BY d.event_id` + way + `, d.id` + way + ` LIMIT ` + strconv.Itoa(limit-len(list))
	err := db.ordered(ctx, text, args, func(row scanner) error {
		var c delivery.Cursor
		err := row.Scan(&c.ID, &c.Event)
		list = append(list, c)
		return err
	})
	return list, err
}
