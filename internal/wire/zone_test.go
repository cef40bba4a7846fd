package wire_test

import (
	"testing"
	"time"

	"github.com/tg360/tg360/internal/wire"
	"pgregory.net/rapid"
)

func TestNaiveTimesWhenClocksChange(t *testing.T) {
	t.Parallel()
	rome, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, text, want string }{
		{"before the repeated hour", "2025-10-26 01:59:59", "2025-10-25T23:59:59Z"},
		{"in the repeated hour: the later one", "2025-10-26 02:30:00", "2025-10-26T01:30:00Z"},
		{"after it", "2025-10-26 03:00:00", "2025-10-26T02:00:00Z"},
		{"before the skipped hour", "2026-03-29 01:59:59", "2026-03-29T00:59:59Z"},
		{"in the skipped hour", "2026-03-29 02:30:00", "2026-03-29T01:30:00Z"},
		{"after it", "2026-03-29 03:00:00", "2026-03-29T01:00:00Z"},
		{"the evening before the change", "2026-03-28 12:00:00", "2026-03-28T11:00:00Z"},
		{"the day of the change", "2026-03-29 12:00:00", "2026-03-29T10:00:00Z"},
		{"summer", "2026-07-01 00:30:00", "2026-06-30T22:30:00Z"},
		{"with a zone of its own", "2025-10-26T02:30:00+02:00", "2025-10-26T00:30:00Z"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := wire.ParseTime(tc.text, rome)
			if err != nil || got.UTC().Format(time.RFC3339) != tc.want {
				t.Errorf("got %v, %v, want %s", got.UTC().Format(time.RFC3339), err, tc.want)
			}
		})
	}
}

func TestNaiveTimeIsNeverBeforeTheInstantItShows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom([]string{"Europe/Rome", "Europe/Zurich", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"}).Draw(t, "zone")
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Unix(rapid.Int64Range(1_000_000_000, 2_000_000_000).Draw(t, "at"), 0).In(loc)
		got, err := wire.ParseTime(at.Format(time.DateTime), loc)
		if err != nil || got.Before(at) || got.Sub(at) > time.Hour || got.Format(time.DateTime) != at.Format(time.DateTime) {
			t.Fatalf("%v was read as %v, %v", at, got, err)
		}
	})
}
