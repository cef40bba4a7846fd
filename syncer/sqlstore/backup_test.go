package sqlstore_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/syncer/sqlstore"
)

// furnished returns the links, n and one, and documents of connections in s.
func furnished(t *testing.T, s syncer.Store, n int) (links []*syncer.Link, docs []*syncer.Doc) {
	t.Helper()
	at := time.Date(2026, 3, 9, 10, 30, 0, 123456000, time.UTC)
	for i := range n {
		links = append(links, order(fmt.Sprintf("%05d", i)))
	}
	*links[0] = syncer.Link{
		Key: links[0].Key, State: syncer.Sending, Reason: syncer.ReasonData, Code: "TG-ORD-007", Message: "così <b>&\u2028",
		Problems: []syncer.Problem{{Field: "total", Message: "missing"}}, Warnings: []string{"TG-ORD-017", ""},
		Title: "Été nº 1", SKU: "SKU-1", EAN: "4006381333931", PeerID: "P-77", PeerNo: "2026/118",
		Version: 12, Done: 11, DueAt: at, Owner: "owner-1", LeaseEnds: at.Add(1), Attempts: 3, Asked: 4, SentBy: at.Add(2e3), Marked: true,
		ClearedAt: at.Add(-1e9), Parts: "name=h1", Sent: "state=h3", Created: at.Add(3e6), SeenAt: at.Add(4e9), SyncedAt: at.Add(5e12),
	}
	other := order("00001")
	other.Connection, other.Kind = "zweiter", syncer.KindProduct
	links = append(links, other)
	must(t, s.Put(t.Context(), links...))
	for range 3 {
		must(t, s.Put(t.Context(), links[0]))
	}
	for _, d := range []syncer.Doc{
		{Connection: "shop", Name: "watermark", Data: []byte("binary \x00\xff")}, {Connection: "shop", Name: "empty"},
		{Connection: "docs-only", Name: "run", Data: bytes.Repeat([]byte("x"), 1<<20)},
	} {
		must(t, s.PutDoc(t.Context(), &d))
		must(t, s.PutDoc(t.Context(), &d))
		docs = append(docs, &d)
	}
	return links, docs
}

func backup(t *testing.T, s *sqlstore.Store) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, s.Backup(t.Context(), &b))
	return b.Bytes()
}

// TestBackupAndRestore takes a store from each database to each.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	places := map[string]func(testing.TB) place{"sqlite": sqliteFile, "postgres": postgresSchema}
	for from, source := range places {
		for to, target := range places {
			t.Run(from+" to "+to, func(t *testing.T) {
				t.Parallel()
				s := source(t).open(t)
				links, docs := furnished(t, s, 501) // more than are stored at once
				packed := backup(t, s)

				s = target(t).open(t)
				gone := order("gone")
				gone.SKU = "SKU-gone"
				must(t, s.Put(t.Context(), gone))
				must(t, s.PutDoc(t.Context(), &syncer.Doc{Connection: "shop", Name: "gone"}))
				before := time.Now()
				must(t, s.Restore(t.Context(), bytes.NewReader(packed)))
				restored(t, s, links, docs)
				asked(t, s, before, "shop", "zweiter", "docs-only")
				if _, there := get(t, s, "gone"); there {
					t.Error("a link of before is still there")
				}
				found, err := s.List(t.Context(), syncer.Query{Connection: "shop", Kind: syncer.KindOrder, SKUs: []string{"SKU-gone"}})
				if err != nil || len(found) > 0 {
					t.Errorf("found by what was before: %d links, error %v", len(found), err)
				}
				if _, err := s.Doc(t.Context(), "shop", "gone"); !errors.Is(err, syncer.ErrNotFound) {
					t.Errorf("a document of before: %v", err)
				}
			})
		}
	}
}

