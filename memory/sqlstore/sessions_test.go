package sqlstore_test

import (
	"errors"
	"testing"
	"time"

	"memhook/memory"
	"memhook/memory/sqlstore/sqlstoretest"
	"memhook/signing/apikey"
)

func TestSessions(t *testing.T) {
	db := sqlstoretest.Open(t)
	ctx := t.Context()
	now := time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)
	s := apikey.Session{ID: [32]byte{1}, KeyHash: [32]byte{2}, CreatedAt: now, SeenAt: now, ProvedAt: now}
	if err := db.InsertSession(ctx, s); err != nil {
		t.Fatal(err)
	}
	err := db.UpdateSession(ctx, s.ID, func(s *apikey.Session) {
		s.SeenAt, s.Shown, s.ShownUntil = now.Add(time.Hour), "ep_x", now.Add(2*time.Hour)
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := db.Session(ctx, s.ID)
	if err != nil || !got.SeenAt.Equal(now.Add(time.Hour)) || !got.Sees("ep_x", now) || got.Sees("ep_y", now) || got.KeyHash != s.KeyHash {
		t.Errorf("the session reads %+v (%v)", got, err)
	}
	later := apikey.Session{ID: [32]byte{3}, CreatedAt: now.Add(apikey.SessionLife), SeenAt: now.Add(apikey.SessionLife), ProvedAt: now}
	if err := db.InsertSession(ctx, later); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Session(ctx, s.ID); !errors.Is(err, memory.ErrNotFound) {
		t.Errorf("a session that is over answered %v, want not found", err)
	}
	if err := db.UpdateSession(ctx, s.ID, func(*apikey.Session) {}); !errors.Is(err, memory.ErrNotFound) {
		t.Errorf("changing it answered %v, want not found", err)
	}
}

func TestLoginLinkIsTakenOnce(t *testing.T) {
	db := sqlstoretest.Open(t)
	ctx := t.Context()
	now := time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)
	for id := range byte(2) {
		if err := db.InsertLoginLink(ctx, [32]byte{id}, [32]byte{9}, now.Add(apikey.LinkLife)); err != nil {
			t.Fatal(err)
		}
	}
	if key, err := db.TakeLoginLink(ctx, [32]byte{0}, now); err != nil || key != [32]byte{9} {
		t.Errorf("the link gave %x (%v)", key, err)
	}
	if _, err := db.TakeLoginLink(ctx, [32]byte{0}, now); !errors.Is(err, memory.ErrNotFound) {
		t.Errorf("taken twice it gave %v, want not found", err)
	}
	if _, err := db.TakeLoginLink(ctx, [32]byte{1}, now.Add(apikey.LinkLife)); !errors.Is(err, memory.ErrNotFound) {
		t.Errorf("too late it gave %v, want not found", err)
	}
}

func TestForms(t *testing.T) {
	db := sqlstoretest.Open(t)
	ctx := t.Context()
	now := time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)
	begin := func(wantWent string, wantFresh bool) {
		t.Helper()
		went, fresh, err := db.BeginForm(ctx, [32]byte{1}, now)
		if err != nil || went != wantWent || fresh != wantFresh {
			t.Errorf("begun with %q, %v (%v), want %q, %v", went, fresh, err, wantWent, wantFresh)
		}
	}
	end := func(went string) {
		t.Helper()
		if err := db.EndForm(ctx, [32]byte{1}, went); err != nil {
			t.Fatal(err)
		}
	}
	begin("", true)
	begin("", false)
	end("/ui/x")
	begin("/ui/x", false)
	end("")
	begin("", true)
}
