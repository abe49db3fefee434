package feed_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/delivery/feed"
)

// A shelf is a store in memory: each message is a commit of its own.
type shelf struct {
	mu     sync.Mutex
	list   []feed.Entry
	pruned int64
	looks  int // at heads
}

func (s *shelf) add(typ string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := delivery.NewID()
	s.list = append(s.list, feed.Entry{
		Message: delivery.Message{ID: id, ProjectID: "p", Type: typ, Body: []byte(`{"data":{"user_id":"alice"}}`)},
		Place:   feed.Place{Seq: int64(len(s.list) + 1), ID: id, Whole: true},
	})
}

func (s *shelf) FeedAfter(_ context.Context, _ string, at feed.Place, limit int) (feed.Look, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := feed.Look{Head: int64(len(s.list)), Pruned: s.pruned}
	for _, e := range s.list {
		l.Known = l.Known || e.Place == at
		if e.Place.Seq <= at.Seq || e.Place.Seq <= s.pruned {
			continue
		}
		if len(l.Entries) == limit {
			l.More = true
			break
		}
		l.Entries = append(l.Entries, e)
	}
	return l, nil
}

func (s *shelf) FeedEnd(context.Context, string) (feed.Place, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) == 0 {
		return feed.Place{Whole: true}, nil
	}
	return s.list[len(s.list)-1].Place, nil
}

func (s *shelf) FeedHeads(context.Context, []string) (map[string]int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
	return map[string]int64{"p": int64(len(s.list))}, nil
}

func newFeed(s *shelf) *feed.Feed {
	return feed.New(feed.Config{Store: s, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
}

func TestWaitEndsWithTheFirstMessageThatIsWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		f := newFeed(s)
		s.add(delivery.MemoryAdd)
		at, err := f.Open(t.Context(), "p", "")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			<-time.After(3 * time.Second)
			s.add(delivery.MemoryAdd)
			<-time.After(4 * time.Second)
			s.add(delivery.MemoryDelete)
		}()
		began := time.Now()
		q := feed.Query{ProjectID: "p", Interest: delivery.Interest{Types: []string{delivery.MemoryDelete}}, After: at}
		b, err := f.Wait(t.Context(), q, time.Minute)
		took := time.Since(began)
		if err != nil || len(b.Entries) != 1 || b.Entries[0].Message.Type != delivery.MemoryDelete || b.Next.Seq != 3 {
			t.Fatalf("got %+v, %v", b, err)
		}
		if took < 7*time.Second || took > 7*time.Second+feed.LookEvery {
			t.Errorf("it came after %v, want 7 s and one look", took)
		}
	})
}

func TestWaitEndsEmptyWithACursorThatHasMovedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		f := newFeed(s)
		go func() {
			<-time.After(time.Second)
			s.add(delivery.MemoryAdd)
		}()
		q := feed.Query{ProjectID: "p", Interest: delivery.Interest{Filter: delivery.Filter{UserIDs: []string{"bob"}}}, After: feed.Start}
		b, err := f.Wait(t.Context(), q, 30*time.Second)
		if err != nil || b.Entries != nil || b.Next.Seq != 1 {
			t.Errorf("got %+v, %v; want nothing, behind the first message", b, err)
		}
	})
}

func TestManyWaitersAreOneLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		f := newFeed(s)
		var wg sync.WaitGroup
		const waiters = 100
		for range waiters {
			wg.Go(func() {
				b, err := f.Wait(t.Context(), feed.Query{ProjectID: "p", After: feed.Start}, time.Minute)
				if err != nil || len(b.Entries) != 1 {
					t.Errorf("got %+v, %v", b, err)
				}
			})
		}
		<-time.After(20 * time.Second)
		s.mu.Lock()
		looks := s.looks
		s.mu.Unlock()
		if most := int(20*time.Second/feed.LookEvery) + 2; looks > most {
			t.Errorf("%d waiters made %d looks in 20 s, want %d at most", waiters, looks, most)
		}
		s.add(delivery.MemoryAdd)
		wg.Wait()
		synctest.Wait() // the watch ends, or the bubble complains
	})
}

func TestCloseEndsWaitsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFeed(&shelf{})
		time.AfterFunc(5*time.Second, f.Close)
		began := time.Now()
		b, err := f.Wait(t.Context(), feed.Query{ProjectID: "p", After: feed.Start}, time.Minute)
		if took := time.Since(began); err != nil || b.Entries != nil || took != 5*time.Second {
			t.Errorf("got %+v, %v after %v", b, err, took)
		}
		f.Close()
	})
}

func TestReadersAreCounted(t *testing.T) {
	f := newFeed(&shelf{})
	var leave []func()
	for range feed.MaxOfKey {
		l, err := f.Enter("key_1")
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, l)
	}
	if _, err := f.Enter("key_1"); !errors.Is(err, feed.ErrTooMany) {
		t.Errorf("one more of the key: %v", err)
	}
	if l, err := f.Enter("key_2"); err != nil {
		t.Errorf("one of another key: %v", err)
	} else {
		l()
	}
	leave[0]()
	leave[0]()
	if l, err := f.Enter("key_1"); err != nil {
		t.Errorf("after one has left: %v", err)
	} else {
		l()
	}
}

func TestACursorWhoseFeedIsNotAllThereIsGone(t *testing.T) {
	s := &shelf{}
	for range 5 {
		s.add(delivery.MemoryAdd)
	}
	f := newFeed(s)
	place := func(n int) feed.Place { return s.list[n-1].Place }
	part := place(2)
	part.Whole = false
	s.pruned = 2
	tests := []struct {
		name string
		at   feed.Place
		gone bool
		read int
	}{
		{"the start", feed.Start, false, 3},
		{"before what was pruned", place(1), true, 0},
		{"within a commit that was pruned", part, true, 0},
		{"the last that was pruned", place(2), false, 3},
		{"one that is kept", place(4), false, 1},
		{"the end", place(5), false, 0},
		{"ahead of the feed", feed.Place{Seq: 6, Whole: true}, true, 0},
		{"the number of a message that is not there", feed.Place{Seq: 4, ID: uuid.New(), Whole: true}, true, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			at, err := f.Open(t.Context(), "p", tt.at.String())
			if err != nil || at != tt.at {
				t.Fatalf("%v is read as %v, %v", tt.at, at, err)
			}
			b, err := f.Read(t.Context(), feed.Query{ProjectID: "p", After: at})
			if errors.Is(err, feed.ErrGone) != tt.gone || len(b.Entries) != tt.read {
				t.Errorf("got %d messages, %v; want %d, gone: %v", len(b.Entries), err, tt.read, tt.gone)
			}
		})
	}
}

func FuzzParsePlace(f *testing.F) {
	f.Add("start")
	f.Add(feed.Place{Seq: 7, ID: uuid.New()}.String())
	f.Add(feed.Place{Seq: 1 << 60, Whole: true}.String())
	f.Add("AQ")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := feed.ParsePlace(s)
		if err == nil && p.String() != s {
			t.Errorf("%q is read as %+v, which is %q", s, p, p.String())
		}
	})
}
