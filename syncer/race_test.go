//go:build race

package syncer_test

// modelSteps is smaller where the race detector makes each step dear.
const modelSteps = 10_000
