package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"memhook/delivery"
	"memhook/delivery/egress"
	"memhook/delivery/queue"
)

const (
	// lookWithin bounds what the doctor asks of another machine.
	lookWithin = 3 * time.Second
	// clockSlack is how far clocks may differ unnoticed. Receivers refuse
	// signatures whose time is more than five minutes off.
	clockSlack = 30 * time.Second

	littleDisk = 1 << 30
	noDisk     = 100 << 20
)

func exists(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

func shownEndpoint(e delivery.Endpoint) string {
	return delivery.FormatID(delivery.EndpointPrefix, e.ID)
}

func (d *doctor) checkURL(url string) error {
	return egress.CheckURL(url, egress.Guard{Allow: d.c.allow})
}

// configFiles looks for secrets that other users can read.
func (d *doctor) configFiles() {
	layers, err := configLayers(d.c.file)
	if err != nil {
		return // load has said so
	}
	for _, l := range layers {
		for _, name := range secretFlags {
			if _, ok := l.values[name]; ok && readableByOthers(l.path) {
				d.add(problem, "configuration", fmt.Sprintf("%s has %s, and other users can read it.", l.path, setting(name)), "chmod 600 "+l.path)
			}
		}
	}
}

func readableByOthers(path string) bool {
	info, err := os.Stat(path)
	return err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0
}

// dataDir looks at the folder and at what in it is nobody else's business.
func (d *doctor) dataDir() {
	dir := d.c.DataDir
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.add(note, "data directory", dir+" is not there yet; the first start makes it.", "")
		return
	case err != nil:
		d.add(problem, "data directory", err.Error(), "Choose a folder of this user with --data-dir.")
		return
	case !info.IsDir():
		d.add(problem, "data directory", dir+" is not a folder.", "Choose another one with --data-dir.")
		return
	}
	good := true
	for _, name := range []string{"", databaseFile, secretFile, adminKeyFile} {
		if path := filepath.Join(dir, name); readableByOthers(path) {
			good = false
			d.add(problem, "data directory", "Other users can get at "+path+".", "chmod go= "+path)
		}
	}
	if f, err := os.CreateTemp(dir, "doctor-*"); err != nil {
		good = false
		d.add(problem, "data directory", "It cannot be written: "+err.Error(), "Give it to the user that runs memhook.")
	} else {
		f.Close()
		os.Remove(f.Name())
	}
	if good {
		d.add(fine, "data directory", dir+" is this user's alone.", "")
	}
	d.clock(dir)
}

// clock looks whether files were written in the future: then the clock was set
// back, and what is due waits that long.
func (d *doctor) clock(dir string) {
	now := time.Now()
	for _, name := range []string{databaseFile, databaseFile + "-wal"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.ModTime().Sub(now) > clockSlack {
			d.add(problem, "clock", fmt.Sprintf("%s was written %v ahead of this machine's clock.", name, info.ModTime().Sub(now).Round(time.Second)),
				"Set the clock, and keep it set with NTP: deliveries wait for it, and receivers refuse signatures from another time.")
			return
		}
	}
	d.add(fine, "clock", now.UTC().Format("2006-01-02 15:04:05 UTC")+", and nothing was written later.", "")
}

func (d *doctor) disk() {
	dir := d.c.DataDir
	for !exists(dir, "") && filepath.Dir(dir) != dir {
		dir = filepath.Dir(dir)
	}
	free, err := freeDisk(dir)
	text := fmt.Sprintf("%d MiB free for %s.", free>>20, d.c.DataDir)
	const fix = "Make room, or keep events for a shorter time with --retention."
	switch {
	case err != nil:
		d.add(note, "disk", "How much is free cannot be told: "+err.Error(), "")
	case free < noDisk:
		d.add(problem, "disk", text, fix)
	case free < littleDisk:
		d.add(warning, "disk", text, fix)
	default:
		d.add(fine, "disk", text, "")
	}
}

// server looks whether a server answers at --listen.
func (d *doctor) server(ctx context.Context) {
	host, port, err := net.SplitHostPort(d.c.Listen)
	if err != nil {
		return // validate has said so
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		d.add(warning, "server", "It listens beyond this machine without TLS.", "Put a TLS proxy in front, or listen on 127.0.0.1.")
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.add(note, "server", "None answers at "+d.c.Listen+".", "")
		return
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		d.add(problem, "server", fmt.Sprintf("What answers at %s is not ready (%d).", d.c.Listen, resp.StatusCode), "GET /readyz there has the reasons.")
		return
	}
	d.running = true
	d.add(fine, "server", "It is ready at "+d.c.Listen+".", "")
}

func (d *doctor) queue(ctx context.Context) {
	if d.c.RedisURL == "" {
		d.add(fine, "queue", "In the server's process.", "")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	began := time.Now()
	report, err := queue.Check(ctx, d.c.RedisURL)
	switch {
	case err != nil:
		d.add(problem, "queue", "Redis cannot be used: "+err.Error()+". Deliveries go on without it.", "Start Redis, or look at --redis-url.")
		return
	case report.Warning != "":
		d.add(warning, "queue", report.Warning+".", "redis-cli config set maxmemory-policy noeviction")
	default:
		d.add(fine, "queue", "Redis answers and loses nothing.", "")
	}
	if off := began.Sub(report.Clock).Abs(); !report.Clock.IsZero() && off > clockSlack {
		d.add(warning, "clock", fmt.Sprintf("It is %v off Redis's.", off.Round(time.Second)), "Keep the clocks of all machines set with NTP.")
	}
}

// names looks whether receivers' names can be looked up, in the way in which
// deliveries do.
func (d *doctor) names(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	resolver := &net.Resolver{PreferGo: true}
	addrs, err := resolver.LookupNetIP(ctx, "ip", d.dnsName)
	if err != nil || len(addrs) == 0 {
		d.add(problem, "names", d.dnsName+" cannot be looked up, so no receiver with a name can be reached.",
			"Look at /etc/resolv.conf and at the firewall. Where there is no DNS on purpose, give a name that is known with --dns-name.")
		return
	}
	d.add(fine, "names", d.dnsName+" can be looked up.", "")
}
