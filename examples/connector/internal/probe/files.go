package probe

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tg360/tg360/internal/fake/shape"
)

// vacant refuses a folder in which something may have been signed already.
func vacant(c Config) error {
	if c.Record == "" {
		return nil
	}
	dir := filepath.Join(c.Record, c.Shop)
	have, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("the folder of the record: %w", err)
	case len(have) > 0:
		return fmt.Errorf("the folder of the record: %s is not empty: name a new one, so that nothing signed is lost", dir)
	}
	return nil
}

// draftName is the file of a draft profile.
func draftName(system string) string { return system + ".profile.json" }

// record writes shapes, drafts and the report.
func (r *Report) record(dir string) error {
	put := func(name string, data []byte) error {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return fmt.Errorf("the folder of the record: %w", err)
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return fmt.Errorf("the record: %w", err)
		}
		_, err = f.Write(data)
		return errors.Join(err, f.Close())
	}
	for i := range r.Systems {
		s := &r.Systems[i]
		for _, f := range s.shapes {
			data, err := json.MarshalIndent(f, "", " ")
			if err != nil {
				return err
			}
			name := s.Name + "/" + shape.FileName(f.Operation)
			r.Files = append(r.Files, name)
			if err := put(name, append(data, '\n')); err != nil {
				return err
			}
		}
		r.Files = append(r.Files, draftName(s.Name))
		if err := put(draftName(s.Name), s.draft); err != nil {
			return err
		}
		if len(s.Writes) > 0 {
			name := s.Name + ".to-sign.json"
			r.Files = append(r.Files, name)
			if err := put(name, s.toSign); err != nil {
				return err
			}
		}
	}
	r.Files = append(r.Files, "report.json")
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return put("report.json", append(data, '\n'))
}
