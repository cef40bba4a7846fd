// Package framework360test is a Framework360 shop that lives in memory: a server
// with products and orders, for the tests of programs that use package
// framework360 and for trying them out.
//
// [Start] belongs to a test: a request that the profile does not know, or whose
// query or body is not what the profile says, fails it. [New] is for programs.
//
// The server speaks as PHP does: the same id is now a number and now a text,
// booleans and dates come in several spellings, an empty object is an empty list,
// and a failure has the HTTP status 200. What it says at which request depends on
// [Options].Seed alone; [Options].Plain switches it off.
package framework360test
