package queue_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/tg360/tg360/queue"
	"github.com/tg360/tg360/queue/queuetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemoryConforms(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]queue.MemoryConfig{
		"default":     {},
		"two workers": {Workers: 2, PerLane: 1},
		"many":        {Workers: 64, PerLane: 16},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			open := func(*testing.T) queue.Queue { return queue.NewMemory(config) }
			queuetest.Run(t, open, queuetest.Caps{RerunWhileRunning: true})
		})
	}
}
