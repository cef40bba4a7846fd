package syncer

import (
	"slices"
	"strings"
)

// Languages returns the languages of the labels.
func Languages() []string { return slices.Clone(labelLanguages[:]) }

var labelLanguages = [...]string{"it", "de", "en", "fr", "es", "nl"}

// Label says the state in a language: a tag such as it, IT or it-IT; an unknown
// one gives English. A State that is none of the constants comes back as it is.
func (s State) Label(lang string) string { return translate(stateLabels[s], lang, string(s)) }

// Label says the reason in a language, chosen as for [State.Label].
func (r Reason) Label(lang string) string { return translate(reasonLabels[r], lang, string(r)) }

// Label says in a language, chosen as for [State.Label], what one item of this
// kind is.
func (k Kind) Label(lang string) string { return translate(kindLabels[k], lang, string(k)) }

// translations holds a text in each of labelLanguages, in that order.
type translations [len(labelLanguages)]string

func translate(t translations, lang, otherwise string) string {
	if t == (translations{}) {
		return otherwise
	}
	if i := strings.IndexAny(lang, "-_"); i >= 0 {
		lang = lang[:i]
	}
	i := slices.Index(labelLanguages[:], strings.ToLower(lang))
	if i < 0 {
		i = slices.Index(labelLanguages[:], "en")
	}
	return t[i]
}

// The words for NotLinked in it and de are the vendor's own.
var stateLabels = map[State]translations{
	NotLinked: {"Non collegato", "Nicht verbunden", "Not linked", "Non lié", "No vinculado", "Niet gekoppeld"},
	Queued:    {"In coda", "In Warteschlange", "Queued", "En file d’attente", "En cola", "In de wachtrij"},
	Sending:   {"Invio in corso", "Wird gesendet", "Sending", "Envoi en cours", "Enviando", "Wordt verzonden"},
	InDoubt:   {"In verifica", "Wird geprüft", "Being checked", "En cours de vérification", "En comprobación", "Wordt gecontroleerd"},
	Synced:    {"Sincronizzato", "Synchronisiert", "Synced", "Synchronisé", "Sincronizado", "Gesynchroniseerd"},
	Retrying:  {"Nuovo tentativo previsto", "Neuer Versuch geplant", "Retry scheduled", "Nouvelle tentative prévue", "Reintento programado", "Nieuwe poging gepland"},
	Blocked:   {"Bloccato", "Blockiert", "Blocked", "Bloqué", "Bloqueado", "Geblokkeerd"},
	Conflict:  {"Conflitto", "Konflikt", "Conflict", "Conflit", "Conflicto", "Conflict"},
	Skipped:   {"Escluso", "Übersprungen", "Skipped", "Ignoré", "Omitido", "Overgeslagen"},
}

var reasonLabels = map[Reason]translations{
	ReasonData:     {"Dati mancanti o errati", "Daten fehlen oder sind falsch", "Missing or wrong data", "Données manquantes ou erronées", "Datos incompletos o erróneos", "Gegevens ontbreken of kloppen niet"},
	ReasonRefused:  {"Rifiutato", "Abgelehnt", "Refused", "Refusé", "Rechazado", "Geweigerd"},
	ReasonUnmapped: {"Corrispondenza mancante", "Zuordnung fehlt", "Mapping missing", "Correspondance manquante", "Falta la correspondencia", "Toewijzing ontbreekt"},
	ReasonGaveUp:   {"Troppi tentativi", "Zu viele Versuche", "Too many attempts", "Trop de tentatives", "Demasiados intentos", "Te veel pogingen"},
	ReasonReview:   {"Da controllare a mano", "Manuell zu prüfen", "Manual check needed", "À vérifier manuellement", "Revisión manual necesaria", "Handmatig te controleren"},
}

var kindLabels = map[Kind]translations{
	KindProduct:     {"Prodotto", "Produkt", "Product", "Produit", "Producto", "Product"},
	KindOrder:       {"Ordine", "Bestellung", "Order", "Commande", "Pedido", "Bestelling"},
	KindShopProduct: {"Prodotto solo nel negozio", "Produkt nur im Shop", "Shop-only product", "Produit de la boutique uniquement", "Producto solo en la tienda", "Product alleen in de webshop"},
}