// restored complains unless s holds this, under higher revisions, and finds it.
func restored(t *testing.T, s syncer.Store, links []*syncer.Link, docs []*syncer.Doc) {
	t.Helper()
	byKey := map[syncer.Key]syncer.Link{}
	for _, q := range []syncer.Query{{Connection: "shop", Kind: syncer.KindOrder}, {Connection: "zweiter", Kind: syncer.KindProduct}} {
		got, err := s.List(t.Context(), q)
		must(t, err)
		for _, l := range got {
			byKey[l.Key] = l
		}
	}
	if len(byKey) != len(links) {
		t.Errorf("%d links, want %d", len(byKey), len(links))
	}
	for _, want := range links {
		got := byKey[want.Key]
		if got.Revision <= want.Revision {
			t.Errorf("%s has revision %d after %d", want.ID, got.Revision, want.Revision)
		}
		if diff := cmp.Diff(*want, got, cmpopts.IgnoreFields(syncer.Link{}, "Revision"), cmpopts.EquateApproxTime(time.Microsecond)); diff != "" {
			t.Errorf("%s (-stored +restored):\n%s", want.ID, diff)
		}
		if want.ID > "00009" {
			continue
		}
		stale := *want
		if err := s.Put(t.Context(), &stale); !errors.Is(err, syncer.ErrStale) {
			t.Fatalf("a Put of what was read before the restore: %v", err)
		}
	}
	for what, q := range map[string]syncer.Query{"code": {Codes: []string{"TG-ORD-017"}}, "title": {Text: "été n"}, "SKU": {SKUs: []string{"SKU-1"}}} {
		q.Connection, q.Kind = "shop", syncer.KindOrder
		if found, err := s.List(t.Context(), q); err != nil || len(found) != 1 || found[0].Key != links[0].Key {
			t.Errorf("by %s: %d links, error %v", what, len(found), err)
		}
	}
	for _, want := range docs {
		got, err := s.Doc(t.Context(), want.Connection, want.Name)
		if err != nil || !bytes.Equal(got.Data, want.Data) || got.Revision <= want.Revision {
			t.Errorf("document %s: revision %d after %d, %d bytes, error %v", want.Name, got.Revision, want.Revision, len(got.Data), err)
		}
		if err := s.PutDoc(t.Context(), want); !errors.Is(err, syncer.ErrStale) {
			t.Errorf("a PutDoc of what was read before: %v", err)
		}
	}
}

// asked complains unless each connection asks for what is older than now.
func asked(t *testing.T, s syncer.Store, before time.Time, connections ...string) {
	t.Helper()
	for _, c := range connections {
		d, err := s.Doc(t.Context(), c, syncer.AskFirst(c, before).Name)
		must(t, err)
		at, err := time.Parse(time.RFC3339Nano, string(d.Data))
		if err != nil || at.Before(before.Truncate(time.Microsecond)) || at.After(time.Now()) {
			t.Errorf("%s asks for what is older than %v, error %v", c, at, err)
		}
	}
}

// TestRestoredAgain puts backups over a store that has gone on: what anybody still
// holds of it is stale, and the questions are those of the last restore.
func TestRestoredAgain(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p place) {
		s := p.open(t)
		l := order("1")
		must(t, s.Put(t.Context(), l))
		packed := backup(t, s)
		for round := range 4 {
			ask := syncer.AskFirst("shop", time.Unix(1, 0))
			if have, err := s.Doc(t.Context(), ask.Connection, ask.Name); err == nil {
				ask.Revision = have.Revision
			}
			oldest := l.Revision
			for range 5 {
				must(t, s.Put(t.Context(), l))
				must(t, s.PutDoc(t.Context(), &ask))
			}
			before := time.Now()
			must(t, s.Restore(t.Context(), bytes.NewReader(packed)))
			asked(t, s, before, "shop")
			for revision := oldest; revision <= l.Revision; revision++ {
				held := *l
				held.Revision = revision
				if err := s.Put(t.Context(), &held); !errors.Is(err, syncer.ErrStale) {
					t.Fatalf("round %d: a Put of revision %d: %v", round, revision, err)
				}
				doc := ask
				doc.Revision += revision - l.Revision
				if err := s.PutDoc(t.Context(), &doc); !errors.Is(err, syncer.ErrStale) {
					t.Fatalf("round %d: a PutDoc of revision %d: %v", round, doc.Revision, err)
				}
			}
			*l, _ = get(t, s, "1")
			if round == 2 {
				packed = backup(t, s) // with that document in it
			}
		}
	})
}

