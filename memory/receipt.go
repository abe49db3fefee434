package memory

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/signing"
)

// ReceiptType is the type of every receipt.
const ReceiptType = "memhook.erasure"

// MaxReceivers is how many lines a receipt has at most, one for each memory and
// endpoint, and MaxErasedIDs how many memories it names.
const (
	MaxReceivers = 100_000
	MaxErasedIDs = 100_000
)

// ErrForged says that a receipt is not what was signed.
var ErrForged = errors.New("the receipt does not verify")

// A Receipt says what an erasure did and who acknowledged it. It has no word of what
// was erased.
type Receipt struct {
	Type        string            `json:"type"`
	ID          string            `json:"id"`
	ProjectID   string            `json:"project_id"`
	State       ErasureState      `json:"state"`
	MemoryIDs   []uuid.UUID       `json:"memory_ids"`
	Scope       Scope             `json:"scope"`
	Everything  bool              `json:"everything"` // of the scope, also what made no memory
	RequestedBy string            `json:"requested_by"`
	RequestedAt string            `json:"requested_at"`
	FinishedAt  string            `json:"finished_at,omitempty"`
	Scrubbed    ErasureCounts     `json:"scrubbed"`
	Receivers   []ReceiptReceiver `json:"receivers"`
	Cut         bool              `json:"cut,omitempty"` // there are more memories or receivers
	IssuedAt    string            `json:"issued_at"`
}

// A ReceiptReceiver is an endpoint of a receipt, for one memory.
type ReceiptReceiver struct {
	MemoryID       uuid.UUID `json:"memory_id"`
	EndpointID     string    `json:"endpoint_id"`
	Name           string    `json:"name"`
	Host           string    `json:"host"`
	DeletedAt      string    `json:"deleted_at,omitempty"` // of the endpoint
	Sent           int       `json:"messages_sent_before"` // as far as they were on record
	DeliveryID     string    `json:"delivery_id,omitempty"`
	Status         string    `json:"status,omitempty"`
	Reason         string    `json:"reason,omitempty"`
	AcknowledgedAt string    `json:"acknowledged_at,omitempty"`
}

// A SignedReceipt is a Receipt with its signature: v1a of Standard Webhooks, with the
// erasure's ID, SignedAt, and the receipt's JSON without white space.
type SignedReceipt struct {
	Receipt   json.RawMessage `json:"receipt"`
	SignedAt  int64           `json:"signed_at"` // Unix seconds
	Key       string          `json:"key"`
	Signature string          `json:"signature"`
}

// Receipt returns the signed receipt of an erasure, as things are now. ErrNotFound.
func (s *Service) Receipt(ctx context.Context, projectID string, id uuid.UUID) (SignedReceipt, error) {
	x, err := s.store.Erasure(ctx, projectID, id)
	if err != nil {
		return SignedReceipt{}, err
	}
	now := s.now().UTC().Truncate(time.Microsecond)
	r := Receipt{
		Type: ReceiptType, ID: delivery.FormatID(ErasurePrefix, id), ProjectID: projectID, State: x.State, Scope: x.Scope, Everything: x.Whole,
		RequestedBy: x.By, RequestedAt: Timestamp(x.CreatedAt), FinishedAt: orNever(x.FinishedAt), Scrubbed: x.Counts,
		MemoryIDs: []uuid.UUID{}, Receivers: []ReceiptReceiver{}, IssuedAt: Timestamp(now),
	}
	ids, err := s.store.ErasedMemories(ctx, projectID, id, MaxErasedIDs+1)
	if err != nil {
		return SignedReceipt{}, err
	}
	list, err := s.store.Receivers(ctx, projectID, id, MaxReceivers+1)
	if err != nil {
		return SignedReceipt{}, err
	}
	r.Cut = len(ids) > MaxErasedIDs || len(list) > MaxReceivers
	r.MemoryIDs = append(r.MemoryIDs, ids[:min(len(ids), MaxErasedIDs)]...)
	for _, v := range list[:min(len(list), MaxReceivers)] {
		r.Receivers = append(r.Receivers, v.onReceipt())
	}
	key, err := s.store.ReceiptKey(ctx, projectID, now)
	if err != nil {
		return SignedReceipt{}, fmt.Errorf("key of receipts: %w", err)
	}
	return r.sign(key, now), nil
}

