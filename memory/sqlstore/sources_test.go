package sqlstore_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/signing/inbound"
)

func newSource(t *testing.T, project string) memory.Source {
	t.Helper()
	return memory.Source{
		ID: delivery.NewID(), ProjectID: project, Name: "crm", Verification: memory.VerifyGitHub, Header: inbound.GitHubHeader,
		Secret: inbound.GenerateSecret(), Token: inbound.GenerateSecret(), Window: 90 * time.Minute, CreatedAt: start, UpdatedAt: start,
	}
}

func TestSources(t *testing.T) {
	path := filepath.Join(t.TempDir(), "memhook.db")
	db := sqlstoretest.At(t, path)
	mine, _ := sqlstoretest.Project(t, db, "mine")
	other, _ := sqlstoretest.Project(t, db, "other")
	s := newSource(t, mine)
	if err := db.InsertSource(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	same := func(got memory.Source) bool {
		return got.ID == s.ID && got.Name == s.Name && got.Verification == s.Verification && got.Header == s.Header &&
			got.Secret.Reveal() == s.Secret.Reveal() && got.Token.Reveal() == s.Token.Reveal() && got.Window == s.Window && got.CreatedAt.Equal(s.CreatedAt)
	}
	got, err := db.SourceByToken(t.Context(), memory.SourceToken(s.Token.Reveal()))
	if err != nil || !same(got) {
		t.Errorf("by its token: %+v, %v, want %+v", got, err, s)
	}
	if got, err := db.Source(t.Context(), mine, s.ID); err != nil || !same(got) {
		t.Errorf("by its ID: %+v, %v, want %+v", got, err, s)
	}
	for name, err := range map[string]error{
		"another project's": second(db.Source(t.Context(), other, s.ID)),
		"an unknown token":  second(db.SourceByToken(t.Context(), memory.SourceToken("x"))),
		"changing another project's": second(db.UpdateSource(t.Context(), other, s.ID, func(*memory.Source) error {
			return errors.New("asked")
		})),
		"deleting another project's": db.DeleteSource(t.Context(), other, s.ID),
	} {
		if !errors.Is(err, memory.ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", name, err)
		}
	}
	paused := start.Add(time.Hour)
	if _, err := db.UpdateSource(t.Context(), mine, s.ID, func(s *memory.Source) error {
		s.PausedAt, s.Secret, s.Verification = &paused, inbound.Secret{}, memory.VerifyNone
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	list, err := db.Sources(t.Context(), mine)
	if err != nil || len(list) != 1 || list[0].PausedAt == nil || !list[0].PausedAt.Equal(paused) || !list[0].Secret.IsZero() {
		t.Errorf("after the change: %+v, %v", list, err)
	}
	if err := db.DeleteSource(t.Context(), mine, s.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Source(t.Context(), mine, s.ID); !errors.Is(err, memory.ErrNotFound) {
		t.Errorf("after deletion: %v", err)
	}
	for _, file := range []string{path, path + "-wal"} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(raw), s.Secret.Reveal()) || strings.Contains(string(raw), s.Token.Reveal()) {
			t.Errorf("a secret stands in %s", file)
		}
	}
}

// TestSourceOfADeletedProject: it is closed with its project.
func TestSourceOfADeletedProject(t *testing.T) {
	db := sqlstoretest.Open(t)
	sqlstoretest.Project(t, db, "the first cannot be deleted")
	project, _ := sqlstoretest.Project(t, db, "p")
	s := newSource(t, project)
	if err := db.InsertSource(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if err := db.DeleteProject(t.Context(), project, start); err != nil {
		t.Fatal(err)
	}
	if _, err := db.SourceByToken(t.Context(), memory.SourceToken(s.Token.Reveal())); !errors.Is(err, memory.ErrNotFound) {
		t.Errorf("its source: %v, want ErrNotFound", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestSourcesHaveALimit(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	for range memory.MaxSources {
		if err := db.InsertSource(t.Context(), newSource(t, project)); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.InsertSource(t.Context(), newSource(t, project)); !errors.Is(err, memory.ErrTooManySources) {
		t.Errorf("one more: %v", err)
	}
}

// TestSeenIsForgotten: after its window a request is pruned, and not before.
func TestSeenIsForgotten(t *testing.T) {
	db := sqlstoretest.Open(t)
	project, _ := sqlstoretest.Project(t, db, "p")
	relay := func(key string, expires time.Time) memory.Relay {
		e := memory.Event{
			ID: delivery.NewID(), ProjectID: project, Kind: memory.EventRelay, Status: memory.EventSucceeded,
			CreatedAt: start, UpdatedAt: start, CompletedAt: &start,
		}
		m := delivery.Message{ID: delivery.NewID(), ProjectID: project, EventID: e.ID, Type: "relay.x", Body: []byte(`{}`), CreatedAt: start}
		return memory.Relay{SourceID: uuid.Max, Key: []byte(key), Expires: expires, Event: e, Message: m}
	}
	for key, expires := range map[string]time.Time{"a": start.Add(time.Hour), "b": start.Add(2 * time.Hour)} {
		if _, err := db.InsertRelay(t.Context(), relay(key, expires)); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := db.PruneSeen(t.Context(), start.Add(time.Hour)); err != nil || n != 1 {
		t.Errorf("%d pruned, error %v, want 1", n, err)
	}
	for key, repeat := range map[string]bool{"a": false, "b": true} {
		if done, err := db.InsertRelay(t.Context(), relay(key, start.Add(3*time.Hour))); err != nil || done.Duplicate != repeat {
			t.Errorf("%s again: %+v, %v; want a repeat: %t", key, done, err, repeat)
		}
	}
}
