//go:build race

package fiscal_test

// each is how many of the numbers made up have all their changes tried: under the
// race detector, which has nothing to find there, one in so many.
const each = 50
