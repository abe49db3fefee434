package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/spf13/pflag"
)

// configName is the file that is looked for in the working directory, and in the
// folder memhook of the user's configuration directory.
const configName = "memhook.toml"

// clientSettings stand in the file, too, and are read by commands that ask a
// server.
var clientSettings = []string{"server"}

// A layer is what one configuration file says: values by the flag's name.
type layer struct {
	path   string
	values map[string]string
}

func configFlag(fs *pflag.FlagSet, file *string) {
	fs.StringVar(file, "config", "", "configuration `file`, before ./"+configName+" and that of the user")
}

// configLayers reads the configuration files there are, the strongest first. named
// must exist when it is not "".
func configLayers(named string) ([]layer, error) {
	paths := []string{configName}
	if dir, err := os.UserConfigDir(); err == nil {
		paths = append(paths, filepath.Join(dir, "memhook", configName))
	}
	if named != "" {
		paths = append([]string{named}, paths...)
	}
	var layers []layer
	for _, path := range paths {
		l, err := readLayer(path)
		if errors.Is(err, fs.ErrNotExist) && path != named {
			continue
		}
		if err != nil {
			return nil, usagef("%s: %w", path, err)
		}
		layers = append(layers, l)
	}
	return layers, nil
}

func readLayer(path string) (layer, error) {
	l := layer{path: path, values: map[string]string{}}
	raw, err := os.ReadFile(path)
	if err != nil {
		return l, err
	}
	var tree map[string]any
	if _, err := toml.Decode(string(raw), &tree); err != nil {
		return l, err
	}
	return l, l.take("", tree)
}

// take reads a table. A table inside it stands for the first part of names:
// [log] level is log_level.
func (l *layer) take(prefix string, tree map[string]any) error {
	known := knownSettings()
	for key, v := range tree {
		name := prefix + strings.ReplaceAll(key, "_", "-")
		if table, ok := v.(map[string]any); ok {
			if err := l.take(name+"-", table); err != nil {
				return err
			}
			continue
		}
		if !slices.Contains(known, name) {
			return unknownSetting(name, known)
		}
		text, err := settingText(v)
		if err != nil {
			return fmt.Errorf("%s %w", setting(name), err)
		}
		l.values[name] = text
	}
	return nil
}

// setting is how a flag is written in a file.
func setting(flag string) string { return strings.ReplaceAll(flag, "-", "_") }

// knownSettings are the names of all settings, as flags are written.
func knownSettings() []string {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	(&config{}).flags(all)
	known := slices.Clone(clientSettings)
	all.VisitAll(func(f *pflag.Flag) {
		if f.Name != "config" {
			known = append(known, f.Name)
		}
	})
	for _, name := range secretFlags {
		known = append(known, name+"-file")
	}
	return known
}

func unknownSetting(name string, known []string) error {
	nearest, best := "", 3
	for _, k := range known {
		if d := distance(name, k); d < best {
			nearest, best = k, d
		}
	}
	if nearest != "" {
		return fmt.Errorf("%s is not a setting; did you mean %s?", setting(name), setting(nearest))
	}
	return fmt.Errorf("%s is not a setting; memhook config show lists them", setting(name))
}

// distance is how many letters have to be changed, added or left out to come from
// one word to the other.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			same := 1
			if a[i] == b[j] {
				same = 0
			}
			corner, row[j+1] = row[j+1], min(corner+same, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// settingText is a value as a flag takes it.
func settingText(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case bool, int64, float64:
		return fmt.Sprint(v), nil
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			s, ok := item.(string)
			if !ok {
				return "", errors.New("must be a list of texts")
			}
			parts[i] = s
		}
		return strings.Join(parts, ","), nil
	case time.Time:
		return "", errors.New("must be a text, not a date")
	}
	return "", errors.New("must be a text, a number, true, false or a list of texts")
}

// find returns what variables and files say about a flag, and where it stands.
func find(flag string, env func(string) (string, bool), layers []layer) (value, from string, ok bool, err error) {
	secret := slices.Contains(secretFlags, flag)
	value, ok, err = fromEnv(variable(flag), secret, env)
	if ok || err != nil {
		return value, variable(flag), ok, err
	}
	for _, l := range layers {
		value, ok, err = l.find(flag, secret)
		if ok || err != nil {
			return value, l.path, ok, err
		}
	}
	return "", "", false, nil
}

// find returns a value of the file. A secret may instead stand in the file that
// NAME_file names.
func (l layer) find(flag string, secret bool) (string, bool, error) {
	value, plain := l.values[flag]
	file, named := l.values[flag+"-file"]
	switch {
	case !secret || !named:
		return value, plain, nil
	case plain:
		return "", false, usagef("%s: %s and %[2]s_file are both set; leave one out", l.path, setting(flag))
	}
	value, err := readSecret(file)
	if err != nil {
		return "", false, usagef("%s: %s_file: %w", l.path, setting(flag), err)
	}
	return value, true, nil
}
