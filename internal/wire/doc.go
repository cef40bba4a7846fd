// Package wire turns what the two systems send into typed records, and back,
// by a profile: a JSON document that says where each operation and field lives.
//
// It has three layers. Scalars (scalar.go) read every spelling that PHP and
// hand-written JSON produce. A [Schema] (schema.go) lists the fields of a Go
// record once; together with a [Profile] (profile.go) it compiles to a [Codec]
// that decodes and encodes without reflection. An [Envelope] (envelope.go)
// walks a reply and hands its elements out one at a time.
package wire