// TestDamagedBackups restores what is cut off or changed: nothing is taken of it.
func TestDamagedBackups(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p place) {
		s := p.open(t)
		furnished(t, s, 30)
		packed := backup(t, s)
		lines := unpack(t, packed)
		last := strings.LastIndex(strings.TrimSpace(lines), "\n") + 1
		bad := map[string]struct {
			backup []byte
			want   string
		}{
			"empty": {nil, "this is no backup"}, "text": {[]byte("This is a text."), "this is no backup"},
			"other lines":        {pack(t, "{\"a\":1}\n"), "at line 1"},
			"no head":            {pack(t, lines[strings.Index(lines, "\n")+1:]), "at line 1"},
			"two heads":          {pack(t, lines[:strings.Index(lines, "\n")+1]+lines), "at line 2"},
			"no end":             {pack(t, lines[:last]), "damaged or cut off"},
			"two ends":           {pack(t, lines+lines[last:]), "damaged or cut off"},
			"a line less":        {pack(t, strings.Join(append(strings.SplitAfter(lines, "\n")[:20:20], strings.SplitAfter(lines, "\n")[21:]...), "")), "damaged or cut off"},
			"a line twice":       {pack(t, strings.Join(append(strings.SplitAfter(lines, "\n")[:20:20], strings.SplitAfter(lines, "\n")[19:]...), "")), "damaged or cut off"},
			"a key twice":        {pack(t, strings.Replace(lines, `"ID":"00007"`, `"ID":"00008"`, 1)), "it has the key of link"},
			"a link without key": {pack(t, strings.Replace(lines, `"ID":"00007"`, `"ID":""`, 1)), "lacks a Connection"},
			"newer format":       {pack(t, strings.Replace(lines, `"format":1`, `"format":2`, 1)), "update the program"},
			"newer schema":       {pack(t, strings.Replace(lines, `"schema":1`, `"schema":7`, 1)), "update the program"},
			"a field more":       {pack(t, strings.Replace(lines, `{"link":{`, `{"link":{"Neu":1,`, 1)), "damaged"},
		}
		for _, n := range []int{1, 5, len(packed) / 3, len(packed) / 2, len(packed) - 9, len(packed) - 1} {
			bad[fmt.Sprint("cut off at ", n)] = struct {
				backup []byte
				want   string
			}{packed[:n], "backup"}
		}
		for _, at := range []int{20, len(packed) / 2, len(packed) - 6} {
			spoilt := bytes.Clone(packed)
			spoilt[at] ^= 0x10
			bad[fmt.Sprint("spoilt at ", at)] = struct {
				backup []byte
				want   string
			}{spoilt, "restore: "}
		}
		kept := order("kept")
		must(t, s.Put(t.Context(), kept))
		for name, c := range bad {
			err := s.Restore(t.Context(), bytes.NewReader(c.backup))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: error %v, want one with %q", name, err, c.want)
			}
			must(t, s.Put(t.Context(), kept)) // nothing has changed
		}
		unreadable := io.MultiReader(bytes.NewReader(packed[:len(packed)/2]), failing{})
		complains(t, s.Restore(t.Context(), unreadable), "damaged or cut off")
		complains(t, s.Backup(t.Context(), failing{}), "write the backup: no room")
	})
}

type failing struct{}

func (failing) Read([]byte) (int, error)  { return 0, errors.New("no data") }
func (failing) Write([]byte) (int, error) { return 0, errors.New("no room") }

func unpack(t *testing.T, packed []byte) string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(packed))
	must(t, err)
	lines, err := io.ReadAll(r)
	must(t, err)
	return string(lines)
}

func pack(t *testing.T, lines string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, lines)
	must(t, err)
	must(t, w.Close())
	return b.Bytes()
}

