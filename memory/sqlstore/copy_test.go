package sqlstore_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
	"memhook/memory/sqlstore"
	"memhook/memory/sqlstore/sqlstoretest"
)

func TestCopyMovesProjects(t *testing.T) {
	from := sqlstoretest.At(t, filepath.Join(t.TempDir(), "memhook.db"))
	mine, _ := sqlstoretest.Project(t, from, "mine")
	other, _ := sqlstoretest.Project(t, from, "other")
	var event memory.Event
	var endpoint delivery.Endpoint
	for _, project := range []string{other, mine} {
		endpoint = newEndpoint(t, from, project, delivery.AllTypes)
		e, due := delivered(t, from, project, "Lives in Berlin")
		claims, err := from.ClaimDeliveries(t.Context(), []uuid.UUID{due[0].DeliveryID}, start, nil)
		if err != nil {
			t.Fatal(err)
		}
		a := delivery.Attempt{ID: delivery.NewID(), DeliveryID: due[0].DeliveryID, Number: 1, Trigger: delivery.Scheduled, StartedAt: start, StatusCode: 200, ResponseBody: []byte{0xff, 0}}
		if _, err := from.FinishAttempt(t.Context(), delivery.Result{Claim: claims[0], Attempt: a, Status: delivery.Succeeded}); err != nil {
			t.Fatal(err)
		}
		event = e
	}
	for _, tt := range []struct {
		name, project string
		projects      int
	}{{"one", mine, 1}, {"all", "", 2}} {
		t.Run(tt.name, func(t *testing.T) {
			to := sqlstoretest.OpenPostgres(t)
			done, err := sqlstore.Copy(t.Context(), from, to, tt.project)
			if err != nil {
				t.Fatal(err)
			}
			rows := map[string]int64{}
			for _, c := range done {
				rows[c.Table] = c.Rows
			}
			for _, table := range []string{"projects", "api_keys", "endpoints", "events", "memories", "changes", "messages", "deliveries", "attempts"} {
				if rows[table] != int64(tt.projects) {
					t.Errorf("%d rows of %s were copied, want %d", rows[table], table, tt.projects)
				}
			}
			if diff := cmp.Diff(story(t, from, mine, event.ID), story(t, to, mine, event.ID)); diff != "" {
				t.Errorf("the event's story (-SQLite +Postgres):\n%s", diff)
			}
			got, err := to.Endpoint(t.Context(), mine, endpoint.ID)
			if err != nil || got.Secrets[0].Reveal() != endpoint.Secrets[0].Reveal() {
				t.Errorf("the endpoint's secret did not survive, error %v", err)
			}
			if _, err := sqlstore.Copy(t.Context(), from, to, tt.project); err == nil {
				t.Error("copied twice")
			}
		})
	}
}

// story is everything about an event.
func story(t *testing.T, db *sqlstore.DB, project string, id uuid.UUID) []any {
	t.Helper()
	e, changes, err := db.Event(t.Context(), project, id)
	if err != nil {
		t.Fatal(err)
	}
	trails, err := db.TrailsByEvent(t.Context(), project, id)
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := db.Memories(t.Context(), memory.Query{ProjectID: project, Today: "2026-01-02", Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	return []any{e, changes, trails, m}
}

func TestBackupIsWhole(t *testing.T) {
	dir := t.TempDir()
	path, to := filepath.Join(dir, "memhook.db"), filepath.Join(dir, "backup.db")
	db := sqlstoretest.At(t, path)
	project, _ := sqlstoretest.Project(t, db, "p")
	stop := make(chan struct{})
	done := make(chan int)
	go func() { // writes go on
		n := 0
		for {
			select {
			case <-stop:
				done <- n
				return
			default:
				if db.InsertEvent(context.Background(), newEvent(project, start, "alice", true)) == nil {
					n++
				}
			}
		}
	}()
	err := sqlstore.Backup(t.Context(), path, to)
	close(stop)
	written := <-done
	if err != nil {
		t.Fatal(err)
	}
	if err := sqlstore.CheckFile(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	_, n, err := sqlstoretest.At(t, to).Events(t.Context(), memory.EventQuery{ProjectID: project, Limit: 1})
	if err != nil || n > written {
		t.Errorf("the backup has %d events of %d, error %v", n, written, err)
	}
}

func TestANewerSchemaIsRefused(t *testing.T) {
	const newer = `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)`
	path := filepath.Join(t.TempDir(), "memhook.db")
	sqlstoretest.At(t, path)
	url := sqlstoretest.PostgresURL(t)
	for driver, c := range map[string]sqlstore.Config{"sqlite": {Path: path}, "pgx": {URL: url}} {
		name := c.Path + c.URL
		db, err := sql.Open(driver, name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(t.Context(), newer); err != nil {
			t.Fatal(err)
		}
		db.Close()
		c.Sealer = sqlstoretest.Sealer()
		if _, err := sqlstore.Open(t.Context(), c); err == nil || !strings.Contains(err.Error(), "start the newer memhook") {
			t.Errorf("%s: a newer schema is opened with %v", driver, err)
		}
	}
}
