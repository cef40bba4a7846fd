// Package fake is what the fake servers of both systems share: they listen,
// find the operation of a request by the profile, check the request against the
// profile's OpenAPI document, count it, and pass it through the faults that a
// test has ordered.
package fake
