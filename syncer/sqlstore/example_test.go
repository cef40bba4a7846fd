package sqlstore_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/syncer/sqlstore"
)

func ExampleOpen() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "tg360")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	store, err := sqlstore.Open(ctx, filepath.Join(dir, "tg360.db"), sqlstore.Options{}) // or postgres://...
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	order := &syncer.Link{Key: syncer.Key{Connection: "milano", Kind: syncer.KindOrder, ID: "1042"}, State: syncer.Queued, Title: "1042"}
	if err := store.Put(ctx, order); err != nil {
		log.Fatal(err)
	}
	old := *order
	order.State, order.PeerID = syncer.Synced, "TG-77"
	if err := store.Put(ctx, order); err != nil {
		log.Fatal(err)
	}
	fmt.Println(store.Put(ctx, &old)) // somebody was faster

	found, err := store.List(ctx, syncer.Query{Connection: "milano", Kind: syncer.KindOrder, Text: "tg-77"})
	fmt.Println(found[0].ID, found[0].State, err)
	// Output:
	// syncer: changed by somebody else since it was read (1 links)
	// 1042 synced <nil>
}
