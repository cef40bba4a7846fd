// Package transport is the one HTTP pipeline that both API clients use.
//
// A [Client] belongs to one base address. [Client.Do] makes one call of it, out
// of one or more attempts; each attempt waits for its turn (rate, concurrency,
// urgent calls first), is sent with a time limit of its own, and is over when
// the whole body has been read. Any HTTP status is a [Response]; where there
// was no whole reply, there is an [*Error] that says what became of a write.
//
// Reads and repeatable writes are repeated after network errors, cut bodies,
// timeouts and the statuses 408, 429, 500, 502, 503 and 504. Any other write is
// repeated only after 429, or when it is certain that no byte of it left. Such
// writes use connections of their own, without keep-alive: net/http resends
// some requests by itself when a kept connection dies, and never on a new one.
//
// A Retry-After with 429 or 503 holds back the client's other calls too, for an
// hour at most; urgent ones are tried all the same.
//
// No text of another library reaches an error or a log line, since those print
// URLs with their queries.
package transport
