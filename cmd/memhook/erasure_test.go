package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// fileHas tells whether a text stands in the database's files.
func fileHas(t *testing.T, dir, text string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "memhook.db*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files in %s, error %v", len(files), dir, err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(raw, []byte(text)) {
			return true
		}
	}
	return false
}

type shownErasure struct {
	ID, State    string
	Told         int
	Acknowledged int
}

func (p *process) erasure(id string) (x shownErasure) {
	p.call(http.MethodGet, "/api/v2/erasures/"+id, nil, &x)
	return x
}

// memoryOf waits for the memory of a text and returns its ID.
func (p *process) memoryOf(user, text string) string {
	p.t.Helper()
	var id string
	await(p.t, "the memory is there", func() bool {
		var page struct {
			Results []struct{ ID, Memory string }
		}
		p.call(http.MethodGet, "/v1/memories/?page=1&page_size=200&user_id="+user, nil, &page)
		for _, m := range page.Results {
			if m.Memory == text {
				id = m.ID
			}
		}
		return id != ""
	})
	return id
}

// TestKilledErasureLeavesNoText kills a server that is erasing, again and again: in
// the end the text stands nowhere in the database's files, and the receiver knows.
func TestKilledErasureLeavesNoText(t *testing.T) {
	receiver := newLedger(t)
	dir := t.TempDir()
	p := startProcess(t, dir)
	p.register(receiver.URL, "memory_add", "memory_update", "memory_delete")
	const secret = "a rare condition named Xylophobia-7731"
	for i := range 40 {
		p.add(fmt.Sprintf("alice has %s, number %d", secret, i), "alice")
		p.add(fmt.Sprintf("bob likes tea number %d", i), "bob")
	}
	large := fmt.Sprintf("alice wrote %05000d about %s", 7, secret) // longer than a page of the file
	p.add(large, "alice")
	id := p.memoryOf("alice", large)
	p.memoryOf("alice", fmt.Sprintf("alice has %s, number %d", secret, 39))
	var updated any
	p.call(http.MethodPut, "/v1/memories/"+id+"/", map[string]any{"text": "alice no longer has " + secret}, &updated)
	if !fileHas(t, dir, secret) {
		t.Fatal("the text is not in the files before")
	}
	var made shownErasure
	if status := p.call(http.MethodPost, "/api/v2/erasures", map[string]any{"user_id": "alice"}, &made); status != http.StatusCreated {
		t.Fatalf("erasure: status %d\n%s", status, p.log)
	}
	for i := range 4 {
		<-time.After(time.Duration(i*7) * time.Millisecond) // somewhere in its work
		p.kill()
		p = startProcess(t, dir)
	}
	await(t, "the erasure is done and acknowledged", func() bool {
		x := p.erasure(made.ID)
		return x.State == "done" && x.Told == 41 && x.Acknowledged == 41
	})
	if fileHas(t, dir, secret) {
		t.Error("the text still stands in the database's files")
	}
	if !fileHas(t, dir, "bob likes tea number 39") {
		t.Error("another user's memories are gone")
	}
}
