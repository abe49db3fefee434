package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"memhook/signing"
)

func loadConfig(t *testing.T, args []string, env map[string]string) (*config, error) {
	t.Helper()
	c := &config{}
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	c.flags(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	err := c.load(fs, func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	if err == nil {
		err = c.validate()
	}
	return c, err
}

func TestConfigPrecedence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	key := signing.GenerateKey()
	if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	type part struct{ Listen, Role, SecretKey, BootstrapKey string }
	const boot = "mh_0123456789abcdef0123456789abcdef"
	tests := []struct {
		name string
		args []string
		env  map[string]string
		want part
	}{
		{name: "defaults", want: part{Listen: "127.0.0.1:8080", Role: "all"}},
		{name: "variable", env: map[string]string{"MEMHOOK_LISTEN": ":1", "MEMHOOK_ROLE": "api"}, want: part{Listen: ":1", Role: "api"}},
		{name: "flag wins", args: []string{"--listen", ":2"}, env: map[string]string{"MEMHOOK_LISTEN": ":1"}, want: part{Listen: ":2", Role: "all"}},
		{name: "empty variable is none", env: map[string]string{"MEMHOOK_ROLE": ""}, want: part{Listen: "127.0.0.1:8080", Role: "all"}},
		{name: "secret in a variable", env: map[string]string{"MEMHOOK_SECRET_KEY": key}, want: part{"127.0.0.1:8080", "all", key, ""}},
		{name: "secret in the file of a variable", env: map[string]string{"MEMHOOK_SECRET_KEY_FILE": file}, want: part{"127.0.0.1:8080", "all", key, ""}},
		{name: "secret in the file of a flag", args: []string{"--secret-key", file}, env: map[string]string{"MEMHOOK_SECRET_KEY": "nonsense"}, want: part{"127.0.0.1:8080", "all", key, ""}},
		{name: "bootstrap key", env: map[string]string{"MEMHOOK_BOOTSTRAP_KEY": boot}, want: part{"127.0.0.1:8080", "all", "", boot}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := loadConfig(t, tt.args, tt.env)
			if err != nil {
				t.Fatal(err)
			}
			got := part{c.Listen, c.Role, c.SecretKey, c.BootstrapKey}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("config (-want +got):\n%s", diff)
			}
		})
	}
}

func TestConfigPrintsNoSecret(t *testing.T) {
	const boot = "mh_hunter2hunter2hunter2hunter2hunter2"
	key := signing.GenerateKey()
	c, err := loadConfig(t, []string{
		"--redis-url", "redis://me:hunter2@redis:6379/0?x=hunter2", "--database-url", "postgres://me:hunter2@db:5432/x?password=hunter2",
		"--llm-url", "http://llm/v1", "--llm-model", "m", "--embed-url", "http://embed/v1", "--embed-model", "e",
	}, map[string]string{"MEMHOOK_BOOTSTRAP_KEY": boot, "MEMHOOK_SECRET_KEY": key, "MEMHOOK_LLM_KEY": "hunter2", "MEMHOOK_EMBED_KEY": "hunter2"})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "config", c)
	for _, text := range []string{fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), log.String()} {
		if strings.Contains(text, "hunter2") || strings.Contains(text, key) {
			t.Errorf("%s has a secret", text)
		}
		if !strings.Contains(text, "redis:6379") || !strings.Contains(text, "db:5432") {
			t.Errorf("%s does not say which Redis and which database", text)
		}
		if !strings.Contains(text, "m@http://llm/v1") || !strings.Contains(text, "e@http://embed/v1") {
			t.Errorf("%s does not say which models", text)
		}
	}
}

func TestUnknownVariables(t *testing.T) {
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	(&config{}).flags(fs)
	got := unknownVariables(fs, []string{
		"PATH=/bin", "MEMHOOK_LISTEN=:1", "MEMHOOK_SECRET_KEY_FILE=x", "MEMHOOK_API_KEY=x", "MEMHOOK_SERVICE_HOST=10.0.0.1",
		"MEMHOOK_PORT_8080_TCP=x", "MEMHOOK_LISTNE=:1",
	})
	if diff := cmp.Diff([]string{"MEMHOOK_LISTNE"}, got); diff != "" {
		t.Errorf("unknown variables (-want +got):\n%s", diff)
	}
}

func TestModelConfig(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("sk-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	llm := []string{"--llm-url", "http://10.0.0.1:11434/v1", "--llm-model", "small"}
	tests := []struct {
		name  string
		args  []string
		env   map[string]string
		key   string
		wrong string // part of the usage error
	}{
		{name: "none"},
		{name: "without a key", args: llm},
		{name: "key in a file", args: append([]string{"--llm-key", file}, llm...), key: "sk-1"},
		{name: "key in a variable", args: llm, env: map[string]string{"MEMHOOK_LLM_KEY": "sk-2"}, key: "sk-2"},
		{name: "key in the file of a variable", args: llm, env: map[string]string{"MEMHOOK_LLM_KEY_FILE": file}, key: "sk-1"},
		{name: "no URL", args: []string{"--llm-model", "small"}, wrong: "--llm-url"},
		{name: "no model", args: llm[:2], wrong: "--llm-model"},
		{name: "no file", args: append([]string{"--llm-key", file + "x"}, llm...), wrong: "--llm-key"},
		{name: "two keys", args: append([]string{"--llm-key", file}, llm...), env: map[string]string{"MEMHOOK_LLM_KEY": "a b"}, key: "sk-1"},
		{name: "strange key", args: llm, env: map[string]string{"MEMHOOK_LLM_KEY": "a\nb"}, wrong: "--llm-key"},
		{name: "password in the URL", args: []string{"--llm-url", "http://a:b@c/v1", "--llm-model", "small"}, wrong: "--llm-url"},
		{name: "not a URL", args: []string{"--llm-url", "localhost:11434", "--llm-model", "small"}, wrong: "--llm-url"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := loadConfig(t, tt.args, tt.env)
			switch {
			case tt.wrong != "":
				if err == nil || exitCode(err) != exitUsage || !strings.Contains(err.Error(), tt.wrong) {
					t.Errorf("error %v, want a usage error about %s", err, tt.wrong)
				}
			case err != nil || c.LLM.Key != tt.key:
				t.Errorf("key %q, error %v; want %q", c.LLM.Key, err, tt.key)
			}
		})
	}
}

func TestOnlyOneServerIsAlone(t *testing.T) {
	for _, c := range []struct {
		name   string
		config config
		want   bool
	}{
		{"the default", config{Role: roleAll}, true},
		{"tickets may go elsewhere", config{Role: roleAll, RedisURL: "redis://127.0.0.1"}, false},
		{"others share the database", config{Role: roleAll, DatabaseURL: "postgres://127.0.0.1"}, false},
		{"it does not work", config{Role: roleAPI}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.config.alone(); got != c.want {
				t.Errorf("alone is %v, want %v", got, c.want)
			}
		})
	}
}
