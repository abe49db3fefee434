package main

import (
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"memhook/signing"
)

// maxSecretFile bounds what is read as secrets, in bytes.
const maxSecretFile = 64 << 10

func secretFileFlag(fs *pflag.FlagSet, file *string) {
	fs.StringVar(file, "secret-file", "", "`file` with the signing secret, several one a line, newest first; - reads standard input (default MEMHOOK_WEBHOOK_SECRET)")
}

// secretTexts reads signing secrets from a file, from standard input for "-", or
// from MEMHOOK_WEBHOOK_SECRET for "".
func secretTexts(file string, stdin io.Reader) ([]string, error) {
	text := os.Getenv("MEMHOOK_WEBHOOK_SECRET")
	if file != "" {
		raw, err := readInput(file, stdin, maxSecretFile)
		if err != nil {
			return nil, usagef("--secret-file: %w", err)
		}
		text = string(raw)
	}
	list := strings.Fields(text)
	if file != "" && len(list) == 0 {
		return nil, usagef("--secret-file %s has no secret in it", file)
	}
	return list, nil
}

func parseSecrets(texts []string) ([]signing.Secret, error) {
	list := make([]signing.Secret, len(texts))
	for i, text := range texts {
		var err error
		if list[i], err = signing.ParseSecret(text); err != nil {
			return nil, usagef("the secret cannot be used: %w", err)
		}
	}
	return list, nil
}

// readInput reads a file, or standard input for "-", of at most most bytes.
func readInput(file string, stdin io.Reader, most int64) ([]byte, error) {
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		stdin = f
	}
	raw, err := io.ReadAll(io.LimitReader(stdin, most+1))
	if err == nil && int64(len(raw)) > most {
		err = usagef("%s is larger than %d bytes", file, most)
	}
	return raw, err
}
