package probe

import (
	"slices"
	"strings"

	"github.com/tg360/tg360/internal/wire"
)

// words lists names that programs give to a field, likeliest first. A word with
// points is a path. Those under record.field go before those under field.
var words = map[string]string{
	"id":                "id uid uuid _id key idrecord codiceinterno",
	"order.id":          "id id_ordine order_id ordine_id uid uuid bestell_id",
	"order_ref.id":      "id id_ordine order_id ordine_id uid uuid documento_id id_documento bestell_id",
	"product.id":        "id id_prodotto product_id prodotto_id articolo_id id_articolo uid uuid artikel_id",
	"stock.id":          "id id_prodotto product_id prodotto_id articolo_id id_articolo",
	"row.id":            "id product_id id_prodotto prodotto_id articolo_id id_articolo product.id prodotto.id article.id articolo.id",
	"reference.id":      "id value key codice code slug",
	"plugin.id":         "id slug key code codice",
	"account.shop_id":   "shop_id negozio_id id_negozio shop.id negozio.id shop",
	"account.owner_id":  "owner_id proprietario_id id_azienda azienda_id azienda.id owner.id owner azienda",
	"number":            "number numero num order_number numero_ordine ordine_numero document_number numero_documento progressivo nummer",
	"external_id":       "external_id rif_esterno riferimento_esterno external_reference reference riferimento id_esterno externalref rif_cliente",
	"created":           "created created_at data data_ordine creato creato_il data_creazione order_date date date_created placed_at inserted_at datetime timestamp erstellt bestelldatum",
	"updated_at":        "updated_at modificato modificato_il data_modifica ultima_modifica last_modified modified modified_at date_modified changed_at aggiornato geaendert",
	"deleted_at":        "deleted_at eliminato_il cancellato_il data_eliminazione",
	"state_id":          "state status stato order_status stato_ordine stato.id status.id id_stato status_id order_status.id order_state",
	"state_name":        "stato.descrizione stato.label status.label status.descrizione status_name stato_nome nome_stato descrizione_stato stato_ordine.nome order_status.label",
	"status":            "status stato state stato_ordine order_status stato_documento status.name stato.nome",
	"payment_state":     "payment_status payment_state stato_pagamento pagamento.stato payment.status paid pagato pagamento_stato transaction_status",
	"payment_id":        "payment_id id_pagamento payment_method_id metodo_pagamento.id payment_method.id pagamento_id",
	"payment_name":      "payment_method metodo_pagamento payment_name nome_pagamento metodo_pagamento.nome payment_method.name payment.title pagamento.descrizione payment",
	"payment_cost":      "payment_cost costo_pagamento payment_fee payment.fee pagamento.prezzo payment.price spese_pagamento spese_incasso",
	"shipping_id":       "shipping_id id_spedizione shipping_method_id shipping_method.id metodo_spedizione.id",
	"shipping_name":     "shipping_method metodo_spedizione shipping_name nome_spedizione shipping.title spedizione.descrizione shipping_method.name metodo_spedizione.nome",
	"shipping_price":    "shipping_cost shipping_price shipping_total costo_spedizione spese_spedizione spese_trasporto shipping.cost shipping.total spedizione.costo spedizione.totale totals.shipping totali.spedizione",
	"shipping_vat_rate": "shipping_vat shipping_tax_rate iva_spedizione aliquota_spedizione shipping.vat_rate spedizione.aliquota spedizione.iva",
	"email":             "email e_mail mail customer_email email_cliente user.email customer.email cliente.email utente.email",
	"billing":           "billing billing_address fatturazione dati_fatturazione indirizzo_fatturazione fattura bill_to rechnungsadresse",
	"shipping":          "shipping_address spedizione indirizzo_spedizione dati_spedizione consegna delivery delivery_address ship_to destinazione lieferadresse",
	"rows":              "rows items lines line_items order_items righe articoli prodotti products cart carrello dettaglio details positionen order_rows",
	"coupon":            "coupon coupon_code codice_coupon voucher codice_sconto discount_code",
	"discount":          "discount discount_total totale_sconto total_discount sconto_totale sconti totals.discount totali.sconto discount_amount importo_sconto",
	"surcharge_price":   "surcharge supplement supplemento fee fees_total totals.surcharge",
	"total":             "total grand_total totale totale_ordine order_total total_gross totale_lordo importo_totale totale_ivato gross amount importo totals.gross totals.total totals.grand_total totali.totale totali.lordo importi.totale amounts.total gesamtbetrag",
	"net":               "net subtotal imponibile totale_imponibile total_net netto totale_netto totals.net totali.imponibile totali.netto importi.imponibile amounts.net",
	"tax_total":         "tax_total total_tax vat imposta totale_imposta totale_imposte totale_iva iva tax vat_total totals.tax totals.vat totali.iva totali.imposta importi.iva amounts.tax",
	"currency":          "currency currency_code valuta codice_valuta divisa iso_currency currency.code valuta.codice totals.currency waehrung",
	"note":              "note notes notes_customer customer_note note_cliente nota annotazioni commento comment",
	"labels":            "labels tags etichette tag",
	"courier":           "courier carrier corriere vettore spedizioniere shipping.carrier spedizione.corriere",
	"tracking":          "tracking tracking_number tracking_code numero_tracking lettera_di_vettura codice_tracking shipping.tracking spedizione.tracking tracking_url",
	"sku":               "sku codice code codice_articolo item_code product_code article_code cod cod_art cod_articolo model reference articolo artikelnummer product.sku article.sku prodotto.sku articolo.codice variant.sku",
	"ean":               "ean gtin barcode codice_a_barre codice_barre ean13 upc cod_barre product.ean article.ean",
	"name":              "name nome title titolo denominazione descrizione description label bezeichnung product_name nome_prodotto nome_articolo product.name prodotto.nome article.name articolo.descrizione",
	"product.name":      "name nome title titolo denominazione descrizione_breve label bezeichnung product_name nome_prodotto nome_articolo descrizione",
	"description":       "description descrizione descrizione_estesa descrizione_lunga long_description body testo content html beschreibung",
	"short_description": "short_description descrizione_breve abstract excerpt summary sottotitolo intro",
	"quantity":          "quantity quantita qty qta qt pezzi amount giacenza stock disponibilita disponibile available esistenza menge bestand giacenza.disponibile stock.quantity stock.available magazzino.quantita",
	"row.quantity":      "quantity quantita qty qta qt pezzi num menge",
	"price":             "price prezzo unit_price prezzo_unitario sell_price prezzo_vendita listino importo preis price.value prezzo.valore prices.price",
	"sale_price":        "sale_price prezzo_scontato special_price offer_price prezzo_offerta discounted_price prezzo_promo",
	"tax_id":            "tax_id id_imposta imposta_id vat_id id_iva iva_id tax.id iva.id vat.id tax_class",
	"vat_rate":          "vat_rate tax_rate aliquota aliquota_iva iva vat tax_percent percentuale_iva iva_percentuale tax.rate tax.percent vat.rate iva.aliquota iva.percentuale imposta.percentuale imposta.valore mwst",
	"rate":              "rate aliquota percentuale percent value valore perc tax_rate iva",
	"active":            "active attivo enabled abilitato status stato visible visibile pubblicato published is_active online",
	"brand":             "brand marca marchio manufacturer produttore marke brand.name marca.nome",
	"category":          "category categoria category_name nome_categoria category.name categoria.nome kategorie categories reparto",
	"images":            "images immagini gallery foto photos pictures media galleria bilder",
	"parent_id":         "parent_id parent id_padre padre product_parent master_id id_parent",
	"options":           "options opzioni attributes attributi variant_options varianti caratteristiche",
	"unit":              "unit um unita unita_misura uom unita_di_misura",
	"prices":            "prices prezzi listini price_lists",
	"vat_code":          "vat_code codice_iva cod_iva tax_code iva.codice vat.code",
	"list":              "list listino price_list nome_listino codice_listino",
	"amount":            "amount importo prezzo price valore value",
	"includes_tax":      "includes_tax ivato iva_inclusa tax_included gross",
	"first_name":        "first_name firstname nome name given_name vorname",
	"last_name":         "last_name lastname cognome surname family_name nachname",
	"company":           "company ragione_sociale azienda company_name denominazione firma",
	"address":           "address indirizzo via address1 street address_1 line1 strasse",
	"zip":               "zip cap postcode postal_code zip_code plz",
	"city":              "city citta comune localita town ort",
	"province":          "province provincia prov state sigla_provincia",
	"country":           "country nazione paese stato country_code codice_nazione land",
	"phone":             "phone telefono tel telephone cellulare mobile",
	"vat_number":        "vat_number piva partita_iva p_iva vat vat_id partitaiva ustid",
	"tax_code":          "tax_code codice_fiscale cf fiscal_code cod_fiscale codicefiscale",
	"sdi":               "sdi codice_sdi codice_destinatario cod_univoco codice_univoco recipient_code sdi_code",
	"pec":               "pec email_pec pec_email",
	"server_time":       "server_time ora_server time now timestamp data_server",
	"type":              "type tipo kind typ",
}

