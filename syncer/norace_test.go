//go:build !race

package syncer_test

// modelSteps is how many steps TestModel takes at least.
const modelSteps = 100_000
