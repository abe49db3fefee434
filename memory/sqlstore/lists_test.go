package sqlstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/sqlstore"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/retry"
)

// happened accepts an event of a user and makes an attempt for each of its
// deliveries that ends with the status; 0 leaves them waiting.
func happened(t *testing.T, db *sqlstore.DB, project, user, text string, code int) []uuid.UUID {
	t.Helper()
	e := newEvent(project, start, user, false)
	if err := db.InsertEvent(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	c := completion(claimEvent(t, db, e.ID, start), start, text)
	c.Messages[0].Body = []byte(`{"data":{"memory":"` + text + `"}}`)
	done, err := db.CompleteEvent(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	var ids []uuid.UUID
	for _, d := range done.Due {
		ids = append(ids, d.DeliveryID)
	}
	if code == 0 {
		return ids
	}
	claims, err := db.ClaimDeliveries(t.Context(), ids, start, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, claim := range claims {
		r := delivery.Result{Claim: claim, Status: delivery.Succeeded, Attempt: delivery.Attempt{
			ID: delivery.NewID(), DeliveryID: claim.Delivery.ID, Number: 1, Trigger: delivery.Scheduled, URL: claim.Endpoint.URL,
			StartedAt: start, Duration: time.Millisecond, StatusCode: code, Class: retry.StatusClass(code), ResponseBody: []byte("answer"),
		}}
		if code >= 300 {
			r.Status, r.Reason = delivery.Failed, delivery.ReasonOutOfTries
		}
		if _, err := db.FinishAttempt(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	return ids
}

func idsOf(rows []delivery.Row) []uuid.UUID {
	var ids []uuid.UUID
	for _, r := range rows {
		ids = append(ids, r.Delivery.ID)
	}
	return ids
}

func TestDeliveriesAreListedByEveryFilter(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	other, _ := sqlstoretest.Project(t, db, "other")
	crm := newEndpoint(t, db, project, delivery.AllTypes)
	newEndpoint(t, db, other, delivery.AllTypes)
	good := happened(t, db, project, "alice", "Lives in Lisbon", 200)[0]
	failed := happened(t, db, project, "bob", "Likes tea", 503)[0]
	waiting := happened(t, db, project, "alice", "Has a \\\"dog\\\"", 0)[0]
	theirs := happened(t, db, other, "alice", "Lives in Lisbon", 503)[0]

	one, err := db.Trail(t.Context(), project, failed)
	if err != nil {
		t.Fatal(err)
	}
	all := []uuid.UUID{waiting, failed, good}
	tests := []struct {
		typed string
		want  []uuid.UUID
	}{
		{"", all},
		{"status:succeeded", []uuid.UUID{good}},
		{"status:failed", []uuid.UUID{failed}},
		{"status:failed endpoint:crm", []uuid.UUID{failed}},
		{"status:waiting", []uuid.UUID{waiting}},
		{"status:pending endpoint:crm", []uuid.UUID{waiting}},
		{"status:retrying", nil},
		{"status:held", nil},
		{"endpoint:" + delivery.FormatID(delivery.EndpointPrefix, crm.ID), all},
		{"endpoint:CR", all},
		{"endpoint:slack", nil},
		{"type:memory_add", all},
		{"type:memory_delete", nil},
		{"code:5xx", []uuid.UUID{failed}},
		{"code:200", []uuid.UUID{good}},
		{"error:status", []uuid.UUID{failed}},
		{"error:dns", nil},
		{"trigger:scheduled", all},
		{"trigger:test", nil},
		{"since:1h", all},
		{"until:1h", nil},
		{"user:alice", []uuid.UUID{waiting, good}},
		{"user:alice status:succeeded code:2xx", []uuid.UUID{good}},
		{"user:alice run:r", nil},
		{"event:" + one.Delivery.EventID.String(), []uuid.UUID{failed}},
		{"message:" + delivery.FormatID(delivery.MessagePrefix, one.Delivery.MessageID), []uuid.UUID{failed}},
		{"message:" + delivery.FormatID(delivery.MessagePrefix, delivery.NewID()), nil},
		{"lisbon", []uuid.UUID{good}},
		{`"a \"dog\""`, []uuid.UUID{waiting}},
		{"CRM", all},
		{"status:failed lisbon", nil},
	}
	for _, tt := range tests {
		t.Run(tt.typed, func(t *testing.T) {
			terms, err := delivery.ParseTerms(tt.typed)
			q := delivery.Query{ProjectID: project}
			if err == nil {
				err = q.Apply(terms, time.Now())
			}
			if err != nil {
				t.Fatal(err)
			}
			p, err := db.Deliveries(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, idsOf(p.Rows)); diff != "" || p.Older != nil || p.Newer != nil || p.Cut {
				t.Errorf("page %+v (-want +got):\n%s", p, diff)
			}
			q.IDs = []uuid.UUID{good, theirs, waiting, failed}
			if p, err = db.Deliveries(t.Context(), q); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, idsOf(p.Rows)); diff != "" || p.Older != nil || p.Cut {
				t.Errorf("of some deliveries: page %+v (-want +got):\n%s", p, diff)
			}
			q.IDs = []uuid.UUID{theirs}
			if p, err = db.Deliveries(t.Context(), q); err != nil || len(p.Rows) != 0 {
				t.Errorf("of another project's delivery: %+v, error %v", p.Rows, err)
			}
			q.IDs = nil
			counts, err := db.DeliveryCounts(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if got := counts[q.Status]; q.Text == "" && got.N != len(tt.want) {
				t.Errorf("%d are counted, want %d", got.N, len(tt.want))
			}
		})
	}
}

func TestARowHasItsLastAttempts(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	newEndpoint(t, db, project, delivery.AllTypes)
	id := happened(t, db, project, "alice", "Lives in Lisbon", 503)[0]
	p, err := db.Deliveries(t.Context(), delivery.Query{ProjectID: project})
	if err != nil || len(p.Rows) != 1 {
		t.Fatalf("%d rows, error %v", len(p.Rows), err)
	}
	want := delivery.Row{
		Delivery: p.Rows[0].Delivery, EndpointName: "crm", EndpointURL: "https://crm.example.com/hook",
		Recent: []delivery.Attempt{{
			DeliveryID: id, Number: 1, Trigger: delivery.Scheduled, StartedAt: start, Duration: time.Millisecond, StatusCode: 503, Class: retry.ClassStatus,
		}},
	}
	if diff := cmp.Diff(want, p.Rows[0]); diff != "" || want.Delivery.Type != delivery.MemoryAdd {
		t.Errorf("row (-want +got):\n%s", diff)
	}
	a, err := db.Attempt(t.Context(), project, id, 1)
	if err != nil || string(a.ResponseBody) != "answer" {
		t.Errorf("attempt %+v, error %v", a, err)
	}
	if _, err := db.Attempt(t.Context(), "proj_other", id, 1); err == nil {
		t.Error("another project reads the attempt")
	}
}

func TestPagesOfDeliveriesMeet(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	newEndpoint(t, db, project, delivery.AllTypes)
	var want []uuid.UUID
	for i := range 7 {
		want = append(happened(t, db, project, "alice", fmt.Sprint("fact ", i), 200), want...)
	}
	for _, typed := range []string{"", "user:alice", "status:succeeded", "fact"} {
		t.Run(typed, func(t *testing.T) {
			q := delivery.Query{ProjectID: project, Limit: 3}
			terms, _ := delivery.ParseTerms(typed)
			if err := q.Apply(terms, time.Now()); err != nil {
				t.Fatal(err)
			}
			var pages []delivery.Page
			var got []uuid.UUID
			for {
				p, err := db.Deliveries(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				pages, got = append(pages, p), append(got, idsOf(p.Rows)...)
				if q.After = p.Older; p.Older == nil {
					break
				}
			}
			if diff := cmp.Diff(want, got); diff != "" || len(pages) != 3 {
				t.Errorf("%d pages (-want +got):\n%s", len(pages), diff)
			}
			q.After, q.Before = nil, pages[2].Newer
			back, err := db.Deliveries(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want[3:6], idsOf(back.Rows)); diff != "" || back.Newer == nil || back.Older == nil {
				t.Errorf("going back (-want +got):\n%s", diff)
			}
			q.Before = back.Newer
			if first, err := db.Deliveries(t.Context(), q); err != nil || first.Newer != nil || !cmp.Equal(idsOf(first.Rows), want[:3]) {
				t.Errorf("the first page again: %v, newer %v, error %v", idsOf(first.Rows), first.Newer, err)
			}
		})
	}
}

func TestChangedDeliveriesAreFound(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	newEndpoint(t, db, project, delivery.AllTypes)
	first, second := happened(t, db, project, "alice", "a", 200)[0], happened(t, db, project, "alice", "b", 0)[0]
	rows, place, err := db.DeliveriesAfter(t.Context(), project, delivery.Place{At: start.Add(-time.Second)}, 10)
	if diff := cmp.Diff([]uuid.UUID{second, first}, idsOf(rows)); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	if rows, _, err := db.DeliveriesAfter(t.Context(), project, place, 10); err != nil || len(rows) != 0 {
		t.Errorf("after the last one: %v, error %v", idsOf(rows), err)
	}
	if rows, _, err := db.DeliveriesAfter(t.Context(), "proj_other", delivery.Place{}, 10); err != nil || len(rows) != 0 {
		t.Errorf("another project sees %v, error %v", idsOf(rows), err)
	}
}

func TestEventsAreListedByEveryFilter(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	var ids []uuid.UUID // newest first
	for _, user := range []string{"alice", "bob", "alice"} {
		e := newEvent(project, time.Now().Truncate(time.Microsecond), user, false)
		if err := db.InsertEvent(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		ids = append([]uuid.UUID{e.ID}, ids...)
	}
	tests := []struct {
		typed string
		want  []uuid.UUID
	}{
		{"", ids},
		{"status:pending", ids},
		{"status:failed", nil},
		{"type:add", ids},
		{"type:DELETE", nil},
		{"user:alice", []uuid.UUID{ids[0], ids[2]}},
		{"user:alice status:failed", nil},
		{"agent:x", nil},
		{"since:1m", ids},
		{"until:1m", nil},
		{"BOB", []uuid.UUID{ids[1]}},
	}
	for _, tt := range tests {
		t.Run(tt.typed, func(t *testing.T) {
			q := memory.EventList{ProjectID: project, Limit: 2}
			terms, err := delivery.ParseTerms(tt.typed)
			if err == nil {
				err = q.Apply(terms, time.Now())
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []uuid.UUID
			for {
				p, err := db.EventPage(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range p.Events {
					got = append(got, e.ID)
				}
				if q.After = p.Older; p.Older == uuid.Nil {
					break
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAuditIsListed(t *testing.T) {
	db := sqlstoretest.Open(t)
	var want []delivery.AuditEntry // newest first
	for i := range 3 {
		a := delivery.AuditEntry{
			ID: delivery.NewID(), ProjectID: "proj_1", At: start, Actor: "key_1", ActorHint: "abcd", Action: "endpoint.pause",
			Subject: fmt.Sprint("ep_", i%2), Detail: "why",
		}
		if err := db.InsertAudit(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		want = append([]delivery.AuditEntry{a}, want...)
	}
	got, err := db.Audit(t.Context(), "proj_1", "", uuid.Nil, 10)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	if got, err = db.Audit(t.Context(), "proj_1", "ep_0", want[0].ID, 10); err != nil || len(got) != 1 || got[0].ID != want[2].ID {
		t.Errorf("after the newest about ep_0: %+v, error %v", got, err)
	}
	if got, err = db.Audit(t.Context(), "proj_2", "", uuid.Nil, 10); err != nil || len(got) != 0 {
		t.Errorf("another project sees %+v, error %v", got, err)
	}
}