// plain folds a name: case, hyphens and underscores are a matter of taste.
func plain(name string) string {
	return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(name))
}

// guess finds the place without a name that most likely holds a field; empty
// where none does.
func (c *census) guess(record string, f wire.FieldInfo, taken map[string]bool) string {
	list, ok := words[record+"."+f.Name]
	if !ok {
		list = words[f.Name]
	}
	ranked := strings.Fields(list)
	for i, w := range ranked {
		ranked[i] = plain(w)
	}
	best, at := "", len(ranked)
	for _, key := range c.order {
		x := c.strays[key]
		if x.record != record || taken[key] || !c.fits(f, x) {
			continue
		}
		if i := slices.Index(ranked, plain(x.path)); i >= 0 && i < at {
			best, at = x.path, i
		}
	}
	if best != "" {
		taken[record+" "+best] = true
	}
	return best
}

// fits reports whether every value of a place can be read as the field.
func (c *census) fits(f wire.FieldInfo, x *stray) bool {
	if f.Kind == wire.KindObject || f.Kind == wire.KindList {
		if !x.records {
			return false
		}
	}
	some := false
	for _, k := range x.kinds {
		if k.Nothing() {
			continue
		}
		if some = true; !holds(f.Kind, k) {
			return false
		}
	}
	return some
}
