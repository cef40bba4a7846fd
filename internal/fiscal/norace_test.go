//go:build !race

package fiscal_test

const each = 1
