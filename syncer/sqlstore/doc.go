// Package sqlstore keeps links and documents in a SQLite file or in PostgreSQL:
// it is the durable [syncer.Store].
//
// A SQLite file serves one machine. It is written with write-ahead log and full
// synchronisation, so what was acknowledged survives a loss of power; other
// processes may read and write it at the same time. PostgreSQL serves several
// machines, in a schema of its own of any database.
//
// The schema is made and brought up to date by [Open], in transactions, so that
// an interrupted update is simply repeated. A database of a newer program than
// this one is refused and left alone.
//
// Texts must be UTF-8 without NUL bytes, and what makes a key (connection, kind,
// id, state, name of a document) has at most 500 bytes; a Put of anything else
// is refused with an error that names the field. Of a title the first 200 bytes
// can be searched for.
package sqlstore
