package main

import (
	"fmt"
	"strings"
)

// texts are the demonstration's own words, by language. A missing language
// falls back to English.
var texts = map[string]map[string]string{
	"en": {
		"start":     "Both systems run on this machine as fakes: nothing leaves it.",
		"verify":    "1. Check the credentials",
		"wrong":     "with a wrong password: %s",
		"right":     "with the right one: shop %s of owner %s, %d abilities work",
		"shopright": "the shop answers: %d abilities work",
		"first":     "2. First cycle: the catalogue goes to the shop",
		"cycle":     "read %d, created %d, updated %d, unchanged %d, rejected %d, in %s",
		"second":    "3. Second cycle: nothing has changed, so nothing is written",
		"calls":     "%d read calls, %d write calls",
		"update":    "4. %d products get another stock or price in TotalGest",
		"changed":   "written: %s",
		"orders":    "5. Orders arrive in the shop and go to TotalGest by themselves",
		"ordered":   "read %d, exported %d, skipped %d, blocked %d, waiting %d",
		"manual":    "6. Export now: a selection of %d orders, one of them unknown",
		"report":    "succeeded %d, already there %d, failed %d",
		"products":  "Products",
		"orderlist": "Orders",
		"state":     "State",
		"totals":    "TotalGest has %d orders, %d of them doubled; total %s",
		"more":      "… and %d more",
		"warnings":  "Products without something, such as a price: %d (-json lists them)",
	},
	"it": {
		"start":     "I due sistemi girano su questa macchina come simulazioni: nulla esce da qui.",
		"verify":    "1. Verifica delle credenziali",
		"wrong":     "con una password errata: %s",
		"right":     "con quella giusta: negozio %s dell'owner %s, %d funzioni verificate",
		"shopright": "il negozio risponde: %d funzioni verificate",
		"first":     "2. Primo ciclo: il catalogo passa al negozio",
		"cycle":     "letti %d, creati %d, aggiornati %d, invariati %d, rifiutati %d, in %s",
		"second":    "3. Secondo ciclo: nulla è cambiato, nulla viene scritto",
		"calls":     "%d chiamate di lettura, %d di scrittura",
		"update":    "4. In TotalGest cambiano giacenza o prezzo di %d prodotti",
		"changed":   "scritti: %s",
		"orders":    "5. Gli ordini arrivano nel negozio e passano da soli a TotalGest",
		"ordered":   "letti %d, esportati %d, saltati %d, bloccati %d, in attesa %d",
		"manual":    "6. Esporta ora: una selezione di %d ordini, di cui uno sconosciuto",
		"report":    "riusciti %d, già presenti %d, non riusciti %d",
		"products":  "Prodotti",
		"orderlist": "Ordini",
		"state":     "Stato",
		"totals":    "TotalGest ha %d ordini, di cui %d doppi; totale %s",
		"more":      "… e altri %d",
		"warnings":  "Prodotti senza qualche dato, per esempio il prezzo: %d (-json li elenca)",
	},
	"de": {
		"start":     "Beide Systeme laufen als Nachbildungen auf diesem Rechner: nichts verlässt ihn.",
		"verify":    "1. Zugangsdaten prüfen",
		"wrong":     "mit falschem Passwort: %s",
		"right":     "mit dem richtigen: Shop %s des Owners %s, %d Funktionen geprüft",
		"shopright": "der Shop antwortet: %d Funktionen geprüft",
		"first":     "2. Erster Lauf: der Katalog kommt in den Shop",
		"cycle":     "gelesen %d, angelegt %d, aktualisiert %d, unverändert %d, abgelehnt %d, in %s",
		"second":    "3. Zweiter Lauf: nichts hat sich geändert, also wird nichts geschrieben",
		"calls":     "%d lesende Aufrufe, %d schreibende",
		"update":    "4. In TotalGest ändern sich Bestand oder Preis von %d Produkten",
		"changed":   "geschrieben: %s",
		"orders":    "5. Bestellungen gehen im Shop ein und von selbst zu TotalGest",
		"ordered":   "gelesen %d, übertragen %d, übersprungen %d, blockiert %d, wartend %d",
		"manual":    "6. Jetzt übertragen: eine Auswahl von %d Bestellungen, eine davon unbekannt",
		"report":    "erfolgreich %d, schon vorhanden %d, fehlgeschlagen %d",
		"products":  "Produkte",
		"orderlist": "Bestellungen",
		"state":     "Status",
		"totals":    "TotalGest hat %d Bestellungen, davon %d doppelt; Summe %s",
		"more":      "… und %d weitere",
		"warnings":  "Produkte mit fehlenden Angaben, etwa ohne Preis: %d (-json führt sie auf)",
	},
	"fr": {
		"start":     "Les deux systèmes sont simulés sur cette machine : rien n'en sort.",
		"verify":    "1. Vérifier les identifiants",
		"wrong":     "avec un mauvais mot de passe : %s",
		"right":     "avec le bon : boutique %s du propriétaire %s, %d fonctions vérifiées",
		"shopright": "la boutique répond : %d fonctions vérifiées",
		"first":     "2. Premier cycle : le catalogue passe à la boutique",
		"cycle":     "lus %d, créés %d, mis à jour %d, inchangés %d, refusés %d, en %s",
		"second":    "3. Second cycle : rien n'a changé, rien n'est écrit",
		"calls":     "%d appels en lecture, %d en écriture",
		"update":    "4. Le stock ou le prix de %d produits change dans TotalGest",
		"changed":   "écrits : %s",
		"orders":    "5. Les commandes arrivent dans la boutique et passent seules à TotalGest",
		"ordered":   "lues %d, exportées %d, ignorées %d, bloquées %d, en attente %d",
		"manual":    "6. Exporter maintenant : une sélection de %d commandes, dont une inconnue",
		"report":    "réussies %d, déjà présentes %d, échouées %d",
		"products":  "Produits",
		"orderlist": "Commandes",
		"state":     "État",
		"totals":    "TotalGest a %d commandes, dont %d en double ; total %s",
		"more":      "… et %d de plus",
		"warnings":  "Produits incomplets, par exemple sans prix : %d (-json les énumère)",
	},
	"es": {
		"start":     "Los dos sistemas se simulan en esta máquina: nada sale de ella.",
		"verify":    "1. Comprobar las credenciales",
		"wrong":     "con una contraseña incorrecta: %s",
		"right":     "con la correcta: tienda %s del propietario %s, %d funciones comprobadas",
		"shopright": "la tienda responde: %d funciones comprobadas",
		"first":     "2. Primer ciclo: el catálogo pasa a la tienda",
		"cycle":     "leídos %d, creados %d, actualizados %d, sin cambios %d, rechazados %d, en %s",
		"second":    "3. Segundo ciclo: nada ha cambiado, nada se escribe",
		"calls":     "%d llamadas de lectura, %d de escritura",
		"update":    "4. En TotalGest cambian las existencias o el precio de %d productos",
		"changed":   "escritos: %s",
		"orders":    "5. Los pedidos llegan a la tienda y pasan solos a TotalGest",
		"ordered":   "leídos %d, exportados %d, omitidos %d, bloqueados %d, en espera %d",
		"manual":    "6. Exportar ahora: una selección de %d pedidos, uno de ellos desconocido",
		"report":    "correctos %d, ya presentes %d, fallidos %d",
		"products":  "Productos",
		"orderlist": "Pedidos",
		"state":     "Estado",
		"totals":    "TotalGest tiene %d pedidos, %d de ellos duplicados; total %s",
		"more":      "… y %d más",
		"warnings":  "Productos sin algún dato, por ejemplo el precio: %d (-json los enumera)",
	},
	"nl": {
		"start":     "Beide systemen draaien als nabootsing op deze machine: er gaat niets naar buiten.",
		"verify":    "1. Inloggegevens controleren",
		"wrong":     "met een fout wachtwoord: %s",
		"right":     "met het juiste: winkel %s van eigenaar %s, %d functies gecontroleerd",
		"shopright": "de winkel antwoordt: %d functies gecontroleerd",
		"first":     "2. Eerste ronde: de catalogus gaat naar de winkel",
		"cycle":     "gelezen %d, aangemaakt %d, bijgewerkt %d, ongewijzigd %d, geweigerd %d, in %s",
		"second":    "3. Tweede ronde: er is niets veranderd, dus wordt er niets geschreven",
		"calls":     "%d leesaanroepen, %d schrijfaanroepen",
		"update":    "4. In TotalGest verandert de voorraad of prijs van %d producten",
		"changed":   "geschreven: %s",
		"orders":    "5. Bestellingen komen in de winkel binnen en gaan vanzelf naar TotalGest",
		"ordered":   "gelezen %d, geëxporteerd %d, overgeslagen %d, geblokkeerd %d, wachtend %d",
		"manual":    "6. Nu exporteren: een selectie van %d bestellingen, waarvan één onbekend",
		"report":    "gelukt %d, al aanwezig %d, mislukt %d",
		"products":  "Producten",
		"orderlist": "Bestellingen",
		"state":     "Status",
		"totals":    "TotalGest heeft %d bestellingen, waarvan %d dubbel; totaal %s",
		"more":      "… en nog %d",
		"warnings":  "Producten met ontbrekende gegevens, bijvoorbeeld zonder prijs: %d (-json toont ze)",
	},
}

// say returns a text of the language with its values.
func say(lang, key string, args ...any) string {
	table, ok := texts[language(lang)]
	if !ok {
		table = texts["en"]
	}
	return fmt.Sprintf(table[key], args...)
}

// language takes "it" out of "it-IT" and "it_IT.UTF-8".
func language(lang string) string {
	lang, _, _ = strings.Cut(strings.ToLower(lang), ".")
	lang, _, _ = strings.Cut(strings.ReplaceAll(lang, "_", "-"), "-")
	return lang
}
