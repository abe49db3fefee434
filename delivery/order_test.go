package delivery_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
)

// orders are the endpoint that the test is about, and one that shows what happens
// without.
func (s *system) orders(t *testing.T, o delivery.Order) {
	t.Helper()
	for _, host := range []string{"ordered.example.com", "free.example.com"} {
		s.endpoint(t, host, func(n *delivery.NewEndpoint) {
			n.EventTypes = []string{delivery.MemoryAdd, delivery.MemoryUpdate, delivery.MemoryDelete}
			if host == "ordered.example.com" {
				n.Order = o
			}
		})
	}
}

// memories adds n memories, the i-th with the text "memory i version 0".
func (s *system) memories(t *testing.T, n int) []uuid.UUID {
	t.Helper()
	ids := make([]uuid.UUID, n)
	for i := range ids {
		_, changes, err := s.memory.AddNow(t.Context(), s.project, memory.Add{
			Turns: []memory.Turn{{Role: "user", Text: fmt.Sprintf("memory %d version 0", i)}}, Scope: memory.Scope{UserID: "alice"},
		}, nil)
		if err != nil || len(changes) != 1 {
			t.Fatalf("%d changes, error %v", len(changes), err)
		}
		ids[i] = changes[0].Memory.ID
	}
	return ids
}

func (s *system) edit(t *testing.T, id uuid.UUID, i, version int) {
	t.Helper()
	text := fmt.Sprintf("memory %d version %d", i, version)
	if _, err := s.memory.Update(t.Context(), s.project, memory.Edit{ID: id, Text: &text}); err != nil {
		t.Fatal(err)
	}
}

