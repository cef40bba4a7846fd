package storetest

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/tg360/tg360/syncer"
)

// holdsDoc complains unless Doc returns want.
func (r *rig) holdsDoc(want syncer.Doc) error {
	got, err := r.Doc(r.ctx, want.Connection, want.Name)
	if err != nil {
		return fmt.Errorf("document %q of %s: %w", want.Name, want.Connection, err)
	}
	if got.Connection != want.Connection || got.Name != want.Name || got.Revision != want.Revision {
		return fmt.Errorf("document %q of %s, revision %d, was returned; want %q of %s, revision %d",
			got.Name, got.Connection, got.Revision, want.Name, want.Connection, want.Revision)
	}
	if !bytes.Equal(got.Data, want.Data) {
		return fmt.Errorf("document %q has %d bytes that are not the %d stored", want.Name, len(got.Data), len(want.Data))
	}
	return nil
}

// lacksDoc complains unless the error is ErrNotFound.
func (r *rig) lacksDoc(connection, name string) error {
	_, err := r.Doc(r.ctx, connection, name)
	return wantError(fmt.Sprintf("Doc %q of %s", name, connection), err, syncer.ErrNotFound)
}

// putDoc is PutDoc.
func (r *rig) putDoc(d *syncer.Doc) error {
	if err := r.PutDoc(r.ctx, d); err != nil {
		return fmt.Errorf("PutDoc %q: %w", d.Name, err)
	}
	return nil
}

func docRoundTrip(r *rig) error {
	if err := r.lacksDoc(shopA, "watermark"); err != nil {
		return err
	}
	binary := make([]byte, 1<<20) // no text, and larger than a page of any database
	for i := range binary {
		binary[i] = byte(i*i>>8 ^ i)
	}
	contents := [][]byte{
		[]byte(`{"at": "2026-03-09T10:00:00Z",  "b":1,"a":2}`), nil, {}, {0}, []byte("null"), []byte("\xff\xfe not UTF-8"), binary, []byte("short again"),
	}
	d := syncer.Doc{Connection: shopA, Name: "watermark"}
	for i, data := range contents {
		own := syncer.Doc{Connection: shopA, Name: fmt.Sprintf("ünï/%d %%", i), Data: data}
		d.Data = data
		for _, d := range []*syncer.Doc{&own, &d} {
			if err := r.putDoc(d); err != nil {
				return err
			}
			if err := r.holdsDoc(*d); err != nil {
				return err
			}
		}
	}
	return nil
}

func docRevisions(r *rig) error {
	doc := func(revision int64, data string) *syncer.Doc {
		return &syncer.Doc{Connection: shopA, Name: "run", Revision: revision, Data: []byte(data)}
	}
	refused := func(what string, d *syncer.Doc) error {
		revision := d.Revision
		if err := wantError(what, r.PutDoc(r.ctx, d), syncer.ErrStale); err != nil {
			return err
		}
		if d.Revision != revision {
			return fmt.Errorf("%s was refused and changed the revision from %d to %d", what, revision, d.Revision)
		}
		return nil
	}
	if err := refused("new document of revision 1", doc(1, "a")); err != nil {
		return err
	}
	if err := r.lacksDoc(shopA, "run"); err != nil {
		return fmt.Errorf("refused: %w", err)
	}
	d := doc(0, "b")
	for i := range 10 {
		last := d.Revision
		if err := r.putDoc(d); err != nil {
			return err
		}
		if d.Revision <= last {
			return fmt.Errorf("PutDoc %d left the revision at %d after %d", i+1, d.Revision, last)
		}
		for what, revision := range map[string]int64{"old": last, "new": 0, "future": d.Revision + 1} {
			if err := refused("PutDoc of "+what+" revision", doc(revision, "c")); err != nil {
				return err
			}
		}
		if err := r.holdsDoc(*d); err != nil {
			return err
		}
	}
	return nil
}

func docsAreApart(r *rig) error {
	var docs []*syncer.Doc
	for _, connection := range []string{shopA, shopB, "Shop-A"} {
		for _, name := range []string{"run", "Run", "run ", "run%", "1"} {
			docs = append(docs, &syncer.Doc{Connection: connection, Name: name, Data: []byte(connection + "/" + name)})
		}
	}
	if err := r.put(order("run"), order("1")); err != nil { // links are no documents
		return err
	}
	for _, d := range docs {
		if err := errors.Join(r.lacksDoc(d.Connection, d.Name), r.putDoc(d)); err != nil {
			return err
		}
	}
	for _, d := range docs {
		if err := r.holdsDoc(*d); err != nil {
			return err
		}
	}
	return r.lists("links beside documents", syncer.Query{}, "1", "run")
}

// oneDocWins lets rivals put a document from one revision, new at first.
func oneDocWins(r *rig) error {
	var current syncer.Doc
	for round := range 25 {
		won := make([]*syncer.Doc, rivals)
		err := race(func(i int) error {
			d := syncer.Doc{Connection: shopA, Name: "lease", Revision: current.Revision, Data: []byte(ownerName(i))}
			err := r.PutDoc(r.ctx, &d)
			if err == nil {
				won[i] = &d
				return nil
			}
			return wantError("PutDoc that came too late", err, syncer.ErrStale)
		})
		if err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
		winners := 0
		for _, d := range won {
			if d != nil {
				winners++
				current = *d
			}
		}
		if winners != 1 {
			return fmt.Errorf("round %d: %d of %d won, want 1", round, winners, rivals)
		}
		if err := r.holdsDoc(current); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
	}
	return nil
}
