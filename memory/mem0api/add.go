package mem0api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/google/uuid"

	"memhook/memory"
	"memhook/signing/apikey"
)

// addRequest is an add as clients of every age send it.
type addRequest struct {
	add     memory.Add
	async   *bool
	bare    bool // output_format v1.0: results without an object around them
	payload json.RawMessage
}

func (r *addRequest) read(in *input) error {
	body, err := in.body()
	if err != nil {
		return err
	}
	r.payload, r.add.Infer = json.RawMessage(body), true
	var messages, filters value
	for name, v := range body.members() {
		switch string(name) {
		case "messages":
			messages = v
		case "filters":
			filters = v
		default:
			err = r.set(name, v)
		}
		if err != nil {
			return at(string(name), err)
		}
	}
	if filters != nil {
		var scope memory.Scope
		if err := readScope(&scope, filters); err != nil {
			return at("filters", err)
		}
		fillScope(&r.add.Scope, scope)
	}
	if messages == nil {
		return nil // memory.Service says what is missing
	}
	r.add.Turns, err = readTurns(messages, r.add.Infer)
	return err
}

func (r *addRequest) set(name []byte, v value) error {
	if id := entityID(&r.add.Scope, name); id != nil {
		return readID(id, v)
	}
	switch string(name) {
	case "async_mode":
		if v.isNull() {
			return nil
		}
		r.async = new(bool)
		return readBool(r.async, v)
	case "infer":
		return readBool(&r.add.Infer, v)
	case "metadata":
		return readObject(&r.add.Metadata, v)
	case "timestamp":
		return readUnix(&r.add.Timestamp, v)
	case "expiration_date":
		return readText(&r.add.ExpirationDate, v)
	case "immutable":
		return readBool(&r.add.Immutable, v)
	case "includes":
		return readText(&r.add.Includes, v)
	case "excludes":
		return readText(&r.add.Excludes, v)
	case "custom_instructions":
		return readText(&r.add.Instructions, v)
	case "agent_custom_instructions":
		return readText(&r.add.AgentInstructions, v)
	case "custom_categories":
		return readCategories(&r.add.Categories, v)
	case "output_format":
		var format string
		err := readText(&format, v)
		r.bare = format == "v1.0"
		return err
	}
	return nil
}

// readScope reads the entity IDs out of filters, where mem0's newest Python client
// puts them, plain or under AND.
func readScope(s *memory.Scope, v value) error {
	switch {
	case v.isNull():
		return nil
	case !v.isObject():
		return mustBe("an object")
	}
	for name, v := range v.members() {
		var err error
		if id := entityID(s, name); id != nil {
			err = readID(id, v)
		} else if string(name) == "AND" && v.isArray() {
			for i, item := range v.items() {
				if err = readScope(s, item); err != nil {
					err = atItem(i, err)
					break
				}
			}
		}
		if err != nil {
			return at(string(name), err)
		}
	}
	return nil
}

// fillScope sets those IDs of s that are missing.
func fillScope(s *memory.Scope, from memory.Scope) {
	for _, id := range []struct {
		to   *string
		from string
	}{
		{&s.UserID, from.UserID},
		{&s.AgentID, from.AgentID},
		{&s.AppID, from.AppID},
		{&s.RunID, from.RunID},
	} {
		if *id.to == "" {
			*id.to = id.from
		}
	}
}

// readCategories reads [{name: description}, ...].
func readCategories(dst *json.RawMessage, v value) error {
	if v.isNull() {
		return nil
	}
	if !v.isArray() {
		return mustBe("an array of objects")
	}
	for i, item := range v.items() {
		if !item.isObject() {
			return atItem(i, mustBe("an object of the form {name: description}"))
		}
		for name, description := range item.members() {
			var text string
			if err := readText(&text, description); err != nil {
				return atItem(i, at(string(name), err))
			}
		}
	}
	if _, err := memory.ParseCategories(json.RawMessage(v)); err != nil {
		return err
	}
	*dst = json.RawMessage(v)
	return nil
}

// queuedText is in every answer to a queued add, to the letter.
const queuedText = "Memory processing has been queued for background execution"

// queuedItem is a queued add; its event can be read before the answer leaves.
type queuedItem struct {
	Message string             `json:"message"`
	Status  memory.EventStatus `json:"status"`
	EventID uuid.UUID          `json:"event_id"`
}

type results struct {
	Results any `json:"results"`
}

// addedV3 is the answer of /v3/memories/add/: at the top level what some callers
// read, and the results of v1 for the others.
type addedV3[T any] struct {
	Message string             `json:"message"`
	Status  memory.EventStatus `json:"status"`
	EventID uuid.UUID          `json:"event_id"`
	Results []T                `json:"results"`
}

// addV1 adds memories as mem0's clients before 2.0 (Python) and 3.0 (JavaScript)
// do: in the background unless async_mode is false.
func (a *API) addV1(ctx context.Context, key apikey.Key, r *addRequest) (any, error) {
	if r.async != nil && !*r.async {
		_, items, err := a.addNow(ctx, key, r)
		if err != nil {
			return nil, err
		}
		return r.wrap(items), nil
	}
	e, err := a.memory.Add(ctx, key.ProjectID, r.add, r.payload)
	if err != nil {
		return nil, err
	}
	return r.wrap([]queuedItem{{queuedText, e.Status, e.ID}}), nil
}

// wrap puts items into an object unless the caller asked for the bare array.
func (r *addRequest) wrap(items any) any {
	if r.bare {
		return items
	}
	return results{items}
}

// addV3 is addV1 for newer clients. They expect an add with infer false to be done
// when it is answered.
func (a *API) addV3(ctx context.Context, key apikey.Key, r *addRequest) (any, error) {
	r.add.SplitAttribution, r.add.Policy = true, memory.Additive
	queued := r.add.Infer
	if r.async != nil {
		queued = *r.async
	}
	if !queued {
		e, items, err := a.addNow(ctx, key, r)
		if err != nil {
			return nil, err
		}
		for i := range items {
			items[i].Data = &dataShape{items[i].Memory}
		}
		return addedV3[resultShape]{"Memories stored successfully", e.Status, e.ID, items}, nil
	}
	e, err := a.memory.Add(ctx, key.ProjectID, r.add, r.payload)
	if err != nil {
		return nil, err
	}
	item := queuedItem{queuedText, e.Status, e.ID}
	return addedV3[queuedItem]{item.Message, item.Status, item.EventID, []queuedItem{item}}, nil
}

// addNow adds memories and waits for the results.
func (a *API) addNow(ctx context.Context, key apikey.Key, r *addRequest) (memory.Event, []resultShape, error) {
	e, changes, err := a.memory.AddNow(ctx, key.ProjectID, r.add, r.payload)
	switch {
	case errors.Is(err, memory.ErrTimeout):
		f := refuse(http.StatusGatewayTimeout, "Still processing. The work goes on; see GET /v1/event/"+e.ID.String()+"/.", "error")
		f.body["event_id"] = e.ID
		return e, nil, f
	case err != nil:
		return e, nil, err
	case e.Status == memory.EventFailed:
		f := refuse(http.StatusServiceUnavailable, "Processing failed: "+e.Error, "error")
		f.body["event_id"] = e.ID
		return e, nil, f
	}
	items := make([]resultShape, len(changes))
	for i, c := range changes {
		items[i] = resultOf(c)
	}
	return e, items, nil
}
