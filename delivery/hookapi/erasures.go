package hookapi

import (
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
)

// maxShown is how many memories and receivers of an erasure an answer has; its receipt
// has all.
const maxShown = 1000

type newErasure struct {
	MemoryID string `json:"memory_id" doc:"One memory, also one that was deleted before. Left out: everything of the IDs that follow."`
	UserID   string `json:"user_id"`
	AgentID  string `json:"agent_id"`
	AppID    string `json:"app_id"`
	RunID    string `json:"run_id"`
}

func (in newErasure) scope() memory.Scope {
	return memory.Scope{UserID: in.UserID, AgentID: in.AgentID, AppID: in.AppID, RunID: in.RunID}
}

type erasureShape struct {
	ID         string               `json:"id"`
	State      string               `json:"state" enum:"running,done,failed" doc:"done: the text is stored nowhere any more. Whether receivers acknowledged it is said of each."`
	Error      string               `json:"error" doc:"Of failed; otherwise empty."`
	Scope      memory.Scope         `json:"scope" doc:"Whose memories; empty where they were named."`
	Everything bool                 `json:"everything" doc:"Everything of the scope goes, also requests that made no memory."`
	Scrubbed   memory.ErasureCounts `json:"scrubbed" doc:"So far."`
	By         string               `json:"by"`
	CreatedAt  time.Time            `json:"created_at"`
	UpdatedAt  time.Time            `json:"updated_at"`
	FinishedAt *time.Time           `json:"finished_at"`
}

type erasureDetail struct {
	erasureShape
	MemoryIDs    []string        `json:"memory_ids" doc:"At most 1,000; the receipt has all."`
	Told         int             `json:"told" doc:"Deliveries of the erasure."`
	Acknowledged int             `json:"acknowledged" doc:"Of those, how many were answered 2xx."`
	Receivers    []receiverShape `json:"receivers" doc:"One for each memory and endpoint, at most 1,000; the receipt has all."`
}

type receiverShape struct {
	MemoryID       string     `json:"memory_id"`
	EndpointID     string     `json:"endpoint_id"`
	EndpointName   string     `json:"endpoint_name"`
	DeletedAt      *time.Time `json:"endpoint_deleted_at"`
	Sent           int        `json:"messages_sent_before" doc:"About the memory, as far as they are on record."`
	DeliveryID     *string    `json:"delivery_id" doc:"That tells of the erasure; null: the endpoint was deleted before."`
	Status         *string    `json:"status" doc:"Of that delivery."`
	Reason         *string    `json:"reason"`
	AcknowledgedAt *time.Time `json:"acknowledged_at" doc:"When the first 2xx came."`
}

func erasureID(id uuid.UUID) string { return delivery.FormatID(memory.ErasurePrefix, id) }

func erasureOf(x memory.Erasure) erasureShape {
	return erasureShape{
		ID: erasureID(x.ID), State: string(x.State), Error: x.Error, Scope: x.Scope, Everything: x.Whole, Scrubbed: x.Counts, By: x.By,
		CreatedAt: x.CreatedAt, UpdatedAt: x.UpdatedAt, FinishedAt: x.FinishedAt,
	}
}

func receiverOf(r memory.Receiver) receiverShape {
	s := receiverShape{
		MemoryID: r.MemoryID.String(), EndpointID: endpointID(r.EndpointID), EndpointName: r.EndpointName, DeletedAt: r.DeletedAt, Sent: r.Sent,
		AcknowledgedAt: r.AcknowledgedAt,
	}
	if r.DeliveryID != uuid.Nil {
		id, status := deliveryID(r.DeliveryID), string(r.Status)
		s.DeliveryID, s.Status = &id, &status
	}
	if r.Reason != "" {
		reason := string(r.Reason)
		s.Reason = &reason
	}
	return s
}

