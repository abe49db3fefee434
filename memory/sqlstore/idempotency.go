package sqlstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"
)

// ErrOtherRequest says that an idempotency key was used for another request.
var ErrOtherRequest = errors.New("the idempotency key belongs to another request")

// An Answer is what a request got that was made with an idempotency key.
type Answer struct {
	Status      int // 0: the request is still being carried out
	ContentType string
	Body        []byte
}

// answerLease is after which time a request that got no answer counts as cut off
// by a crash. It is longer than the server lets any request take.
const answerLease = 90 * time.Second

const oneAnswer = `SELECT request, claimed_at, status, headers, body FROM idempotency WHERE project_id = $1 AND key = $2`

// ClaimAnswer tells the first request with a key of a project to go ahead: claimed.
// A later one gets the answer of the first, or an Answer without a status while
// there is none. A key is free again after the life. ErrOtherRequest.
func (db *DB) ClaimAnswer(ctx context.Context, projectID, key string, request [sha256.Size]byte, now time.Time, life time.Duration) (a Answer, claimed bool, err error) {
	err = db.write(ctx, func(t *tx) error {
		a, claimed = Answer{}, false
		if err := t.lock("idempotency " + projectID + " " + key); err != nil {
			return err
		}
		var had, body []byte
		var at time.Time
		ok, err := found(t.row(oneAnswer, projectID, key).Scan(&had, timeColumn{&at}, intColumn{&a.Status}, text(&a.ContentType), &body))
		if err != nil {
			return err
		}
		fresh := now.Sub(at) < life && (a.Status != 0 || now.Sub(at) < answerLease)
		switch {
		case !ok:
			claimed = true
			return t.later(`INSERT INTO idempotency (project_id, key, request, claimed_at) VALUES ($1, $2, $3, $4)`, projectID, key, request[:], micros(now))
		case !fresh:
			a, claimed = Answer{}, true
			return t.later(`UPDATE idempotency SET request = $3, claimed_at = $4, status = NULL, headers = NULL, body = NULL WHERE project_id = $1 AND key = $2`,
				projectID, key, request[:], micros(now))
		case [sha256.Size]byte(had) != request:
			return ErrOtherRequest
		case a.Status != 0:
			a.Body, err = db.sealer.Open(body, []byte(projectID+" "+key))
			return err
		}
		return nil
	})
	return a, claimed, err
}

// StoreAnswer keeps the answer to a request that was claimed at a time. It may have
// a secret in it, so it is sealed.
func (db *DB) StoreAnswer(ctx context.Context, projectID, key string, claimedAt time.Time, a Answer) error {
	body := db.sealer.Seal(a.Body, []byte(projectID+" "+key))
	return db.write(ctx, func(t *tx) error {
		return t.later(`UPDATE idempotency SET status = $4, headers = $5, body = $6 WHERE project_id = $1 AND key = $2 AND claimed_at = $3`,
			projectID, key, micros(claimedAt), a.Status, textOrNull(a.ContentType), body)
	})
}

// ReleaseAnswer lets the key of a request that was claimed at a time be used again.
func (db *DB) ReleaseAnswer(ctx context.Context, projectID, key string, claimedAt time.Time) error {
	return db.write(ctx, func(t *tx) error {
		return t.later(`DELETE FROM idempotency WHERE project_id = $1 AND key = $2 AND claimed_at = $3 AND status IS NULL`,
			projectID, key, micros(claimedAt))
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
