package sqlstore

import (
	"slices"

	"github.com/google/uuid"

	"memhook/delivery"
)

// tx is what a change may do. An error of one of its statements ends the change:
// it has to be returned.
type tx struct {
	session   session
	node      uuid.UUID               // who takes leases; nil when there is one server
	endpoints map[string]endpointList // of this group, by project
	texts     map[string]bool         // that this group adds, by scope
	tallies   map[tallyKey]*delivery.Tally
	counts    map[countKey]int
	turns     map[laneKey]int64 // taken last by this group
	messages  []ownMessage      // of this group, not stored yet
	projects  map[string]bool   // whose messages and deliveries this group changes
	change    int               // of the group that runs
	wrote     bool              // the current change has written
	failure   error             // of a statement: the group cannot be committed
}

// exec runs a constant statement and returns how many rows it changed.
func (t *tx) exec(text string, args ...any) (int64, error) {
	n, err := t.session.exec(text, args)
	t.wrote = t.wrote || n > 0
	return n, t.note(err)
}

// later runs a constant statement whose result is not needed: with Postgres it
// goes out together with those that follow.
func (t *tx) later(text string, args ...any) error {
	t.wrote = true
	return t.note(t.session.later(text, args, nil))
}

// must is later for a statement that has to change a row. If it does not, the
// change fails with the error.
func (t *tx) must(otherwise error, text string, args ...any) error {
	return t.missed(otherwise, t.session.later(text, args, otherwise))
}

// put is later for a bulk.
func (t *tx) put(b *bulk, args ...any) error {
	t.wrote = true
	return t.note(t.session.put(b, args, nil))
}

// mustPut is must for a bulk.
func (t *tx) mustPut(otherwise error, b *bulk, args ...any) error {
	return t.missed(otherwise, t.session.put(b, args, otherwise))
}

// missed tells a statement that changed nothing from one that failed: the first is
// no reason to undo what others did.
func (t *tx) missed(otherwise, err error) error {
	if err != nil && err == otherwise {
		return err
	}
	t.wrote = true
	return t.note(err)
}

// which runs a bulk for rows and tells which of them it changed.
func (t *tx) which(b *bulk, rows [][]any) ([]bool, error) {
	changed, err := t.session.which(b, rows)
	t.wrote = t.wrote || slices.Contains(changed, true)
	return changed, t.note(err)
}

// query runs a constant read and calls scan for each row.
func (t *tx) query(text string, args []any, scan func(row scanner) error) error {
	return t.note(t.session.query(text, args, scan))
}

// row runs a constant statement that returns at most one row. A statement that
// changes rows is noted with changed.
func (t *tx) row(text string, args ...any) scanner {
	return notedRow{t, t.session.row(text, args)}
}

// lock makes changes with the same key run one after another, also those of other
// nodes: whoever comes second sees what the first has committed. A change that
// decides by what it reads, other than by the row that it then changes, needs it.
func (t *tx) lock(key string) error { return t.note(t.session.lock(key)) }

// lockEach is lock for each key of a read of one column. It is run by Postgres only.
func (t *tx) lockEach(text string, args ...any) error {
	return t.note(t.session.lockEach(text, args))
}

// touch notes that messages or deliveries of a project change.
func (t *tx) touch(projectID string) {
	if t.projects == nil {
		t.projects = map[string]bool{}
	}
	t.projects[projectID] = true
}

// changed notes that row changed the database.
func (t *tx) changed() { t.wrote = true }

func (t *tx) note(err error) error {
	if t.failure == nil {
		t.failure = err
	}
	return err
}

type notedRow struct {
	t   *tx
	row scanner
}

func (r notedRow) Scan(dest ...any) error {
	err := r.row.Scan(dest...)
	if _, failure := found(err); failure != nil {
		return r.t.note(err)
	}
	return err
}
