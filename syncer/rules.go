package syncer

import (
	"slices"
	"time"

	"github.com/tg360/tg360/framework360"
)

// verdict is what the rules say of an order; the zero verdict lets it through.
type verdict struct {
	state   State
	reason  Reason
	code    string
	message string
}

func skip(code, message string) verdict { return verdict{state: Skipped, code: code, message: message} }

func park(code, message string) verdict {
	return verdict{state: Blocked, reason: ReasonUnmapped, code: code, message: message}
}

// judge decides whether an order is to be exported, and whether it is paid.
func (c *Connection) judge(o *framework360.Order) (v verdict, paid bool) {
	if o.Created.Before(c.GoLive) {
		return skip(codeOrderBeforeGoLive, "created before the go-live instant"), false
	}
	meaning, ok := c.Rules.meaning(c.Rules.States, o.StateID, o.StateName)
	if !ok {
		return park(codeOrderState, "the settings give no meaning to the shop's order state "+quoted(o.StateName, o.StateID)), false
	}
	payment, known := c.Rules.meaning(c.Rules.PaymentStates, o.PaymentState)
	waits := verdict{state: NotLinked, code: codeOrderWaiting, message: "not completed or not paid yet"}
	switch {
	case meaning == MeansCancelled || (known && payment == MeansCancelled):
		return skip(codeOrderCancelled, "cancelled or refunded in the shop"), false
	case isReturn(o):
		return skip(codeOrderReturn, "a return or correction: a quantity or the total is negative"), false
	case meaning == MeansWait:
		return waits, false
	case meaning == MeansPaid || (known && payment == MeansPaid):
		return verdict{}, true
	case c.Rules.onDelivery(o):
		return verdict{}, false
	case !known:
		return park(codeOrderPayment, "the settings give no meaning to the shop's payment state "+quoted(o.PaymentState)), false
	}
	return waits, false
}

// meaning looks the words up in turn.
func (r *Rules) meaning(m map[string]Meaning, words ...string) (Meaning, bool) {
	for _, w := range words {
		if w == "" {
			continue
		}
		if v, ok := m[word(w)]; ok {
			return v, true
		}
	}
	return "", false
}

func (r *Rules) onDelivery(o *framework360.Order) bool {
	return slices.ContainsFunc([]string{o.PaymentID, o.PaymentName}, func(w string) bool {
		return w != "" && slices.Contains(r.CashOnDelivery, word(w))
	})
}

func isReturn(o *framework360.Order) bool {
	return o.Total.Or(zero).IsNegative() || slices.ContainsFunc(o.Rows, func(r framework360.Row) bool {
		return r.Quantity.Or(zero).IsNegative()
	})
}

// quoted shows the first word that is there.
func quoted(words ...string) string {
	for _, w := range words {
		if w != "" {
			return "“" + w + "”"
		}
	}
	return "(none)"
}

// lookAgain says how long after a look an order that is not final is read
// again: a bank transfer may take days, and most orders are paid at once.
func lookAgain(age time.Duration) time.Duration {
	const day = 24 * time.Hour
	switch {
	case age < day:
		return 5 * time.Minute
	case age < 3*day:
		return 30 * time.Minute
	case age < 30*day:
		return 2 * time.Hour
	}
	return 0 // a month without payment: an event or a person brings it back
}
