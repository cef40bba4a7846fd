-- Times are microseconds since 1970, NULL when there is none; lists are JSON,
-- empty when there is nothing in them.

-- +goose Up
CREATE TABLE links (
	connection TEXT COLLATE "C" NOT NULL,
	kind TEXT COLLATE "C" NOT NULL,
	id TEXT COLLATE "C" NOT NULL,
	revision BIGINT NOT NULL,
	title TEXT COLLATE "C" NOT NULL,
	sku TEXT COLLATE "C" NOT NULL,
	ean TEXT COLLATE "C" NOT NULL,
	peer_id TEXT COLLATE "C" NOT NULL,
	peer_no TEXT COLLATE "C" NOT NULL,
	code TEXT COLLATE "C" NOT NULL,
	warnings TEXT COLLATE "C" NOT NULL,
	state TEXT COLLATE "C" NOT NULL,
	reason TEXT COLLATE "C" NOT NULL,
	message TEXT COLLATE "C" NOT NULL,
	problems TEXT COLLATE "C" NOT NULL,
	version BIGINT NOT NULL,
	done BIGINT NOT NULL,
	due_at BIGINT,
	owner TEXT COLLATE "C" NOT NULL,
	lease_ends BIGINT,
	attempts BIGINT NOT NULL,
	asked BIGINT NOT NULL,
	sent_by BIGINT,
	marked BIGINT NOT NULL,
	cleared_at BIGINT,
	parts TEXT COLLATE "C" NOT NULL,
	sent TEXT COLLATE "C" NOT NULL,
	created BIGINT,
	seen_at BIGINT,
	synced_at BIGINT,
	walked_at BIGINT,
	holds TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (connection, kind, id)
);
CREATE INDEX links_by_state ON links (connection, kind, state, id);
CREATE INDEX links_by_due ON links (connection, kind, due_at, id) WHERE due_at IS NOT NULL;

-- What links are found by; the first character says what it is.
CREATE TABLE terms (
	connection TEXT COLLATE "C" NOT NULL,
	kind TEXT COLLATE "C" NOT NULL,
	term TEXT COLLATE "C" NOT NULL,
	id TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (connection, kind, term, id)
);

CREATE TABLE docs (
	connection TEXT COLLATE "C" NOT NULL,
	name TEXT COLLATE "C" NOT NULL,
	revision BIGINT NOT NULL,
	data BYTEA NOT NULL,
	PRIMARY KEY (connection, name)
);
