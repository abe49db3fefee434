package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"memhook/delivery/egress"
	"memhook/signing"
	"memhook/signing/apikey"
)

const (
	roleAll    = "all"
	roleAPI    = "api"
	roleWorker = "worker"
)

const defaultListen = "127.0.0.1:8080"

// A config is what the server is told by its operator. flags sets the defaults.
type config struct {
	Listen       string
	DataDir      string
	DatabaseURL  string // "": a SQLite file in DataDir
	RedisURL     string // "": the in-process broker
	Role         string
	AllowNet     string // CIDRs, separated by commas
	BootstrapKey string // "": made at first start
	RateLimit    float64
	Retention    time.Duration
	PublicURL    string
	SecretKey    string // "": the file in DataDir
	LogFormat    string // "": text on a terminal, else json
	LogLevel     string
	LLM          modelConfig
	Embed        modelConfig

	secretKeyFile string
	file          string            // of --config
	origins       map[string]string // where each flag's value came from, by its name

	// What validate has read from the above.
	allow []netip.Prefix
	level slog.Level
}

// secretFlags may also come from a file that NAME_FILE names.
var secretFlags = []string{"bootstrap-key", "database-url", "redis-url", "secret-key", "llm-key", "embed-key"}

func (c *config) flags(fs *pflag.FlagSet) {
	fs.StringVar(&c.Listen, "listen", defaultListen, "address of API, dashboard and metrics; port 0 picks one")
	configFlag(fs, &c.file)
	dataDirFlag(fs, &c.DataDir)
	databaseFlag(fs, &c.DatabaseURL)
	fs.StringVar(&c.RedisURL, "redis-url", "", "queue: redis://, rediss://, redis-sentinel:// or redis-cluster:// (default: in this process)")
	fs.StringVar(&c.Role, "role", roleAll, "all, api (accepts, does no work) or worker (works, accepts nothing)")
	fs.StringVar(&c.AllowNet, "allow-net", "", "CIDRs that deliveries may reach although private, separated by commas")
	fs.StringVar(&c.BootstrapKey, "bootstrap-key", "", "admin key to install at first start (default: a new one)")
	retentionFlag(fs, &c.Retention)
	fs.Float64Var(&c.RateLimit, "rate-limit", 0, "API requests a second per key, with a burst of twice that; 0: no limit")
	fs.StringVar(&c.PublicURL, "public-url", "", "how clients reach this server, for URLs in answers (default: from the request)")
	fs.StringVar(&c.secretKeyFile, "secret-key", "", "`file` with the key that seals endpoint secrets (default: secret.key in the data directory)")
	fs.StringVar(&c.LogFormat, "log-format", "", "text or json (default: text on a terminal, else json)")
	fs.StringVar(&c.LogLevel, "log-level", "info", "debug, info, warn or error")
	c.LLM.flags(fs, "llm", "the language model that extracts memories (default: rules, without a model)")
	c.Embed.flags(fs, "embed", "the embedding model that lets searches find by meaning (default: by words alone)")
}

func dataDirFlag(fs *pflag.FlagSet, dir *string) {
	fs.StringVar(dir, "data-dir", "", "folder of the database, its secret key and the first admin key (default "+cmp.Or(stateDir(), "none")+")")
}

func retentionFlag(fs *pflag.FlagSet, d *time.Duration) {
	fs.DurationVar(d, "retention", defaultRetention, "how long events, messages, deliveries and attempts are kept; memories stay")
}

func databaseFlag(fs *pflag.FlagSet, url *string) {
	fs.StringVar(url, "database-url", "", "postgres://… (default: a SQLite file in the data directory)")
}

// load fills in from the environment and the configuration files what no flag gave.
func (c *config) load(fs *pflag.FlagSet, env func(string) (string, bool)) error {
	if named, ok := env("MEMHOOK_CONFIG"); ok && c.file == "" {
		c.file = named
	}
	layers, wrong := configLayers(c.file)
	c.origins = map[string]string{}
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			c.origins[f.Name] = "--" + f.Name
		}
		if f.Changed || f.Name == "config" || wrong != nil {
			return
		}
		value, from, ok, err := find(f.Name, env, layers)
		if ok {
			c.origins[f.Name] = from
		}
		switch {
		case err != nil:
			wrong = err
		case ok && c.secretOf(f.Name) != nil:
			*c.secretOf(f.Name) = value
		case ok:
			if err := f.Value.Set(value); err != nil {
				wrong = usagef("%s: %s: %w", from, setting(f.Name), err)
			}
		}
	})
	if wrong != nil {
		return wrong
	}
	for flag, file := range map[string]string{"secret-key": c.secretKeyFile, "llm-key": c.LLM.keyFile, "embed-key": c.Embed.keyFile} {
		if file == "" {
			continue
		}
		var err error
		if *c.secretOf(flag), err = readSecret(file); err != nil {
			return usagef("--%s: %w", flag, err)
		}
	}
	return c.locate()
}

// secretOf is where the secret of a flag belongs that names a file and whose
// variable has the secret itself; nil for other flags.
func (c *config) secretOf(flag string) *string {
	switch flag {
	case "secret-key":
		return &c.SecretKey
	case "llm-key":
		return &c.LLM.Key
	case "embed-key":
		return &c.Embed.Key
	}
	return nil
}

// locate finds the data directory when none was given.
func (c *config) locate() error {
	if c.DataDir == "" {
		c.DataDir = stateDir()
	}
	if c.DataDir == "" {
		return usagef("the user has no home folder; say where data belongs with --data-dir or MEMHOOK_DATA_DIR")
	}
	return nil
}

