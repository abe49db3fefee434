package mem0api

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/google/uuid"

	"memhook/memory"
	"memhook/signing/apikey"
)

// selectRequest selects memories by filters, or by entity IDs beside them as old
// clients send them.
type selectRequest struct{ query memory.Query }

// readMembers reads the members of a body that select, and hands the others on.
func (r *selectRequest) readMembers(body value, other func(name string, v value) error) error {
	var conds conditions
	var rest selection
	for name, v := range body.members() {
		var err error
		if id := entityID(&conds.scope, name); id != nil {
			err = readID(id, v)
		} else if known, setErr := rest.set(&conds, name, v); known {
			err = setErr
		} else {
			err = other(string(name), v)
		}
		if err != nil {
			return at(string(name), err)
		}
	}
	var err error
	r.query = rest.query
	r.query.Filter, err = conds.filter()
	return err
}

type createExportRequest struct {
	selectRequest
	schema json.RawMessage
}

func (r *createExportRequest) read(in *input) error {
	body, err := in.body()
	if err != nil {
		return err
	}
	err = r.readMembers(body, func(name string, v value) error {
		switch {
		case name != "schema" || v.isNull():
			return nil
		case v.isObject():
			r.schema = json.RawMessage(v)
			return nil
		case !v.isString():
			return mustBe("a JSON Schema object, or a string with one")
		}
		parsed, err := parse([]byte(v.text()))
		if err != nil || !parsed.isObject() {
			return mustBe("a JSON Schema object, or a string with one")
		}
		r.schema = json.RawMessage(parsed)
		return nil
	})
	if err == nil && r.schema == nil {
		err = &memory.InvalidError{Field: "schema", Text: "is required"}
	}
	return err
}

type createdExport struct {
	Message string    `json:"message"`
	ID      uuid.UUID `json:"id"`
}

// createExport makes an export. It is ready when this is answered.
func (a *API) createExport(ctx context.Context, key apikey.Key, r *createExportRequest) (createdExport, error) {
	r.query.ProjectID = key.ProjectID
	e, err := a.memory.CreateExport(ctx, r.query, r.schema)
	return createdExport{"Memory export request received. The export will be ready in a few seconds.", e.ID}, err
}

// exportRequest names an export, or what it selected.
type exportRequest struct {
	selectRequest
	id    uuid.UUID
	named bool
}

func (r *exportRequest) read(in *input) error {
	body, err := in.body()
	if err != nil {
		return err
	}
	var id string
	err = r.readMembers(body, func(name string, v value) error {
		if name == "memory_export_id" {
			return readText(&id, v)
		}
		return nil
	})
	if id == "" {
		return err
	}
	if err != nil && !errors.Is(err, errNoEntity) {
		return err
	}
	var ok bool
	if r.id, ok = parseUUID(id); !ok {
		return errExport
	}
	r.named = true
	return nil
}

// export shows what was exported, by the export's ID or else the latest of a
// selection.
func (a *API) export(ctx context.Context, key apikey.Key, r *exportRequest) (json.RawMessage, error) {
	var e memory.Export
	var err error
	if r.named {
		e, err = a.memory.Export(ctx, key.ProjectID, r.id)
	} else {
		e, err = a.memory.LatestExport(ctx, key.ProjectID, r.query.Filter)
	}
	if errors.Is(err, memory.ErrNotFound) {
		err = errExport
	}
	return e.Result, err
}
