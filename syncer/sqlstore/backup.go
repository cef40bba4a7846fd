package sqlstore

import (
	"cmp"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tg360/tg360/syncer"
)

// line is one of the JSON values of a backup: first the head, then documents and
// links, the end.
type line struct {
	Head *head        `json:"tg360_backup,omitempty"`
	Doc  *syncer.Doc  `json:"doc,omitempty"`
	Link *syncer.Link `json:"link,omitempty"`
	End  *end         `json:"end,omitempty"`
}

type head struct {
	Format int       `json:"format"`
	Schema int64     `json:"schema"` // the version of the store
	At     time.Time `json:"at"`
}

type end struct {
	Docs  int `json:"docs"`
	Links int `json:"links"`
}

const backupFormat = 1

// Backup writes all links and documents as they are at one instant, while others
// go on writing: lines of JSON packed by gzip, the same for SQLite and PostgreSQL.
// It needs little memory, and leaves what it has written when it fails. A backup
// holds no personal data, and no secret but the key of the fingerprints.
func (s *Store) Backup(ctx context.Context, w io.Writer) (err error) {
	defer s.finish(ctx, "backup", &err)
	if err := s.usable(ctx); err != nil {
		return err
	}
	return once(ctx, s.read, &s.d.snapshot, func(tx *sql.Tx) error { return s.backup(ctx, tx, w) })
}

func (s *Store) backup(ctx context.Context, tx *sql.Tx, w io.Writer) (err error) {
	packed := gzip.NewWriter(w)
	lines := json.NewEncoder(packed)
	write := func(l line) {
		if e := lines.Encode(l); e != nil && err == nil {
			err = fmt.Errorf("write the backup: %v", e) // not %w: it is none of the database
		}
	}
	write(line{Head: &head{backupFormat, s.schema, time.Now().UTC()}})
	docs, failed := tx.QueryContext(ctx, "SELECT connection, name, revision, data FROM docs ORDER BY connection, name")
	if failed != nil {
		return failed
	}
	defer docs.Close()
	var e end
	for ; err == nil && docs.Next(); e.Docs++ {
		var d syncer.Doc
		if err := docs.Scan(&d.Connection, &d.Name, &d.Revision, &d.Data); err != nil {
			return err
		}
		write(line{Doc: &d})
	}
	links, failed := tx.QueryContext(ctx, readLinks+" ORDER BY connection, kind, id")
	if failed = cmp.Or(err, docs.Err(), failed); failed != nil {
		return failed
	}
	failed = each(links, len(columns), func(l *syncer.Link) error {
		e.Links++
		write(line{Link: l})
		return err
	})
	if failed != nil {
		return failed
	}
	if write(line{End: &e}); err == nil {
		if e := packed.Close(); e != nil {
			err = fmt.Errorf("write the backup: %v", e)
		}
	}
	return err
}

// Restore puts a backup, also one of the other kind of database, in the place of
// all that the store holds, in one transaction: of a backup that is damaged, cut
// off, or of a newer program nothing is taken.
//
// TotalGest may have got orders since of which the backup knows nothing, so every
// connection in it asks before it first writes an order; see [syncer.AskFirst].
// Revisions are raised above all that the store has handed out, and above the
// clock in seconds, so that a Put of what was read before is refused.
//
// A SQLite file that a serve has for itself is refused, with [ErrInUse]. Of
// PostgreSQL all serves must be stopped first: what one of them is sending to
// TotalGest meanwhile may be found only by asking.
func (s *Store) Restore(ctx context.Context, r io.Reader) (err error) {
	defer s.finish(ctx, "restore", &err)
	if err := s.usable(ctx); err != nil {
		return err
	}
	lock, err := s.d.exclusive(ctx)
	if err != nil {
		return err
	}
	defer lock.Close()
	return once(ctx, s.write, nil, func(tx *sql.Tx) error {
		in := &restore{Store: s, tx: tx, asked: map[string]int64{}}
		err := in.empty(ctx)
		if err == nil {
			err = in.lines(ctx, r)
		}
		for connection, revision := range in.asked {
			d := syncer.AskFirst(connection, time.Now())
			d.Revision = revision + 1
			err = cmp.Or(err, in.doc(ctx, &d))
		}
		return err
	})
}

// restore is one under way.
type restore struct {
	*Store
	tx    *sql.Tx
	raise int64 // of revisions
	links []*syncer.Link
	asked map[string]int64 // by connection: the revision of the document of syncer.AskFirst
}

// empty deletes everything, and keeps others from writing.
func (in *restore) empty(ctx context.Context) error {
	in.raise = time.Now().Unix()
	_, err := in.tx.ExecContext(ctx, in.d.lock)
	for _, table := range []string{"links", "docs"} {
		var revision int64
		if err == nil {
			err = in.tx.QueryRowContext(ctx, "SELECT coalesce(max(revision), 0) FROM "+table).Scan(&revision)
		}
		in.raise = max(in.raise, revision)
	}
	for _, table := range []string{"links", "docs", "terms"} {
		if err == nil {
			_, err = in.tx.ExecContext(ctx, "DELETE FROM "+table)
		}
	}
	return err
}

// lines stores a backup line by line.
func (in *restore) lines(ctx context.Context, r io.Reader) error {
	packed, err := gzip.NewReader(r)
	if err != nil {
		return fmt.Errorf("this is no backup: %v", err)
	}
	lines := json.NewDecoder(packed)
	lines.DisallowUnknownFields()
	var got end
	var l line
	for n := 1; err == nil; n++ {
		last := l.End
		l = line{}
		switch err = lines.Decode(&l); {
		case errors.Is(err, io.EOF) && last != nil && *last == got:
			return in.flush(ctx)
		case err != nil, last != nil, (n == 1) != (l.Head != nil):
			return fmt.Errorf("the backup is damaged or cut off at line %d", n)
		case l.Head != nil && (l.Head.Format != backupFormat || l.Head.Schema > in.schema):
			return fmt.Errorf("the backup has format %d of schema %d, and this program knows %d of %d: update the program",
				l.Head.Format, l.Head.Schema, backupFormat, in.schema)
		case l.Doc != nil:
			got.Docs++
			l.Doc.Revision += in.raise
			in.ask(l.Doc.Connection, in.raise)
			if l.Doc.Name == syncer.AskFirst("", time.Time{}).Name { // comes in the end
				in.ask(l.Doc.Connection, l.Doc.Revision)
			} else {
				err = in.doc(ctx, l.Doc)
			}
		case l.Link != nil:
			got.Links++
			l.Link.Revision += in.raise
			in.ask(l.Link.Connection, in.raise)
			if in.links = append(in.links, l.Link); len(in.links) == 500 {
				err = in.flush(ctx)
			}
		}
	}
	return err
}

// ask notes a connection, and the revision that its question must be above.
func (in *restore) ask(connection string, revision int64) {
	in.asked[connection] = max(in.asked[connection], revision)
}

func (in *restore) doc(ctx context.Context, d *syncer.Doc) error {
	if err := checkDoc(d); err != nil {
		return err
	}
	_, err := in.exec(ctx, in.tx, insertDoc, d.Connection, d.Name, d.Revision, data(d))
	return err
}

// flush stores the links that were kept.
func (in *restore) flush(ctx context.Context) error {
	if err := check(in.links); err != nil {
		return err
	}
	var rows, add [][]any
	for _, l := range in.links {
		rows, add = append(rows, values(l)), append(add, termRows(l.Key, terms(l), nil)...)
	}
	in.links = nil
	return in.store(ctx, in.tx, rows, nil, add)
}