// TestOldBackup restores one of format 1 as it was first written: that must go on.
func TestOldBackup(t *testing.T) {
	t.Parallel()
	const lines = `{"tg360_backup":{"format":1,"schema":1,"at":"2026-03-09T10:30:00Z"}}
{"doc":{"Connection":"shop","Name":"origin","Revision":2,"Data":"bWlsYW5vMQ=="}}
{"link":{"Connection":"shop","Kind":"order","ID":"1042","Revision":4,"State":"blocked","Reason":"data","Code":"TG-ORD-007","Problems":[{"field":"total","message":"missing"}],"Warnings":["TG-ORD-017"],"Title":"1042","DueAt":"2026-03-09T11:00:00.000001Z","Version":2}}
{"end":{"docs":1,"links":1}}
`
	s := sqliteFile(t).open(t)
	must(t, s.Restore(t.Context(), bytes.NewReader(pack(t, lines))))
	l, ok := get(t, s, "1042")
	if !ok || l.State != syncer.Blocked || l.Problems[0].Field != "total" || l.Warnings[0] != "TG-ORD-017" || l.DueAt.UnixMicro() != 1773054000000001 || l.Version != 2 {
		t.Errorf("%+v", l)
	}
	if d, err := s.Doc(t.Context(), "shop", "origin"); err != nil || string(d.Data) != "milano1" {
		t.Errorf("%+v, error %v", d, err)
	}
}

// TestBackupWhileOthersWrite raises a link and a document in the middle of a
// backup, which has both from before.
func TestBackupWhileOthersWrite(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p place) {
		s := p.open(t)
		l, d := order("1"), syncer.Doc{Connection: "shop", Name: "1"}
		fill := make([]byte, 1<<20)
		_, _ = rand.Read(fill) // so that it can't be packed
		must(t, s.PutDoc(t.Context(), &syncer.Doc{Connection: "a", Name: "fill", Data: fill}))
		step := func(ctx context.Context) error {
			l.Version++
			d.Data = fmt.Append(nil, l.Version)
			err := s.Put(ctx, l)
			if err == nil {
				err = s.PutDoc(ctx, &d)
			}
			return err
		}
		must(t, step(t.Context()))
		other := sqliteFile(t).open(t)
		for range 3 {
			var b bytes.Buffer
			writes := 0
			must(t, s.Backup(t.Context(), writing(func(p []byte) (int, error) {
				if writes++; writes <= 3 { // in the middle of it: nobody waits for a backup
					must(t, step(t.Context()))
				}
				return b.Write(p)
			})))
			if writes < 3 {
				t.Fatalf("the backup came in %d pieces", writes)
			}
			must(t, other.Restore(t.Context(), &b))
			link, _ := get(t, other, "1")
			doc, err := other.Doc(t.Context(), "shop", "1")
			must(t, err)
			if string(doc.Data) != fmt.Sprint(link.Version) {
				t.Errorf("the link is at %d, the document at %s", link.Version, doc.Data)
			}
		}
	})
}

type writing func([]byte) (int, error)

func (w writing) Write(p []byte) (int, error) { return w(p) }

// TestRestoreBesideWriters restores while others change links and make some that
// are in the backup: they come before or after, and no half of a Put is left.
func TestRestoreBesideWriters(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p place) {
		from := sqliteFile(t).open(t)
		var links []*syncer.Link
		for i := range 600 {
			links = append(links, order(fmt.Sprint("k", i)))
		}
		must(t, from.Put(t.Context(), append(links, order("a"), order("z"))...))
		packed := backup(t, from)
		s := p.open(t)
		must(t, s.Put(t.Context(), order("a"), order("z")))
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		write := func(f func(i int) error) {
			wg.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					if err := f(i); err != nil && !errors.Is(err, syncer.ErrStale) && ctx.Err() == nil {
						t.Error(err)
					}
				}
			})
		}
		write(func(int) error {
			pair, err := s.Get(ctx, "shop", syncer.KindOrder, "a", "z")
			if err != nil || len(pair) != 2 {
				return err
			}
			pair[0].Version++
			pair[1].Version++
			return s.Put(ctx, &pair[0], &pair[1])
		})
		write(func(i int) error { return s.Put(ctx, order(fmt.Sprint("k", 599-i%600))) })
		for range 2 {
			must(t, s.Restore(t.Context(), bytes.NewReader(packed)))
		}
		stop()
		wg.Wait()
		first, _ := get(t, s, "a")
		last, _ := get(t, s, "z")
		if first.Version != last.Version {
			t.Errorf("versions %d and %d of a pair", first.Version, last.Version)
		}
	})
}
