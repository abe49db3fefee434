package sqlstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
)

// ErrOtherRequest says that an idempotency key was used for another request.
var ErrOtherRequest = errors.New("the idempotency key belongs to another request")

// An Answer is what a request got that was made with an idempotency key.
type Answer struct {
	Status      int // 0: the request is still being carried out
	ContentType string
	Body        []byte
}

// A Reservation is the right to carry a request out.
type Reservation struct {
	At      time.Time // what StoreAnswer and ReleaseAnswer ask for
	EventID uuid.UUID // for the event that the request makes
	Again   bool      // it was carried out before, perhaps to the end, and its answer was lost
}

// answerLease is after which time a request that got no answer counts as cut off
// by a crash, if nobody has noticed before: see FreeAnswers. It is longer than the
// server lets any request take.
const answerLease = 90 * time.Second

const (
	oneAnswer    = `SELECT request, claimed_at, status, headers, body, event_id FROM idempotency WHERE project_id = $1 AND key = $2`
	insertAnswer = `INSERT INTO idempotency (project_id, key, request, claimed_at, node_id, event_id) VALUES ($1, $2, $3, $4, $5, $6)`
	claimAnswer  = `UPDATE idempotency SET request = $3, claimed_at = $4, node_id = $5, event_id = $6, status = NULL, headers = NULL, body = NULL
		WHERE project_id = $1 AND key = $2`
)

// answerOwner is what the seal of an answer is bound to.
func answerOwner(projectID, key string) []byte { return []byte(projectID + " " + key) }

// ClaimAnswer gives the first request with a key of a project a reservation. A later
// one gets the answer of the first, or an Answer without a status while there is none.
// A key is free again after the life. A request that was cut off gets a reservation
// with the ID of the same event. ErrOtherRequest.
func (db *DB) ClaimAnswer(ctx context.Context, projectID, key string, request [sha256.Size]byte, now time.Time, life time.Duration) (a Answer, r *Reservation, err error) {
	err = db.write(ctx, func(t *tx) error {
		a, r = Answer{}, nil
		if err := t.lock("idempotency " + projectID + " " + key); err != nil {
			return err
		}
		var had, body []byte
		var at time.Time
		var event uuid.NullUUID
		ok, err := found(t.row(oneAnswer, projectID, key).Scan(&had, timeColumn{&at}, intColumn{&a.Status}, text(&a.ContentType), &body, &event))
		if err != nil {
			return err
		}
		same := ok && [sha256.Size]byte(had) == request
		fresh := ok && now.Sub(at) < life && (a.Status != 0 || now.Sub(at) < answerLease)
		switch {
		case !fresh:
			claim := insertAnswer
			if ok {
				claim = claimAnswer
			}
			r = &Reservation{At: now, EventID: delivery.NewID()}
			if same && a.Status == 0 && event.Valid && now.Sub(at) < life {
				r.EventID, r.Again = event.UUID, true
			}
			a = Answer{}
			return t.later(claim, projectID, key, request[:], micros(now), blobOrNull(t.node), blob(r.EventID))
		case !same:
			return ErrOtherRequest
		case a.Status != 0:
			a.Body, err = db.sealer.Open(body, answerOwner(projectID, key))
			return err
		}
		return nil
	})
	return a, r, err
}

const (
	// freeAnswers makes as old as a lease what is younger.
	freeAnswers     = `UPDATE idempotency SET claimed_at = $1 WHERE claimed_at > $1 AND status IS NULL`
	freeNodeAnswers = freeAnswers + ` AND node_id = $2`
)

// FreeAnswers lets requests be carried out again that the last run of this node was
// carrying out, and returns how many. That run must have ended.
func (db *DB) FreeAnswers(ctx context.Context, now time.Time) (int, error) {
	var n int64
	lapsed := micros(now.Add(-answerLease))
	err := db.write(ctx, func(t *tx) (err error) {
		if db.node == uuid.Nil {
			n, err = t.exec(freeAnswers, lapsed)
		} else {
			n, err = t.exec(freeNodeAnswers, lapsed, blob(db.node))
		}
		return err
	})
	return int(n), err
}

// StoreAnswer keeps the answer to a request that was claimed at a time. It may have
// a secret in it, so it is sealed.
func (db *DB) StoreAnswer(ctx context.Context, projectID, key string, claimedAt time.Time, a Answer) error {
	body := db.sealer.Seal(a.Body, answerOwner(projectID, key))
	return db.write(ctx, func(t *tx) error {
		return t.later(`UPDATE idempotency SET status = $4, headers = $5, body = $6 WHERE project_id = $1 AND key = $2 AND claimed_at = $3`,
			projectID, key, micros(claimedAt), a.Status, textOrNull(a.ContentType), body)
	})
}

// ReleaseAnswer lets the key of a request that was claimed at a time be used again. The
// request may have been carried out although its answer says otherwise, so a repeat gets a
// reservation like that of one which was cut off.
func (db *DB) ReleaseAnswer(ctx context.Context, projectID, key string, claimedAt time.Time) error {
	return db.write(ctx, func(t *tx) error {
		return t.later(`UPDATE idempotency SET claimed_at = $4 WHERE project_id = $1 AND key = $2 AND claimed_at = $3 AND status IS NULL`,
			projectID, key, micros(claimedAt), micros(claimedAt.Add(-answerLease)))
	})
}

// PruneAnswers removes up to PruneGroup answers to requests from before a time and
// returns how many.
func (db *DB) PruneAnswers(ctx context.Context, before time.Time) (int, error) {
	var n int64
	err := db.write(ctx, func(t *tx) (err error) {
		n, err = t.exec(`DELETE FROM idempotency WHERE (project_id, key) IN
			(SELECT project_id, key FROM idempotency WHERE claimed_at < $1 ORDER BY claimed_at LIMIT $2)`, micros(before), PruneGroup)
		return err
	})
	return int(n), err
}
