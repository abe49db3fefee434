package queue

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	// redisTimeout bounds a connect, a read and a write each.
	redisTimeout = time.Second
	// redisBuffer is what a connection reads and writes at once, in bytes: a
	// ticket has at most 700. go-redis takes 32 KiB for each by default.
	redisBuffer = 4 << 10
)

var (
	// Neither error repeats a part of the URL, which may be the password.
	errRedisURL    = errors.New("the Redis URL cannot be read; special characters in its password have to be percent-encoded")
	errRedisScheme = errors.New("a Redis URL begins with redis://, redis-sentinel:// or redis-cluster://, or with rediss for TLS")
	errRedisMaster = errors.New("a redis-sentinel:// URL names its master: redis-sentinel://host:26379/mymaster")
)

// parseURL reads one of these, with rediss in place of redis for TLS:
//
//	redis://[[user]:password@]host[:port][/db]
//	redis-sentinel://[[user]:password@]host[:port][,host[:port]…]/master[/db]
//	redis-cluster://[[user]:password@]host[:port][,host[:port]…]
//
// Sentinels with a password of their own get it as
// ?sentinel_username=…&sentinel_password=…
func parseURL(rawURL string) (*redis.UniversalOptions, error) {
	scheme, rest, _ := strings.Cut(rawURL, "://")
	kind, secure := strings.CutPrefix(scheme, "rediss")
	if !secure {
		kind = strings.TrimPrefix(scheme, "redis")
	}
	sentinel, cluster := kind == "-sentinel", kind == "-cluster"
	if !strings.HasPrefix(scheme, "redis") || (kind != "" && !sentinel && !cluster) {
		return nil, errRedisScheme
	}
	u, list, err := splitHosts(rest)
	if err != nil {
		return nil, err
	}
	opt := options()
	opt.IsClusterMode = cluster
	opt.Username = u.User.Username()
	opt.Password, _ = u.User.Password()
	if secure {
		opt.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	port := "6379"
	db := strings.Trim(u.Path, "/")
	if sentinel {
		port = "26379"
		opt.MasterName, db, _ = strings.Cut(db, "/")
		if opt.MasterName == "" {
			return nil, errRedisMaster
		}
		opt.SentinelUsername = u.Query().Get("sentinel_username")
		opt.SentinelPassword = u.Query().Get("sentinel_password")
	}
	if opt.Addrs, err = addrs(list, port); err != nil {
		return nil, err
	}
	if opt.DB, err = strconv.Atoi(cmp.Or(db, "0")); err != nil || opt.DB < 0 {
		return nil, errRedisURL
	}
	if len(opt.Addrs) > 1 && kind == "" || cluster && opt.DB != 0 {
		return nil, errRedisURL
	}
	return opt, nil
}

// options are what all forms have in common.
func options() *redis.UniversalOptions {
	return &redis.UniversalOptions{
		DialTimeout:              redisTimeout,
		ReadTimeout:              redisTimeout,
		WriteTimeout:             redisTimeout,
		ContextTimeoutEnabled:    true,
		MaxRetries:               -1, // the broker knows better what to do meanwhile
		DialerRetries:            1,
		ReadBufferSize:           redisBuffer,
		WriteBufferSize:          redisBuffer,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}

// splitHosts reads what follows the scheme. Its list of hosts is returned apart,
// for net/url knows URLs of one host.
func splitHosts(rest string) (u *url.URL, list string, err error) {
	end := len(rest)
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		end = i
	}
	at := strings.LastIndex(rest[:end], "@") + 1
	u, err = url.Parse("redis://" + rest[:at] + "host" + rest[end:])
	if err != nil || u.Fragment != "" {
		return nil, "", errRedisURL
	}
	return u, rest[at:end], nil
}

func addrs(list, defaultPort string) ([]string, error) {
	var addrs []string
	for host := range strings.SplitSeq(list, ",") {
		u, err := url.Parse("redis://" + host)
		if err != nil || u.Hostname() == "" || strings.Contains(u.Hostname(), ":") != strings.HasPrefix(host, "[") {
			return nil, errRedisURL
		}
		addrs = append(addrs, net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), defaultPort)))
	}
	return addrs, nil
}

// quiet drops go-redis's own messages, one for each failed connection: the
// broker says once what they say.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}
