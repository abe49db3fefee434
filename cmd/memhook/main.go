package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the program: it ends when the command has, or soon after ctx.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := rootCommand()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	switch code := exitCode(err); {
	case err == nil:
		return code
	case code == exitInterrupted && errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "memhook: interrupted")
		return code
	default:
		fmt.Fprintln(stderr, "memhook:", err)
		return code
	}
}

func rootCommand() *cobra.Command {
	root := group(&cobra.Command{
		Use:   "memhook",
		Short: "Memories for agents, with webhooks that arrive",
		Long: `memhook keeps memories for agents behind an API that mem0's clients speak, and
tells your endpoints about every change: signed, retried and on record.`,
		Example: `  memhook demo      # see it work, in a temporary folder
  memhook serve     # run the server
  memhook listen    # receive and verify callbacks on this machine`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version(),
	})
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w; see %q", err, cmd.CommandPath()+" --help")
	})
	root.AddCommand(serveCommand(), listenCommand(), demoCommand(), projectCommand(), verifyCommand(), signCommand(), checkCommand(), configCommand(),
		doctorCommand(), readyCommand(), migrateCommand(), backupCommand(), restoreCommand(), loginLinkCommand(), pruneCommand(),
		endpointCommand(), eventCommand(), deliveryCommand(), sourceCommand(), memoryCommand(), erasureCommand(), keyCommand(), explainCommand(), findCommand(),
		replayCommand(), testCommand(), tailCommand(), waitCommand(), versionCommand())
	return root
}

// group makes cmd one that only holds others: alone it shows its help, and with
// an unknown name it fails.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		hint := ""
		if cmd.SuggestionsMinimumDistance <= 0 {
			cmd.SuggestionsMinimumDistance = 2
		}
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			hint = fmt.Sprintf("; did you mean %q?", strings.Join(near, " or "))
		}
		return usagef("%q is not a command of %q%s", args[0], cmd.CommandPath(), hint)
	}
	return cmd
}

// args wraps a cobra rule about the number of arguments into a usage error.
func args(rule cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if err := rule(cmd, given); err != nil {
			return usagef("%w; see %q", err, cmd.CommandPath()+" --help")
		}
		return nil
	}
}
