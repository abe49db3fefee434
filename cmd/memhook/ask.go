package main

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// confirm asks before something that cannot be taken back. Without a terminal there
// is nobody to ask, so --yes has to stand on the command line.
func confirm(cmd *cobra.Command, yes bool, question string) error {
	if yes {
		return nil
	}
	if !terminal(cmd.InOrStdin()) {
		return usagef("%s Say so with --yes: there is no terminal to ask at", question)
	}
	fmt.Fprint(cmd.ErrOrStderr(), question, " [y/N] ")
	line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	if err != nil && line == "" {
		return err
	}
	if answer := strings.ToLower(strings.TrimSpace(line)); answer != "y" && answer != "yes" {
		return failf(exitFailed, "not done")
	}
	return nil
}
