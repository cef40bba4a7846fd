// Package totalgesttest is a TotalGest that lives in memory: a server with
// products, quantities and orders, for the tests of programs that use package
// totalgest and for trying them out.
//
// [Start] belongs to a test: a request that the profile does not know, or whose
// query or body is not what the profile says, fails it. [New] is for programs.
// The server speaks the profile that it is given, so a program can be tried with
// the profile of its own TotalGest.
package totalgesttest
