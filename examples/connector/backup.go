package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/tg360/tg360/syncer/sqlstore"
)

// backupCmd writes a backup.
type backupCmd struct {
	File string `arg:"" help:"File to write; it must not be there yet. - is standard output."`
}

// Help says what else belongs into a backup.
func (*backupCmd) Help() string {
	return "It works beside a running serve. Keep the settings file with it: the origin stands there."
}

// Run writes the backup under another name first, so that none is ever half.
func (c *backupCmd) Run(ctx context.Context, p *program) error {
	s, log, err := p.load(ctx, slog.LevelWarn)
	if err != nil {
		return err
	}
	store, err := openDatabase(ctx, s, log)
	if err != nil {
		return err
	}
	defer store.Close()
	if c.File == "-" {
		return store.Backup(ctx, p.stdout)
	}
	if _, err := os.Lstat(c.File); err == nil {
		return usage("%s is there already: name another file", c.File)
	}
	f, err := os.CreateTemp(filepath.Dir(c.File), ".tg360-backup-*")
	if err != nil {
		return fmt.Errorf("write the backup: %w", err)
	}
	defer os.Remove(f.Name())
	size, err := writeBackup(ctx, store, f)
	if err != nil {
		return fmt.Errorf("write the backup: %w", err)
	}
	if err := os.Link(f.Name(), c.File); err != nil { // unlike a rename it overwrites nothing
		if errors.Is(err, os.ErrExist) {
			return usage("%s is there already: name another file", c.File)
		}
		if err := os.Rename(f.Name(), c.File); err != nil {
			return fmt.Errorf("write the backup: %w", err)
		}
	}
	printer{p.stdout, s.Lang}.line("backup", c.File, size)
	return nil
}

func writeBackup(ctx context.Context, store database, f *os.File) (int64, error) {
	err := store.Backup(ctx, f)
	if err == nil {
		err = f.Sync()
	}
	size, e := f.Seek(0, io.SeekCurrent)
	return size, errors.Join(err, e, f.Close())
}

// restoreCmd puts a backup back.
type restoreCmd struct {
	File string `arg:"" help:"File that backup has written; - is standard input."`
}

// Help says what a restore means for orders.
func (*restoreCmd) Help() string {
	return "It replaces all that the database holds, and is refused while a serve runs on the same SQLite file; stop every serve on the same PostgreSQL yourself. Orders that were exported after the backup are not known any more, so TotalGest is asked for each order before it is exported."
}

// Run restores; every connection then asks first.
func (c *restoreCmd) Run(ctx context.Context, p *program) error {
	s, log, err := p.load(ctx, slog.LevelWarn)
	if err != nil {
		return err
	}
	in := io.Reader(os.Stdin)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return usage("the backup can't be read: %w", err)
		}
		defer f.Close()
		in = f
	}
	store, err := openDatabase(ctx, s, log)
	if err != nil {
		return err
	}
	defer store.Close()
	switch err := store.Restore(ctx, in); {
	case errors.Is(err, sqlstore.ErrInUse):
		return fmt.Errorf("a serve runs on this database: stop it first, and start it again when this is done: %w", err)
	case err != nil:
		return err
	}
	printer{p.stdout, s.Lang}.line("restored")
	return nil
}