// variable is the environment variable of a flag.
func variable(flag string) string {
	return "MEMHOOK_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// fromEnv returns a variable that is set and not empty. A secret may instead stand
// in the file that NAME_FILE names.
func fromEnv(name string, secret bool, env func(string) (string, bool)) (string, bool, error) {
	value, _ := env(name)
	file := ""
	if secret {
		file, _ = env(name + "_FILE")
	}
	switch {
	case value != "" && file != "":
		return "", false, usagef("%s and %s_FILE are both set; unset one", name, name)
	case file != "":
		value, err := readSecret(file)
		if err != nil {
			return "", false, usagef("%s_FILE: %w", name, err)
		}
		return value, true, nil
	}
	return value, value != "", nil
}

// otherVariables are read by other commands than serve.
var otherVariables = []string{"MEMHOOK_API_KEY", "MEMHOOK_SERVER", "MEMHOOK_WEBHOOK_SECRET"}

// unknownVariables returns the names that look like settings and are none, such as
// a misspelt one. Kubernetes sets some of its own for a service named memhook.
func unknownVariables(fs *pflag.FlagSet, environ []string) []string {
	known := slices.Clone(otherVariables)
	fs.VisitAll(func(f *pflag.Flag) { known = append(known, variable(f.Name)) })
	var unknown []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "MEMHOOK_") || strings.HasPrefix(name, "MEMHOOK_SERVICE_") || strings.HasPrefix(name, "MEMHOOK_PORT") {
			continue
		}
		if !slices.Contains(known, strings.TrimSuffix(name, "_FILE")) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return unknown
}

func readSecret(path string) (string, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(string(raw))
	if text == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	return text, nil
}

// stateDir is where a user's programs keep their state, "" when there is no home.
func stateDir() string {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "memhook")
	}
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		dir, err := os.UserConfigDir()
		if err != nil {
			return ""
		}
		return filepath.Join(dir, "memhook")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".local", "state", "memhook")
}

// validate reads what needs reading. Its errors are usage errors that name the flag
// and never repeat a secret.
func (c *config) validate() error {
	if _, port, err := net.SplitHostPort(c.Listen); err != nil || port == "" {
		return usagef("--listen %q is not an address; write host:port, for example 127.0.0.1:8080", c.Listen)
	}
	if !slices.Contains([]string{roleAll, roleAPI, roleWorker}, c.Role) {
		return usagef("--role %q is not a role; use all, api or worker", c.Role)
	}
	var err error
	if c.allow, err = egress.ParseAllow(c.AllowNet); err != nil {
		return usagef("--allow-net: %w", err)
	}
	if c.BootstrapKey != "" {
		if err := apikey.Check(c.BootstrapKey); err != nil {
			return usagef("--bootstrap-key: %w", err)
		}
	}
	if c.Retention < minRetention {
		return usagef("--retention %v is too short; use at least %v, because a delivery may be retried for days", c.Retention, minRetention)
	}
	if !(c.RateLimit >= 0 && c.RateLimit <= 50_000) {
		return usagef("--rate-limit %v is not possible; use 0 (off) to 50000 requests a second", c.RateLimit)
	}
	if c.SecretKey != "" {
		if _, err := signing.ParseKey(c.SecretKey); err != nil {
			return usagef("--secret-key: %w", err)
		}
	}
	if !slices.Contains([]string{"", "text", "json"}, c.LogFormat) {
		return usagef("--log-format %q is not a format; use text or json", c.LogFormat)
	}
	if err := c.level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return usagef("--log-level %q is not a level; use debug, info, warn or error", c.LogLevel)
	}
	return errors.Join(c.LLM.validate("llm"), c.Embed.validate("embed"), c.checkURL("--public-url", c.PublicURL, "http", "https"),
		c.checkURL("--database-url", c.DatabaseURL, "postgres", "postgresql"),
		c.checkURL("--redis-url", c.RedisURL, "redis", "rediss", "redis-sentinel", "redis-cluster"))
}

// checkURL does not repeat the URL: it may have a password.
func (c *config) checkURL(flag, raw string, schemes ...string) error {
	if raw == "" {
		return nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme) {
		return usagef("%s is not a URL that begins with %s://", flag, strings.Join(schemes, ":// or "))
	}
	return nil
}

func (c *config) works() bool   { return c.Role != roleAPI }
func (c *config) accepts() bool { return c.Role != roleWorker }

// alone tells whether no other process can work on the database or handle this
// one's tickets.
func (c *config) alone() bool {
	return c.Role == roleAll && c.RedisURL == "" && c.DatabaseURL == ""
}

// String shows the configuration without its secrets.
func (c *config) String() string {
	return fmt.Sprintf("listen=%s data-dir=%s database=%s queue=%s role=%s allow-net=%q rate-limit=%v retention=%v public-url=%q bootstrap-key=%s secret-key=%s llm=%s embed=%s",
		c.Listen, c.DataDir, place(c.DatabaseURL, "sqlite"), place(c.RedisURL, "in-process"), c.Role, c.AllowNet, c.RateLimit, c.Retention, c.PublicURL,
		given(c.BootstrapKey), given(c.SecretKey), &c.LLM, &c.Embed)
}

// place shows where a URL leads, without its password.
func place(raw, otherwise string) string {
	if u, err := url.Parse(raw); raw != "" && err == nil {
		return u.Scheme + "://" + u.Host
	}
	return otherwise
}

// GoString is String, for %#v.
func (c *config) GoString() string { return c.String() }

// LogValue is String, for slog.
func (c *config) LogValue() slog.Value { return slog.StringValue(c.String()) }

func given(secret string) string {
	if secret == "" {
		return "none"
	}
	return "[redacted]"
}
