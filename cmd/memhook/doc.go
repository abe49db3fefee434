// Command memhook serves the memory API and delivers its webhooks.
//
// This package alone reads flags, environment variables and files of the
// operator; everything below it is given plain values. serve.go says what runs
// and in which order it stops. arch_test.go holds the rule that a package imports
// only packages on a lower floor.
//
// Output: what a script wants to read goes to stdout, all else to stderr. Exit
// codes are in exit.go.
package main
