// Package framework360 is a typed client for the HTTP API of a Framework360
// shop.
//
// # Getting started
//
// [New] takes the shop's address and an API key, which a shop owner creates in
// the back office with a box for each permitted function. [Client.Verify] tries
// every read that a sync needs and names the permission that is missing.
//
// # How sure this package is of the wire
//
// Addresses, headers, verbs and parameters of most operations are documented by
// the vendor; replies are not. Failures come with HTTP status 200, numbers and
// booleans in several spellings, and empty objects as empty lists: all of that is
// read. The names of the fields of orders and products are assumed, with several
// candidates for each in profile.json; [Config].Profile replaces any of them by a
// JSON file. Products can't be written to a real shop before a person has
// confirmed there how ([ErrUnconfirmed]).
//
// # Events
//
// [WebhookHandler] takes the shop's webhooks. The vendor publishes neither their
// payload nor a signature, so an event is a hint which order to read again, and
// never more.
//
// # Errors
//
// Every error is an [*Error] that matches one of the sentinels such as
// [ErrForbidden]. Reads and repeatable writes are repeated by the client;
// CreateProduct never is: when it is not known whether it happened, the error is
// [ErrInDoubt].
package framework360
