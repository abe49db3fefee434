package queue

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseURL(t *testing.T) {
	type parsed struct {
		Addrs                  []string
		User, Password, Master string
		SentinelPassword       string
		DB                     int
		TLS, Cluster           bool
	}
	tests := []struct {
		name, url string
		want      parsed
	}{
		{name: "shortest", url: "redis://localhost", want: parsed{Addrs: []string{"localhost:6379"}}},
		{name: "all", url: "redis://user:s3cret@10.0.0.1:6380/2", want: parsed{Addrs: []string{"10.0.0.1:6380"}, User: "user", Password: "s3cret", DB: 2}},
		{name: "only a password", url: "redis://:s3cret@host", want: parsed{Addrs: []string{"host:6379"}, Password: "s3cret"}},
		{name: "escaped password", url: "redis://:s%2Fe%40t@host", want: parsed{Addrs: []string{"host:6379"}, Password: "s/e@t"}},
		{name: "TLS", url: "rediss://host:6380/0", want: parsed{Addrs: []string{"host:6380"}, TLS: true}},
		{name: "IPv6", url: "redis://[::1]:7000/", want: parsed{Addrs: []string{"[::1]:7000"}}},
		{name: "IPv6 without port", url: "redis://[::1]", want: parsed{Addrs: []string{"[::1]:6379"}}},
		{name: "sentinels", url: "redis-sentinel://:s3cret@a:1,b/main/3?sentinel_password=other", want: parsed{Addrs: []string{"a:1", "b:26379"}, Password: "s3cret", Master: "main", SentinelPassword: "other", DB: 3}},
		{name: "sentinels over TLS", url: "rediss-sentinel://a/main", want: parsed{Addrs: []string{"a:26379"}, Master: "main", TLS: true}},
		{name: "cluster", url: "redis-cluster://u:p@a,b:7001,[::1]:7002", want: parsed{Addrs: []string{"a:6379", "b:7001", "[::1]:7002"}, User: "u", Password: "p", Cluster: true}},
		{name: "cluster over TLS", url: "rediss-cluster://a/", want: parsed{Addrs: []string{"a:6379"}, Cluster: true, TLS: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, err := parseURL(tt.url)
			if err != nil {
				t.Fatalf("parseURL(%q): %v", tt.url, err)
			}
			got := parsed{o.Addrs, o.Username, o.Password, o.MasterName, o.SentinelPassword, o.DB, o.TLSConfig != nil, o.IsClusterMode}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("parseURL(%q) (-want +got):\n%s", tt.url, diff)
			}
		})
	}
}

var badURLs = []string{
	"", "host:6379", "http://:s3cret@host", "redis:", "redis://", "redis://:s3cret@", "rediss-ring://a",
	"redis://:s3cret@a,b", "redis://:s3cret@host:port", "redis://:s3cret@host:1:2", "redis://:s3cret@host/x", "redis://:s3cret@host/-1",
	"redis://:s3cret%zz@host", "redis://:s3cret#1@host", "redis://:s3cret/1@host", "redis://:s3cret @host:x", "redis://\x00:s3cret@host",
	"redis-sentinel://:s3cret@host", "redis-sentinel://:s3cret@host/", "redis-sentinel://:s3cret@a,/main", "redis-sentinel://:s3cret@a/main/x",
	"redis-cluster://:s3cret@,a", "redis-cluster://:s3cret@a/1", "redis-cluster://:s3cret@a/#x",
}

func TestParseURLRefuses(t *testing.T) {
	for _, u := range badURLs {
		if o, err := parseURL(u); err == nil {
			t.Errorf("parseURL(%q) = %v, want an error", u, o.Addrs)
		}
	}
}

// FuzzParseURL: an error never shows a password.
func FuzzParseURL(f *testing.F) {
	for _, u := range badURLs {
		f.Add(strings.ReplaceAll(u, "s3cret", ""), "s3cret")
	}
	f.Fuzz(func(t *testing.T, rawURL, password string) {
		if len(password) < 4 {
			return
		}
		rawURL = strings.Replace(rawURL, "@", ":"+password+"@", 1)
		_, err := parseURL(rawURL)
		if err == nil {
			return
		}
		for _, known := range []error{errRedisURL, errRedisScheme, errRedisMaster} {
			if err == known { //nolint:errorlint // the very error, with nothing wrapped in it
				return
			}
		}
		t.Errorf("parseURL(%q) = %v, which is none of the constant errors", rawURL, err)
	})
}
