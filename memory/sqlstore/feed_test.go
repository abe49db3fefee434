package sqlstore_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"memhook/delivery"
	"memhook/delivery/feed"
	"memhook/memory/sqlstore"
	"memhook/memory/sqlstore/sqlstoretest"
)

// said stores one memory and returns the ID of its message.
func said(t *testing.T, db *sqlstore.DB, project, user, text string) uuid.UUID {
	t.Helper()
	e := newEvent(project, start, user, false)
	if err := db.InsertEvent(t.Context(), e); err != nil {
		t.Error(err)
		return uuid.Nil
	}
	c := completion(claimEvent(t, db, e.ID, start), start, text)
	if _, err := db.CompleteEvent(t.Context(), c); err != nil {
		t.Error(err)
	}
	return c.Messages[0].ID
}

// readFeed reads on from a place until nothing is left.
func readFeed(t *testing.T, db *sqlstore.DB, project string, at feed.Place, limit int) (ids []uuid.UUID, end feed.Place) {
	t.Helper()
	for {
		l, err := db.FeedAfter(t.Context(), project, at, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range l.Entries {
			ids, at = append(ids, e.Message.ID), e.Place
		}
		if !l.More {
			return ids, at
		}
	}
}

func TestFeedHasEachMessageOnceInTheOrderOfCommits(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	other, _ := sqlstoretest.Project(t, db, "other")
	first, err := db.FeedEnd(t.Context(), project)
	if err != nil || first != (feed.Place{Whole: true}) {
		t.Fatalf("the end of an empty feed is %v, %v", first, err)
	}
	var want []uuid.UUID
	for i := range 7 {
		want = append(want, said(t, db, project, "alice", fmt.Sprint("fact ", i)))
		said(t, db, other, "bob", fmt.Sprint("fact ", i))
	}
	for _, from := range []feed.Place{first, feed.Start} {
		if got, _ := readFeed(t, db, project, from, 2); !slices.Equal(got, want) {
			t.Errorf("from %v the feed has\n%v, want\n%v", from, got, want)
		}
	}
	_, end := readFeed(t, db, project, first, 3)
	if now, err := db.FeedEnd(t.Context(), project); err != nil || now != end {
		t.Errorf("the end is %v, %v; whoever has read all is at %v", now, err, end)
	}
	heads, err := db.FeedHeads(t.Context(), []string{project, other, "none"})
	if err != nil || len(heads) != 2 || heads[project] != end.Seq {
		t.Errorf("heads %v, %v; want %d of %s", heads, err, end.Seq, project)
	}
}

func TestTestSendsAreInNoFeed(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	e := newEndpoint(t, db, project, delivery.AllTypes)
	m := delivery.Message{ID: delivery.NewID(), ProjectID: project, Type: delivery.MemoryAdd, Body: []byte(`{}`), CreatedAt: start}
	d := delivery.Delivery{
		ID: delivery.NewID(), ProjectID: project, MessageID: m.ID, EndpointID: e.ID, Status: delivery.Pending, Trigger: delivery.Test,
		NextAt: &start, RoundAt: start, CreatedAt: start, UpdatedAt: start, Type: m.Type,
	}
	if err := db.InsertTest(t.Context(), m, d); err != nil {
		t.Fatal(err)
	}
	if got, _ := readFeed(t, db, project, feed.Start, 10); got != nil {
		t.Errorf("the feed has %v", got)
	}
	if _, err := db.Message(t.Context(), project, m.ID); err != nil {
		t.Errorf("the message is not stored: %v", err)
	}
}

// TestFeedSkipsNothingWhileManyWrite follows a feed that several nodes write to at once.
func TestFeedSkipsNothingWhileManyWrite(t *testing.T) {
	sqlstoretest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		testManyWriters(t, db, []*sqlstore.DB{db})
	})
	t.Run("nodes", func(t *testing.T) {
		url := sqlstoretest.PostgresURL(t)
		nodes := []*sqlstore.DB{sqlstoretest.Node(t, url, uuid.New()), sqlstoretest.Node(t, url, uuid.New()), sqlstoretest.Node(t, url, uuid.New())}
		testManyWriters(t, nodes[2], nodes)
	})
}