func orNever(t *time.Time) string {
	if t == nil {
		return ""
	}
	return Timestamp(*t)
}

func (v Receiver) onReceipt() ReceiptReceiver {
	r := ReceiptReceiver{
		MemoryID: v.MemoryID, EndpointID: delivery.FormatID(delivery.EndpointPrefix, v.EndpointID), Name: v.EndpointName, Sent: v.Sent,
		DeletedAt: orNever(v.DeletedAt), Status: string(v.Status), Reason: string(v.Reason), AcknowledgedAt: orNever(v.AcknowledgedAt),
	}
	if v.DeliveryID != uuid.Nil {
		r.DeliveryID = delivery.FormatID(delivery.DeliveryPrefix, v.DeliveryID)
	}
	if u, err := url.Parse(v.EndpointURL); err == nil {
		r.Host = u.Host // the rest of an address may be a secret
	}
	return r
}

func (r Receipt) sign(key signing.Secret, now time.Time) SignedReceipt {
	raw := mustMarshal(r)
	var plain bytes.Buffer
	if err := json.Compact(&plain, raw); err != nil {
		panic(err) // it was made by json.Marshal
	}
	public, _ := key.Public()
	return SignedReceipt{
		Receipt: plain.Bytes(), SignedAt: now.Unix(), Key: public.String(),
		Signature: signing.Sign([]signing.Secret{key}, r.ID, now, plain.Bytes()),
	}
}

// VerifyReceipt reads a signed receipt, and returns what one of the keys has signed.
// Its error is ErrForged, with what is wrong, when none of them has.
func VerifyReceipt(document []byte, keys []signing.PublicKey) (Receipt, error) {
	forged := func(format string, args ...any) (Receipt, error) {
		return Receipt{}, fmt.Errorf("%w: %s", ErrForged, fmt.Sprintf(format, args...))
	}
	members, err := onlyOnce(document)
	if err != nil {
		return forged("it is not the JSON of a receipt: %v", err)
	}
	var signed SignedReceipt
	var r Receipt
	var plain bytes.Buffer
	if err := json.Unmarshal(document, &signed); err != nil {
		return forged("it is not the JSON of a receipt: %v", err)
	}
	if err := errors.Join(json.Compact(&plain, members["receipt"]), json.Unmarshal(plain.Bytes(), &r)); err != nil {
		return forged("it has no receipt: %v", err)
	}
	if r.Type != ReceiptType {
		return forged("it is not of the type %s", ReceiptType)
	}
	h := http.Header{}
	h.Set(signing.HeaderID, r.ID)
	h.Set(signing.HeaderTimestamp, strconv.FormatInt(signed.SignedAt, 10))
	h.Set(signing.HeaderSignature, signed.Signature)
	if err := signing.VerifyPublic(keys, h, plain.Bytes(), time.Unix(signed.SignedAt, 0), time.Second); err != nil {
		return forged("it was changed, or another key signed it: %v", err)
	}
	return r, nil
}

// onlyOnce reads an object of which each member stands there once: of two, readers may
// take either.
func onlyOnce(raw []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("no object")
	}
	members := map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := t.(string)
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return nil, err
		}
		if _, twice := members[name]; twice {
			return nil, fmt.Errorf("the member %q stands there twice", name)
		}
		members[name] = v
	}
	if len(members) != 4 {
		return nil, errors.New("it must have receipt, signed_at, key and signature")
	}
	return members, nil
}

// ReceiptKeys returns the public keys with which the project's receipts verify, oldest
// first.
func (s *Service) ReceiptKeys(ctx context.Context, projectID string) ([]signing.PublicKey, error) {
	if _, err := s.store.ReceiptKey(ctx, projectID, s.now().UTC()); err != nil {
		return nil, fmt.Errorf("key of receipts: %w", err)
	}
	return s.store.ReceiptKeys(ctx, projectID)
}
