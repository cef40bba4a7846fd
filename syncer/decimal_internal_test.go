package syncer

import (
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

func TestAppendDecimalIsString(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := decimal.New(rapid.Int64().Draw(t, "coefficient"), rapid.Int32Range(-25, 5).Draw(t, "exponent"))
		if got, want := string(appendDecimal(nil, d)), d.String(); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	})
}
