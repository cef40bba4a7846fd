package queue

import "container/heap"

// state is where an entry is.
type state uint8

const (
	scheduled state = iota // in Memory.schedule
	ready                  // in the ready heap of its lane
	running                // in the running set of its lane
)

// entry is one key, waiting or running.
type entry struct {
	job   Job
	lane  *lane
	state state
	seq   uint64 // arrival: first come, first served among equals
	index int    // in the heap that holds it
	again *Job   // while running: the job that follows
}

// entries is a heap whose members know their place in it.
type entries struct {
	list []*entry
	less func(a, b *entry) bool
}

// byTime orders a schedule.
func byTime(a, b *entry) bool {
	if c := a.job.NotBefore.Compare(b.job.NotBefore); c != 0 {
		return c < 0
	}
	return a.seq < b.seq
}

// byUrgency orders what may start.
func byUrgency(a, b *entry) bool {
	if a.job.Urgent != b.job.Urgent {
		return a.job.Urgent
	}
	return a.seq < b.seq
}

func (h *entries) push(e *entry)   { heap.Push(h, e) }
func (h *entries) pop() *entry     { return heap.Pop(h).(*entry) }
func (h *entries) remove(e *entry) { heap.Remove(h, e.index) }

// Len, Less, Swap, Push and Pop serve container/heap.

func (h *entries) Len() int           { return len(h.list) }
func (h *entries) Less(i, j int) bool { return h.less(h.list[i], h.list[j]) }

func (h *entries) Swap(i, j int) {
	h.list[i], h.list[j] = h.list[j], h.list[i]
	h.list[i].index, h.list[j].index = i, j
}

func (h *entries) Push(x any) {
	e := x.(*entry)
	e.index = len(h.list)
	h.list = append(h.list, e)
}

func (h *entries) Pop() any {
	last := len(h.list) - 1
	e := h.list[last]
	h.list[last] = nil
	h.list = h.list[:last]
	return e
}
