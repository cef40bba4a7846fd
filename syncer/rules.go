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
func (c *Connection) judge(o *framework360.Order, now time.Time) (v verdict, paid bool) {
	r := &c.Rules
	if o.Created.Before(c.GoLive) {
		return skip(codeOrderBeforeGoLive, "created before the go-live instant"), false
	}
	if v := r.marked(o); v.state != "" {
		return v, false
	}
	state, ok := meaning(r.States, o.StateID, o.StateName)
	if !ok {
		return park(codeOrderState, "the settings give no meaning to the shop's order state "+quoted(o.StateName, o.StateID)), false
	}
	payment, known := meaning(r.PaymentStates, o.PaymentState)
	switch {
	case state == MeansCancelled || (known && payment == MeansCancelled):
		return skip(codeOrderCancelled, "cancelled or refunded in the shop"), false
	case isReturn(o):
		return skip(codeOrderReturn, "a return or correction: a quantity or the total is negative"), false
	case state == MeansWait:
		return r.waits(o, now), false
	}
	paid = state == MeansPaid || (known && payment == MeansPaid)
	reserved := state == MeansAuthorised || (known && payment == MeansAuthorised)
	switch method, _ := meaning(r.Methods, o.PaymentID, o.PaymentName); {
	case method == MeansNever:
		return skip(codeOrderMethod, "orders with the payment method "+quoted(o.PaymentName, o.PaymentID)+" are not exported"), paid
	case paid || method == MeansAlways || (method == MeansReserved && reserved):
		return verdict{}, paid
	case !known && !reserved:
		return park(codeOrderPayment, "the settings give no meaning to the shop's payment state "+quoted(o.PaymentState)), false
	}
	return r.waits(o, now), false
}

// marked skips test orders and labels that the settings name.
func (r *Rules) marked(o *framework360.Order) verdict {
	marks := []string{word(o.PaymentID), word(o.PaymentName)}
	for _, l := range o.Labels {
		marks = append(marks, word(l))
		if slices.Contains(r.SkipLabels, word(l)) {
			return skip(codeOrderLabel, "orders with the label "+quoted(l)+" are not exported")
		}
	}
	for _, m := range marks {
		if m != "" && slices.Contains(r.Test, m) {
			return skip(codeOrderTest, "a test order: "+quoted(m))
		}
	}
	return verdict{}
}

// waits leaves an order for later, until the settings give it up.
func (r *Rules) waits(o *framework360.Order, now time.Time) verdict {
	if r.GiveUpAfter > 0 && now.Sub(o.Created) >= r.GiveUpAfter {
		return skip(codeOrderUnpaid, "not completed and paid in the time that the settings allow")
	}
	return verdict{state: NotLinked, code: codeOrderWaiting, message: "not completed or not paid yet"}
}

// meaning looks the words up in turn.
func meaning(m map[string]Meaning, words ...string) (Meaning, bool) {
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