func testManyWriters(t *testing.T, db *sqlstore.DB, nodes []*sqlstore.DB) {
	const writers, each = 12, 25
	project, _ := sqlstoretest.Project(t, db, "p")
	beside, _ := sqlstoretest.Project(t, db, "beside")
	var mu sync.Mutex
	want := map[uuid.UUID]bool{}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				id := said(t, nodes[w%len(nodes)], project, fmt.Sprint("user", w), fmt.Sprint("fact ", i))
				said(t, nodes[w%len(nodes)], beside, fmt.Sprint("user", w), fmt.Sprint("fact ", i))
				mu.Lock()
				want[id] = true
				mu.Unlock()
			}
		})
	}
	got := map[uuid.UUID]int{}
	at := feed.Start
	read := func() {
		var ids []uuid.UUID
		ids, at = readFeed(t, db, project, at, 3)
		for _, id := range ids {
			got[id]++
		}
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for over := false; !over; {
		select {
		case <-done:
			over = true
		default:
		}
		read()
	}
	for id := range want {
		if got[id] != 1 {
			t.Errorf("message %s was read %d times", id, got[id])
		}
	}
	if len(got) != writers*each {
		t.Errorf("%d messages were read, want %d", len(got), writers*each)
	}
}

// TestFeedWaitsForACommitThatIsLate: a message whose transaction takes long stands
// before those that came after it, or they wait for it; a reader never passes it.
func TestFeedWaitsForACommitThatIsLate(t *testing.T) {
	url := sqlstoretest.PostgresURL(t)
	db := sqlstoretest.Node(t, url, uuid.New())
	project, _ := sqlstoretest.Project(t, db, "p")
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	late, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slow := uuid.Must(uuid.NewV7())
	for _, s := range []struct {
		text string
		args []any
	}{
		{`INSERT INTO feeds (project_id, seq) VALUES ($1, 1) ON CONFLICT (project_id) DO UPDATE SET seq = feeds.seq + 1`, []any{project}},
		{`INSERT INTO messages (id, project_id, event_id, type, body, created_at, seq) VALUES ($1, $2, $1, 'memory_add', '{}', 0,
			(SELECT seq FROM feeds WHERE project_id = $2))`, []any{slow, project}},
	} {
		if _, err := late.Exec(t.Context(), s.text, s.args...); err != nil {
			t.Fatal(err)
		}
	}
	stored := make(chan uuid.UUID)
	go func() { stored <- said(t, db, project, "alice", "fact") }()
	waiting(t, url)
	if got, _ := readFeed(t, db, project, feed.Start, 10); got != nil {
		t.Errorf("before the late commit the feed has %v", got)
	}
	if err := late.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := first(readFeed(t, db, project, feed.Start, 10)), slow; len(got) == 0 || got[0] != want {
		t.Errorf("after the late commit the feed has %v, want %v first", got, want)
	}
	want := []uuid.UUID{slow, <-stored}
	if got, _ := readFeed(t, db, project, feed.Start, 10); !slices.Equal(got, want) {
		t.Errorf("the feed has %v, want %v", got, want)
	}
}

func first(ids []uuid.UUID, _ feed.Place) []uuid.UUID { return ids }

// waiting returns once a transaction waits for another.
func waiting(t *testing.T, url string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	end := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for n := 0; n == 0; {
		if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_locks l JOIN pg_database d ON true WHERE NOT l.granted AND d.datname = current_database()`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("no transaction waits for the late one")
		}
	}
}

func TestFeedSaysWhatIsPruned(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	said(t, db, project, "alice", "one")
	_, seen := readFeed(t, db, project, feed.Start, 10)
	said(t, db, project, "alice", "two")
	_, end := readFeed(t, db, project, feed.Start, 10)
	if _, err := db.Prune(t.Context(), time.Now().Add(time.Hour), uuid.Nil); err != nil {
		t.Fatal(err)
	}
	l, err := db.FeedAfter(t.Context(), project, seen, 10)
	if err != nil || l.Pruned != end.Seq || l.Head != end.Seq || l.Known || l.Entries != nil {
		t.Errorf("after pruning: %+v, %v; want all up to %d pruned", l, err, end.Seq)
	}
	now, err := db.FeedEnd(t.Context(), project)
	if err != nil || cmp.Compare(now.Seq, end.Seq) != 0 {
		t.Errorf("the end is %v, %v; want %d", now, err, end.Seq)
	}
	id := said(t, db, project, "alice", "three")
	if got, _ := readFeed(t, db, project, now, 10); !slices.Equal(got, []uuid.UUID{id}) {
		t.Errorf("after pruning the feed goes on with %v, want %v", got, id)
	}
}
