package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkAddToCallback drives a real server over loopback, with a durable
// database and one endpoint: an add, its processing, the signed callback. It
// prints deliveries a second, the server's CPU time per 1,000 deliveries, and the
// time from the add's answer to the callback.
//
//	go test -run - -bench AddToCallback -benchtime 5000x ./cmd/memhook
func BenchmarkAddToCallback(b *testing.B) {
	for _, endpoints := range []int{1, 3} {
		b.Run(fmt.Sprintf("endpoints=%d", endpoints), func(b *testing.B) { benchmarkAdds(b, startProcess(b, b.TempDir()), endpoints, 64, 0) })
	}
	b.Run("rate=300", func(b *testing.B) { benchmarkAdds(b, startProcess(b, b.TempDir()), 1, 64, 300) })
	b.Run("cluster", benchmarkCluster)
}

// benchmarkAdds prints the CPU time of the server, and of what is beside it.
func benchmarkAdds(b *testing.B, p *process, endpoints, callers, rate int, beside ...usage) {
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = callers
	var received atomic.Int64
	var mu sync.Mutex
	sent := map[string]time.Time{}
	var latency []time.Duration
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		now := time.Now()
		received.Add(1)
		buf := make([]byte, 64<<10)
		n, _ := r.Body.Read(buf)
		if _, tail, ok := strings.Cut(string(buf[:n]), `"memory":"fact `); ok {
			text, _, _ := strings.Cut(tail, `"`)
			mu.Lock()
			if at, ok := sent[text]; ok {
				latency = append(latency, now.Sub(at))
			}
			mu.Unlock()
		}
	}))
	defer receiver.Close()
	for i := range endpoints {
		p.register(fmt.Sprintf("%s/%d", receiver.URL, i), "memory_add")
	}
	var next atomic.Int64
	work := func() {
		for {
			i := int(next.Add(1))
			if i > b.N {
				return
			}
			text := strconv.Itoa(i)
			mu.Lock()
			sent[text] = time.Now()
			mu.Unlock()
			if !p.add("fact "+text, "user"+strconv.Itoa(i%100)) {
				b.Error("an add was refused")
			}
		}
	}
	before := cpuTime(b, p.cmd.Process.Pid)
	for i := range beside {
		beside[i].before = beside[i].cpu(b)
	}
	b.ResetTimer()
	began := time.Now()
	var wg sync.WaitGroup
	if rate > 0 {
		tick := time.NewTicker(time.Second / time.Duration(rate))
		defer tick.Stop()
		for i := range b.N {
			<-tick.C
			wg.Go(func() {
				text := strconv.Itoa(i + 1)
				mu.Lock()
				sent[text] = time.Now()
				mu.Unlock()
				p.add("fact "+text, "user"+strconv.Itoa(i%100))
			})
		}
	} else {
		for range callers {
			wg.Go(work)
		}
	}
	wg.Wait()
	want := int64(b.N * endpoints)
	await(b, "everything is delivered", func() bool { return received.Load() >= want })
	took := time.Since(began)
	b.StopTimer()
	time.Sleep(100 * time.Millisecond) // let the last attempts be recorded: their CPU counts
	cpu := cpuTime(b, p.cmd.Process.Pid) - before
	for _, u := range beside {
		used := u.cpu(b) - u.before
		cpu += used
		b.ReportMetric(float64(used.Milliseconds())/float64(want)*1000, u.name+"-cpu-ms/1k")
	}
	mu.Lock()
	defer mu.Unlock()
	slices.Sort(latency)
	b.ReportMetric(float64(want)/took.Seconds(), "deliveries/s")
	b.ReportMetric(float64(cpu.Milliseconds())/float64(want)*1000, "cpu-ms/1k")
	if n := len(latency); n > 0 {
		b.ReportMetric(float64(latency[n/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(latency[n*99/100].Microseconds())/1000, "p99-ms")
	}
}

// A usage is the CPU time of something beside the server.
type usage struct {
	name   string
	cpu    func(*testing.B) time.Duration
	before time.Duration
}

// cpuTime is the user and system time that a process has used.
func cpuTime(b *testing.B, pid int) time.Duration { return cpuFields(b, pid, 11, 13) }

// cpuFields sums fields of Linux's /proc/PID/stat that count hundredths of a second,
// numbered from behind the command's name.
func cpuFields(b *testing.B, pid, from, to int) time.Duration {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Skip("CPU time is read from /proc")
	}
	_, tail, _ := strings.Cut(string(raw), ") ")
	var ticks int
	for _, f := range strings.Fields(tail)[from:to] {
		n, err := strconv.Atoi(f)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
