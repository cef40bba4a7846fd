// Package api runs the operations of a profile: it builds the request, sends it
// through the transport, reads the envelope, and says in one [Failure] what
// went wrong. Both clients are thin layers over it.
package api
