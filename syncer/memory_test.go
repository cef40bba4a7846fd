package syncer_test

import (
	"testing"

	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/syncer/storetest"
)

func TestMemoryStoreConforms(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) syncer.Store { return syncer.NewMemoryStore() })
}

func BenchmarkMemoryStore(b *testing.B) {
	storetest.Bench(b, func(*testing.B) syncer.Store { return syncer.NewMemoryStore() })
}