// idle lets time pass until nothing waits at any endpoint.
func (s *system) idle(t *testing.T) {
	t.Helper()
	for range 5000 {
		page, err := s.db.Deliveries(t.Context(), delivery.Query{ProjectID: s.project, Status: delivery.Waiting, Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Rows) == 0 {
			return
		}
		time.Sleep(time.Minute)
	}
	t.Fatal("something still waits")
}

var versioned = regexp.MustCompile(`"memory":"memory (\d+) version (\d+)"`)

// A step is a request about a version of a memory.
type step struct{ memory, version, answered int }

func steps(t *testing.T, list []request) []step {
	t.Helper()
	var all []step
	for _, r := range list {
		m := versioned.FindStringSubmatch(r.body)
		if m == nil {
			t.Fatalf("body %s", r.body)
		}
		i, _ := strconv.Atoi(m[1])
		v, _ := strconv.Atoi(m[2])
		all = append(all, step{i, v, r.answered})
	}
	return all
}

// reversals counts requests that came after one about a newer version.
func reversals(list []step) int {
	n, newest := 0, map[int]int{}
	for _, s := range list {
		if s.version < newest[s.memory] {
			n++
		}
		newest[s.memory] = max(newest[s.memory], s.version)
	}
	return n
}

// TestCategoriesOvertakeNothing: what has no text must not take the place of a text.
func TestCategoriesOvertakeNothing(t *testing.T) {
	id := uuid.New()
	for _, tt := range []struct {
		order delivery.Order
		typ   string
		want  uuid.UUID
	}{
		{delivery.Unordered, delivery.MemoryUpdate, uuid.Nil},
		{delivery.InOrder, delivery.MemoryUpdate, id},
		{delivery.InOrder, delivery.MemoryCategorize, id},
		{delivery.Latest, delivery.MemoryUpdate, id},
		{delivery.Latest, delivery.MemoryDelete, id},
		{delivery.Latest, delivery.MemoryCategorize, uuid.Nil},
	} {
		e := delivery.Endpoint{ID: uuid.New(), EventTypes: []string{delivery.AllTypes}, Order: tt.order}
		list := delivery.FanOut(delivery.Message{Type: tt.typ, MemoryID: id}, []delivery.Endpoint{e})
		if len(list) != 1 || list[0].Lane != tt.want {
			t.Errorf("%s at an endpoint with order %s: %+v, want the lane %s", tt.typ, tt.order, list, tt.want)
		}
	}
}

func TestOrderOfAMemory(t *testing.T) {
	bubble(t, func(t *testing.T, s *system, r *receivers) {
		const memories, edits = 8, 6
		chance := rand.New(rand.NewPCG(1, 2))
		r.say(func(*http.Request) int {
			if chance.IntN(100) < 40 {
				return http.StatusBadGateway
			}
			return http.StatusOK
		})
		s.orders(t, delivery.InOrder)
		ids := s.memories(t, memories)
		for v := 1; v <= edits; v++ {
			for i, id := range ids {
				s.edit(t, id, i, v)
			}
			time.Sleep(3 * time.Second)
		}
		s.idle(t)
		got := steps(t, r.to("ordered.example.com"))
		if n := reversals(got); n > 0 {
			t.Errorf("%d requests came after a newer version's: %v", n, got)
		}
		taken := map[int]int{} // versions answered with 2xx, which come one by one
		for _, st := range got {
			if st.version != taken[st.memory] {
				t.Errorf("memory %d: version %d was sent when version %d was next", st.memory, st.version, taken[st.memory])
			}
			if st.answered == http.StatusOK {
				taken[st.memory]++
			}
		}
		for i := range ids {
			if taken[i] != edits+1 {
				t.Errorf("memory %d: %d of %d versions arrived", i, taken[i], edits+1)
			}
		}
		if reversals(steps(t, r.to("free.example.com"))) == 0 {
			t.Error("an endpoint without order got everything in order: the test shows nothing")
		}
	})
}

// TestOrderIsPassedOn has the first of three messages canceled by hand.
func TestOrderIsPassedOn(t *testing.T) {
	bubble(t, func(t *testing.T, s *system, r *receivers) {
		r.say(always(http.StatusBadGateway))
		s.orders(t, delivery.InOrder)
		id := s.memories(t, 1)[0]
		s.edit(t, id, 0, 1)
		s.edit(t, id, 0, 2)
		waiting := func(want int) []delivery.Delivery {
			t.Helper()
			var list []delivery.Delivery
			s.settle(t, func() bool {
				page, err := s.db.Deliveries(t.Context(), delivery.Query{ProjectID: s.project, Endpoint: "ordered.example.com", Status: delivery.Waiting, Limit: delivery.MaxPage})
				if err != nil {
					t.Fatal(err)
				}
				list = nil
				n := 0
				for _, row := range page.Rows {
					list = append(list, row.Delivery) // newest first
					if row.Delivery.Reason == delivery.ReasonTurn {
						n++
					}
				}
				return n == want
			})
			return list
		}
		list := waiting(2)
		first := list[len(list)-1]
		for _, d := range list[:2] {
			if d.Detail != delivery.FormatID(delivery.DeliveryPrefix, first.ID) && d.Detail != delivery.FormatID(delivery.DeliveryPrefix, list[1].ID) {
				t.Errorf("a delivery waits for %q, want one before it", d.Detail)
			}
		}
		if err := s.delivery.CancelDelivery(t.Context(), s.project, first.ID); err != nil {
			t.Fatal(err)
		}
		r.say(always(http.StatusOK))
		before := time.Now()
		s.settle(t, func() bool { return len(r.to("ordered.example.com")) >= 3 })
		if took := time.Since(before); took > 3*time.Second {
			t.Errorf("those that waited for a canceled one went after %v", took)
		}
		got := steps(t, r.to("ordered.example.com"))
		if last := got[len(got)-2:]; last[0] != (step{0, 1, http.StatusOK}) || last[1] != (step{0, 2, http.StatusOK}) {
			t.Errorf("after the first was canceled: %v", got)
		}
	})
}

func TestLatestAfterAnOutage(t *testing.T) {
	bubble(t, func(t *testing.T, s *system, r *receivers) {
		const memories, edits = 8, 6
		var up atomic.Bool
		up.Store(true)
		r.say(func(*http.Request) int {
			if up.Load() {
				return http.StatusOK
			}
			return http.StatusBadGateway
		})
		s.orders(t, delivery.Latest)
		ids := s.memories(t, memories)
		s.idle(t)
		up.Store(false)
		for v := 1; v <= edits; v++ {
			for i, id := range ids {
				s.edit(t, id, i, v)
			}
			time.Sleep(10 * time.Minute)
		}
		down := len(r.to("ordered.example.com"))
		up.Store(true)
		s.idle(t)
		got := steps(t, r.to("ordered.example.com"))
		if n := reversals(got); n > 0 {
			t.Errorf("%d requests came after a newer version's: %v", n, got)
		}
		after := got[down:]
		if len(after) != memories {
			t.Errorf("%d requests after the outage, want one for each of %d memories: %v", len(after), memories, after)
		}
		for _, st := range after {
			if st.version != edits {
				t.Errorf("memory %d: version %d arrived after the outage, want %d", st.memory, st.version, edits)
			}
		}
		page, err := s.db.Deliveries(t.Context(), delivery.Query{ProjectID: s.project, Status: delivery.ListStatus(delivery.Canceled), Limit: delivery.MaxPage})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(page.Rows); n != memories*(edits-1) {
			t.Errorf("%d deliveries are canceled, want %d", n, memories*(edits-1))
		}
		for _, row := range page.Rows {
			if d := row.Delivery; d.Reason != delivery.ReasonSuperseded || d.Detail == "" {
				t.Errorf("a canceled delivery has the reason %q (%s)", d.Reason, d.Detail)
			}
		}
		if free := len(r.to("free.example.com")); free <= len(got) {
			t.Errorf("an endpoint without order got %d requests, this one %d", free, len(got))
		}
	})
}
