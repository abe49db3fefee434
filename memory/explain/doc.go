// Package explain answers "why did my callback arrive, or not?". Everything in it
// is a pure function of what is stored and of the time: pages, the API and the
// command line say the same words.
//
// A Verdict has a code for programs, a sentence for people, and the one thing that
// happens or helps next. The first case that holds is the answer; of several
// deliveries, the one that most needs a person. Texts quote what came from outside
// (names, addresses) as it is: whoever shows them makes them fit to be seen.
package explain
