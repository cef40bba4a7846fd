package syncer_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/syncer"
)

func TestRulesByMethodLabelAndTime(t *testing.T) {
	t.Parallel()
	rules := func(c *syncer.Connection) {
		c.Rules.Methods = map[string]syncer.Meaning{"Contrassegno": syncer.MeansAlways, "Carta": syncer.MeansPaid,
			"Permuta": syncer.MeansNever, "Klarna": syncer.MeansReserved}
		c.Rules.PaymentStates["authorised"] = syncer.MeansAuthorised
		c.Rules.SkipLabels, c.Rules.Test, c.Rules.GiveUpAfter = []string{"B2B"}, []string{"prova", "Pagamento di test"}, 10*24*time.Hour
	}
	method := func(name, payment string) func(*framework360.Order) {
		return func(o *framework360.Order) {
			o.StateID, o.StateName, o.PaymentID, o.PaymentName, o.PaymentState = "3", "Completato", "", name, payment
		}
	}
	for _, tc := range []struct {
		name   string
		change func(*framework360.Order)
		state  syncer.State
		code   string
	}{
		{"always", method("contrassegno", "unpaid"), syncer.Synced, ""},
		{"never", method("Permuta", "paid"), syncer.Skipped, "TG-ORD-021"},
		{"reserved and authorised", method("Klarna", "authorised"), syncer.Synced, ""},
		{"reserved and not", method("Klarna", "unpaid"), syncer.NotLinked, "TG-ORD-004"},
		{"when paid, only authorised", method("Carta", "authorised"), syncer.NotLinked, "TG-ORD-004"},
		{"an unlisted method, paid", method("Satispay", "paid"), syncer.Synced, ""},
		{"label", func(o *framework360.Order) { o.Labels = []string{"nuovo", "b2b"} }, syncer.Skipped, "TG-ORD-022"},
		{"test label", func(o *framework360.Order) { o.Labels = []string{"Prova"} }, syncer.Skipped, "TG-ORD-023"},
		{"test payment", method("pagamento di TEST", "paid"), syncer.Skipped, "TG-ORD-023"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, setup{adjust: rules}, func(ctx context.Context, r *rig) {
				r.erp.SetProducts(products(2))
				r.cycle(ctx)
				o := order("501")
				tc.change(&o)
				r.shop.PutOrder(o)
				r.work(ctx)
				r.poll(ctx)
				r.settled(ctx, time.Minute)
				l := r.status(ctx, syncer.KindOrder, "501")
				if l.State != tc.state || l.Code != tc.code || (l.State == syncer.Skipped) != (l.Message != "" && l.State != syncer.NotLinked) {
					t.Errorf("%s %s %q", l.State, l.Code, l.Message)
				}
				if l.State != syncer.NotLinked {
					return
				}
				pause(11 * 24 * time.Hour)
				if l := r.status(ctx, syncer.KindOrder, "501"); l.State != syncer.Skipped || l.Code != "TG-ORD-024" {
					t.Errorf("after the settings' time: %s %s", l.State, l.Code)
				}
			})
		})
	}
}

func TestRulesThatSayNothingAreRefused(t *testing.T) {
	t.Parallel()
	for field, rules := range map[string]syncer.Rules{
		"States":        {States: map[string]syncer.Meaning{"Pagato": syncer.MeansAlways}},
		"PaymentStates": {PaymentStates: map[string]syncer.Meaning{"ok": "pagato"}},
		"Methods":       {Methods: map[string]syncer.Meaning{"Carta": syncer.MeansCompleted}},
	} {
		bubble(t, setup{}, func(ctx context.Context, r *rig) {
			c := syncer.Connection{ID: "other", Origin: "o", TotalGest: &quickERP{}, Framework360: &quickShop{}, GoLive: time.Now(),
				Settings: syncer.Settings{Prices: syncer.PricesGross, Rows: syncer.RowsUnit, Rules: rules}}
			if err := r.sync.Add(ctx, c); err == nil || !strings.Contains(err.Error(), field) {
				t.Errorf("%s: %v", field, err)
			}
		})
	}
}
