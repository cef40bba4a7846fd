-- Times are microseconds since 1970, NULL when there is none; lists are JSON,
-- empty when there is nothing in them.

-- +goose Up
CREATE TABLE links (
	connection TEXT NOT NULL,
	kind TEXT NOT NULL,
	id TEXT NOT NULL,
	revision BIGINT NOT NULL,
	title TEXT NOT NULL,
	sku TEXT NOT NULL,
	ean TEXT NOT NULL,
	peer_id TEXT NOT NULL,
	peer_no TEXT NOT NULL,
	code TEXT NOT NULL,
	warnings TEXT NOT NULL,
	state TEXT NOT NULL,
	reason TEXT NOT NULL,
	message TEXT NOT NULL,
	problems TEXT NOT NULL,
	version BIGINT NOT NULL,
	done BIGINT NOT NULL,
	due_at BIGINT,
	owner TEXT NOT NULL,
	lease_ends BIGINT,
	attempts BIGINT NOT NULL,
	asked BIGINT NOT NULL,
	sent_by BIGINT,
	marked BIGINT NOT NULL,
	cleared_at BIGINT,
	parts TEXT NOT NULL,
	sent TEXT NOT NULL,
	created BIGINT,
	seen_at BIGINT,
	synced_at BIGINT,
	walked_at BIGINT,
	holds TEXT NOT NULL,
	PRIMARY KEY (connection, kind, id)
);
CREATE INDEX links_by_state ON links (connection, kind, state, id);
CREATE INDEX links_by_due ON links (connection, kind, due_at, id) WHERE due_at IS NOT NULL;

-- What links are found by; the first character says what it is.
CREATE TABLE terms (
	connection TEXT NOT NULL,
	kind TEXT NOT NULL,
	term TEXT NOT NULL,
	id TEXT NOT NULL,
	PRIMARY KEY (connection, kind, term, id)
) WITHOUT ROWID;

CREATE TABLE docs (
	connection TEXT NOT NULL,
	name TEXT NOT NULL,
	revision BIGINT NOT NULL,
	data BLOB NOT NULL,
	PRIMARY KEY (connection, name)
);
