// Package totalgest is a typed client for the TotalGest ERP.
//
// # Getting started
//
// [New] takes the five values that the ERP's provider hands out. [Client.Verify]
// checks them with one real read for each ability that a sync needs. Lists come
// as pages ([Client.ProductPages]) or element by element ([Client.AllProducts]).
//
// # How sure this package is of the wire
//
// TotalGest's interface is not public. Apart from the five settings everything
// that this package sends and reads is assumed: a conventional REST and JSON
// contract that stands in profile.json, field by field, with its grade. An
// integrator replaces any part of it by a JSON file in [Config].Profile, without
// a line of Go. Until a person has confirmed an assumed write in that file it is
// refused for every host but this machine ([ErrUnconfirmed]).
//
// # Errors
//
// Every error is an [*Error] that matches one of the sentinels such as
// [ErrUnauthorized]. Reads are repeated by the client with growing delays, and
// Retry-After is honoured. A write that may not be repeated never is: when it is
// not known whether it happened, the error is [ErrInDoubt].
//
// # Values
//
// Fields that may be missing are an [Opt]: absent, null and a value are three
// things. Amounts are exact decimals.
package totalgest
