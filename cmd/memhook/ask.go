package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// confirm asks before something that cannot be taken back. Without a terminal there
// is nobody to ask, so --yes has to stand on the command line.
func confirm(cmd *cobra.Command, yes bool, question string) error {
	if yes {
		return nil
	}
	nobody := usagef("%s Say so with --yes: there is no terminal to ask at", question)
	if !terminal(cmd.InOrStdin()) {
		return nobody
	}
	fmt.Fprint(cmd.ErrOrStderr(), question, " [y/N] ")
	line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	switch {
	case errors.Is(err, io.EOF) && line == "": // /dev/null is a character device, too
		fmt.Fprintln(cmd.ErrOrStderr())
		return nobody
	case err != nil && line == "":
		return err
	}
	if answer := strings.ToLower(strings.TrimSpace(line)); answer != "y" && answer != "yes" {
		return failf(exitFailed, "not done")
	}
	return nil
}
