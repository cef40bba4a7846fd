package syncer

// Stable codes of what can be said about an item, for Link.Code, Link.Warnings
// and ItemError.Code. They stand beside every message, so that a text may be
// improved without breaking anybody's filter.
const (
	codeOrderBeforeGoLive  = "TG-ORD-001" // older than the go-live instant
	codeOrderCancelled     = "TG-ORD-002" // cancelled or refunded in the shop
	codeOrderReturn        = "TG-ORD-003" // a return or correction: negative quantities or total
	codeOrderWaiting       = "TG-ORD-004" // not completed or not paid yet
	codeOrderState         = "TG-ORD-005" // order state without a meaning in the settings
	codeOrderPayment       = "TG-ORD-006" // payment state without a meaning in the settings
	codeOrderTotal         = "TG-ORD-007" // the parts don't add up to the total
	codeOrderProduct       = "TG-ORD-008" // a row's product is not linked
	codeOrderTax           = "TG-ORD-009" // a tax that the shop does not list
	codeOrderUnreadable    = "TG-ORD-010" // a field that the export needs is missing or malformed
	codeOrderGone          = "TG-ORD-011" // the shop has no such order
	codeOrderRefused       = "TG-ORD-012" // TotalGest refused it
	codeOrderInDoubt       = "TG-ORD-013" // not known whether it arrived
	codeOrderGaveUp        = "TG-ORD-014" // too many attempts
	codeOrderSeveral       = "TG-ORD-015" // TotalGest has several orders with its external id
	codeOrderUnprovable    = "TG-ORD-016" // in doubt, and TotalGest can't be asked
	codeOrderRounding      = "TG-ORD-017" // a rounding line was added
	codeOrderVATUnknown    = "TG-ORD-018" // no VAT rate on some part: net and VAT are not sent
	codeOrderFailed        = "TG-ORD-019" // a passing failure: it is tried again
	codeOrderChanged       = "TG-ORD-020" // changed in the shop after it was exported
	codeOrderMethod        = "TG-ORD-021" // its payment method is never exported
	codeOrderLabel         = "TG-ORD-022" // one of its labels is not exported
	codeOrderTest          = "TG-ORD-023" // a test order
	codeOrderUnpaid        = "TG-ORD-024" // not paid in the time that the settings allow
	codeStatusUnmapped     = "TG-ORD-030" // TotalGest's status has no order state of the shop in the settings
	codeStatusRefused      = "TG-ORD-031" // the shop refused its state, courier or tracking number
	codeStatusWaits        = "TG-ORD-032" // its state, courier or tracking number is not in the shop yet
	codeProductUnreadable  = "TG-PRD-001" // a field that the sync needs is missing or malformed
	codeProductNoPrice     = "TG-PRD-002" // no price in the configured list and currency
	codeProductNoTax       = "TG-PRD-003" // VAT rate that the shop's taxes lack
	codeProductRefused     = "TG-PRD-004" // the shop refused it
	codeProductFailed      = "TG-PRD-005" // a passing failure: it is tried again
	codeProductSeveral     = "TG-PRD-006" // the shop has several products with its SKU
	codeProductNoStock     = "TG-PRD-007" // no quantity
	codeProductDuplicate   = "TG-PRD-008" // another product of TotalGest has the same SKU
	codeProductGaveUp      = "TG-PRD-009" // too many attempts
	codeProductNetGross    = "TG-PRD-010" // price includes tax where the shop's don't, or the other way round
	codeProductFieldOdd    = "TG-PRD-011" // an optional field could not be read and was left out
	codeProductGone        = "TG-PRD-012" // TotalGest has it no longer
	codeProductPriceJump   = "TG-PRD-013" // its price would change by more than the brake allows
	codeProductParent      = "TG-PRD-014" // the product of which it is a variant is not in the shop yet
	codeProductNoCategory  = "TG-PRD-015" // its category has no name of the shop's in the settings
	codeProductDrift       = "TG-PRD-016" // the shop shows something else than what was written
	codeProductGTIN        = "TG-PRD-017" // products with its GTIN are there, and not one to one
	codeReconcileMissed    = "TG-REC-001" // an order of the shop that no event and no look had found
	codeReconcileUnknown   = "TG-REC-002" // TotalGest has an order of this shop that no link knew
	codeReconcileGone      = "TG-REC-003" // linked, and TotalGest does not show it under its external id
	codeReconcileOther     = "TG-REC-004" // linked with another order than the one that TotalGest has
	codeReconcileTwice     = "TG-REC-005" // TotalGest has its external id more than once
	codeReconcileWaits     = "TG-REC-006" // on its way
	codeConnectionPaused   = "TG-CON-001" // credentials, permission or module: a person must act
	codeConnectionBrake    = "TG-CON-003" // the brake held changes back
	codeConnectionExporter = "TG-CON-002" // the vendor's own plugin exports too
)