func (a *API) createErasure(c call, in *newErasure) (erasureShape, error) {
	var x memory.Erasure
	var err error
	subject := in.MemoryID
	switch {
	case in.MemoryID != "" && !in.scope().Empty():
		return erasureShape{}, invalid(fieldShape{"memory_id", "Give a memory, or whose memories, not both."})
	case in.MemoryID != "":
		var id uuid.UUID
		if id, err = idOf("", in.MemoryID); err == nil {
			x, err = a.memory.Erase(c, c.project(), id, c.by())
		}
	case in.scope().Empty():
		return erasureShape{}, invalid(fieldShape{"memory_id", "Give a memory, or whose memories: user_id, agent_id, app_id or run_id."})
	default:
		subject = "everything of a user, agent, app or run"
		x, err = a.memory.EraseScope(c, c.project(), in.scope(), c.by())
	}
	if err != nil {
		return erasureShape{}, err
	}
	a.note(c, "erasure.create", erasureID(x.ID), subject)
	return erasureOf(x), nil
}

type erasurePreview struct {
	MemoryID string `json:"memory_id" required:"true"`
}

type erasurePreviewShape struct {
	Scrubbed  memory.ErasureCounts `json:"scrubbed" doc:"What is stored of the memory now."`
	Endpoints int                  `json:"endpoints" doc:"That were sent something of it, as far as it is on record."`
}

func (a *API) previewErasure(c call, in *erasurePreview) (erasurePreviewShape, error) {
	id, err := idOf("", in.MemoryID)
	if err != nil {
		return erasurePreviewShape{}, err
	}
	p, err := a.memory.PreviewErasure(c, c.project(), id)
	return erasurePreviewShape{p.Counts, p.Endpoints}, err
}

type erasureList struct {
	After string `query:"after" doc:"next_cursor of the page before."`
	Limit int    `query:"limit" doc:"1 to 250; left out: 50."`
}

func (a *API) erasures(c call, in *erasureList) (listShape[erasureShape], error) {
	n, err := limit(in.Limit)
	if err != nil {
		return listShape[erasureShape]{}, err
	}
	after, err := afterID(in.After)
	if err != nil {
		return listShape[erasureShape]{}, err
	}
	list, err := a.memory.Erasures(c, c.project(), after, n+1)
	if err != nil {
		return listShape[erasureShape]{}, err
	}
	list, next := cutPage(list, n, func(x memory.Erasure) uuid.UUID { return x.ID })
	shapes := make([]erasureShape, len(list))
	for i, x := range list {
		shapes[i] = erasureOf(x)
	}
	return listOf(shapes, next), nil
}

type ofErasure struct {
	Erasure string `path:"erasure"`
}

func (a *API) erasure(c call, in *ofErasure) (erasureDetail, error) {
	id, err := idOf(memory.ErasurePrefix, in.Erasure)
	if err != nil {
		return erasureDetail{}, err
	}
	x, err := a.memory.Erasure(c, c.project(), id)
	if err != nil {
		return erasureDetail{}, err
	}
	d := erasureDetail{erasureShape: erasureOf(x), MemoryIDs: []string{}, Receivers: []receiverShape{}}
	ids, err := a.memory.ErasedMemories(c, c.project(), id, maxShown)
	if err != nil {
		return erasureDetail{}, err
	}
	for _, id := range ids {
		d.MemoryIDs = append(d.MemoryIDs, id.String())
	}
	list, err := a.memory.Receivers(c, c.project(), id, memory.MaxReceivers)
	for _, r := range list {
		if r.DeliveryID != uuid.Nil && r.Status != delivery.Skipped {
			d.Told++
		}
		if r.AcknowledgedAt != nil {
			d.Acknowledged++
		}
		if len(d.Receivers) < maxShown {
			d.Receivers = append(d.Receivers, receiverOf(r))
		}
	}
	return d, err
}

func (a *API) receipt(c call, in *ofErasure) (memory.SignedReceipt, error) {
	id, err := idOf(memory.ErasurePrefix, in.Erasure)
	if err != nil {
		return memory.SignedReceipt{}, err
	}
	return a.memory.Receipt(c, c.project(), id)
}

type receiptKeysShape struct {
	Keys []string `json:"keys" doc:"The last one signs; older ones go on verifying."`
}

func (a *API) receiptKeys(c call, _ *none) (receiptKeysShape, error) {
	keys, err := a.memory.ReceiptKeys(c, c.project())
	shape := receiptKeysShape{Keys: []string{}}
	for _, k := range keys {
		shape.Keys = append(shape.Keys, k.String())
	}
	return shape, err
}
