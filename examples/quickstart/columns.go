package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/internal/wire"
)

// column is a field that a file may have, with the names that its column
// usually bears, the best first, spelled as [columnName] spells them.
type column struct {
	key   string
	names []string
}

var (
	skuNames = []string{"sku", "productsku", "productcode", "itemcode", "itemno", "itemnumber", "stockcode", "articlecode",
		"codicearticolo", "codarticolo", "codiceprodotto", "codice", "articolo",
		"artikelnummer", "artikelnr", "artnr", "codearticle", "codeproduit",
		"reference", "référence", "ref", "referenz", "code"}
	nameNames = []string{"name", "productname", "itemname", "title", "nome", "nomeprodotto", "titolo",
		"artikelbezeichnung", "bezeichnung", "artikelname", "produktname", "titel",
		"nom", "nomproduit", "libellé", "libelle", "désignation", "designation", "titre",
		"description", "descrizione", "beschreibung"} // the last three where nothing else is the name
	currencyNames = []string{"currency", "currencycode", "valuta", "divisa", "währung", "waehrung", "devise", "monnaie"}
	vatNames      = []string{"vatrate", "vatpercent", "vat", "taxrate", "aliquotaiva", "aliquota", "iva",
		"mwstsatz", "mwst", "ustsatz", "ust", "steuersatz", "tauxtva", "tauxdetva", "tva"}
	quantityNames = []string{"quantity", "qty", "quantità", "quantita", "qtà", "qta", "menge", "anzahl", "quantité", "quantite", "qté"}
)

// catalogueColumns are those of a catalogue.
var catalogueColumns = []column{
	{"sku", append(slices.Clone(skuNames), "id")},
	{"ean", []string{"ean", "ean13", "eancode", "gtin", "gtin13", "gtin14", "barcode", "codiceabarre", "codicebarre",
		"codeean", "codebarre", "codebarres", "strichcode", "upc"}},
	{"name", nameNames},
	{"description", []string{"description", "longdescription", "descriptionhtml", "descrizione", "descrizioneestesa",
		"beschreibung", "langtext", "descriptif"}},
	{"short_description", []string{"shortdescription", "summary", "descrizionebreve", "kurzbeschreibung", "kurztext",
		"descriptioncourte", "résumé"}},
	{"price", []string{"price", "regularprice", "listprice", "retailprice", "grossprice", "unitprice",
		"prezzo", "prezzodivendita", "prezzovendita", "prezzoalpubblico", "prezzopubblico", "prezzolistino", "prezzoivato",
		"preis", "verkaufspreis", "bruttopreis", "einzelpreis",
		"prix", "prixttc", "prixpublic", "prixdevente", "prixunitaire"}},
	{"currency", currencyNames},
	{"vat_rate", vatNames},
	{"quantity", append(slices.Clone(quantityNames), "stock", "stockquantity", "quantityonstock", "onhand",
		"giacenza", "disponibilità", "disponibilita", "bestand", "lagerbestand")},
	{"parent", []string{"parent", "parentsku", "parentid", "padre", "articolopadre", "codicepadre", "hauptartikel",
		"elternartikel", "articleparent"}},
	{"brand", []string{"brand", "manufacturer", "marca", "marchio", "produttore", "marke", "hersteller", "marque", "fabricant"}},
	{"category", []string{"category", "categories", "categoria", "categorie", "kategorie", "kategorien", "warengruppe",
		"catégorie", "catégories"}},
	{"image", []string{"image", "images", "imageurl", "imagelink", "baseimage", "immagine", "immagini", "bild", "bilder", "photo", "foto"}},
}

// invoiceColumns are those of a file of invoice lines.
var invoiceColumns = []column{
	{"invoice", []string{"invoiceno", "invoicenumber", "invoiceid", "invoice", "orderno", "ordernumber", "orderid", "order",
		"numerofattura", "fattura", "numeroordine", "ordine", "rechnungsnummer", "rechnungsnr", "rechnung", "bestellnummer",
		"numérofacture", "numerofacture", "facture", "commande"}},
	{"sku", skuNames},
	{"name", nameNames},
	{"quantity", quantityNames},
	{"date", []string{"invoicedate", "orderdate", "date", "created", "createdat", "datafattura", "dataordine", "data",
		"rechnungsdatum", "bestelldatum", "datum", "datefacture", "datecommande"}},
	{"unit_price", []string{"unitprice", "price", "prezzounitario", "prezzo", "einzelpreis", "stückpreis", "preis",
		"prixunitaire", "prix"}},
	{"customer", []string{"customerid", "customerno", "customernumber", "customer", "codicecliente", "idcliente", "cliente",
		"kundennummer", "kundennr", "kunde", "codeclient", "numeroclient", "client"}},
	{"country", []string{"country", "countrycode", "paese", "nazione", "land", "pays"}},
	{"currency", currencyNames},
	{"vat_rate", vatNames},
}

// catalogueKeys and invoiceKeys are what the flags may name.
var (
	catalogueKeys = keysOf(catalogueColumns)
	invoiceKeys   = keysOf(invoiceColumns)
)

func keysOf(columns []column) []string {
	var out []string
	for _, c := range columns {
		out = append(out, c.key)
	}
	return out
}

// parseColumns reads a flag such as "sku=cip7,ean=cip13": the names of a file's
// columns by key. The error names the key that is unknown, doubled or without a
// column.
func parseColumns(flag string, keys []string) (map[string]string, error) {
	out := map[string]string{}
	if strings.TrimSpace(flag) == "" {
		return out, nil
	}
	for entry := range strings.SplitSeq(flag, ",") {
		key, name, ok := strings.Cut(entry, "=")
		key, name = strings.TrimSpace(key), strings.TrimSpace(name)
		switch _, twice := out[key]; {
		case !ok:
			return nil, fmt.Errorf("%q is not key=column", entry)
		case !slices.Contains(keys, key):
			return nil, fmt.Errorf("unknown key %q; the keys are %s", key, strings.Join(keys, ", "))
		case name == "":
			return nil, fmt.Errorf("key %q has no column", key)
		case twice:
			return nil, fmt.Errorf("key %q has two columns", key)
		}
		out[key] = name
	}
	return out, nil
}

// columnName brings the spellings of a column together: "Artikel-Nr.",
// "artikel_nr" and "ARTIKELNR" are one.
func columnName(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// locate finds each key's column: the one that the user named, or else the
// first of the usual names that no other key has taken.
func locate(header []string, columns []column, named map[string]string) (map[string]int, error) {
	at, taken := map[string]int{}, map[int]bool{}
	for _, c := range columns {
		name, ok := named[c.key]
		if !ok {
			continue
		}
		i := slices.Index(header, name)
		if i < 0 {
			i = slices.IndexFunc(header, func(h string) bool { return strings.EqualFold(strings.TrimSpace(h), name) })
		}
		if i < 0 {
			return nil, fmt.Errorf("the header has no column %q, which was named for %s; it has %s", name, c.key, listed(header))
		}
		at[c.key], taken[i] = i, true
	}
	spelled := make([]string, len(header))
	for i, h := range header {
		spelled[i] = columnName(h)
	}
	for _, c := range columns {
		if _, ok := at[c.key]; ok {
			continue
		}
		for _, n := range c.names {
			if i := slices.Index(spelled, n); i >= 0 && !taken[i] {
				at[c.key], taken[i] = i, true
				break
			}
		}
	}
	return at, nil
}

// listed is a header for an error; a long one is cut.
func listed(header []string) string {
	const most = 30
	var out []string
	for _, h := range header[:min(len(header), most)] {
		if r := []rune(h); len(r) > most {
			h = string(r[:most]) + "…"
		}
		out = append(out, fmt.Sprintf("%q", h))
	}
	if len(header) > most {
		out = append(out, "…")
	}
	return strings.Join(out, ", ")
}

// readText reads a whole file, which must be UTF-8; a byte order mark is
// dropped.
func readText(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	for at := 0; at < len(data); {
		c, size := utf8.DecodeRune(data[at:])
		if c == utf8.RuneError && size == 1 {
			return nil, fmt.Errorf("line %d: not UTF-8; save the file as UTF-8", 1+bytes.Count(data[:at], []byte("\n")))
		}
		at += size
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errors.New("line 1: the file is empty")
	}
	return data, nil
}

// sheet reads a CSV file row by row. Every error names a line.
type sheet struct {
	data     []byte
	csv      *csv.Reader // of data[base:]
	comma    rune
	base     int // where csv started
	baseLine int // and the number of that line
	off      int // what has been read
	width    int // of the header; 0: not read yet
	header   []string
	at       map[string]int // column by key
}

// row is one row of a sheet. Its cells are valid until the next one is read.
type row struct {
	line  int
	odd   bool  // a quote stood in an odd place: it was taken as it stands
	err   error // the row can't be told apart into fields
	cells []string
	at    map[string]int
}

// has reports whether the file has a column for key.
func (r *row) has(key string) bool { _, ok := r.at[key]; return ok }

// get returns a field without outer spaces, empty where there is none.
func (r *row) get(key string) string {
	if i, ok := r.at[key]; ok && i < len(r.cells) {
		return strings.TrimSpace(r.cells[i])
	}
	return ""
}

// openSheet reads the header. The separator is the one that makes the most of it.
func openSheet(data []byte, columns []column, named map[string]string, required ...string) (*sheet, error) {
	s := &sheet{data: data, comma: separator(data, columns, named)}
	s.restart(0, 1)
	h, err := s.read()
	if errors.Is(err, io.EOF) {
		err = errors.New("line 1: the file has no header")
	}
	if err != nil {
		return nil, err
	}
	s.header, s.width = slices.Clone(h.cells), len(h.cells)
	if s.at, err = locate(s.header, columns, named); err != nil {
		return nil, fmt.Errorf("line %d: %w", h.line, err)
	}
	for _, key := range required {
		if _, ok := s.at[key]; !ok {
			return nil, fmt.Errorf("line %d: no column of the header is known as the %s; name it, as in %s=COLUMN; it has %s", h.line, key, key, listed(s.header))
		}
	}
	return s, nil
}

// separator tries each on the header: the most known columns, then the most
// columns, win.
func separator(data []byte, columns []column, named map[string]string) rune {
	best, known, width := ',', 0, 0
	for _, c := range ",;\t" {
		r := csv.NewReader(bytes.NewReader(data))
		r.Comma, r.LazyQuotes = c, true
		header, err := r.Read()
		if err != nil {
			continue
		}
		at, _ := locate(header, columns, named) // nil where a named one is missing
		if n := len(at); n > known || (n == known && len(header) > width) {
			best, known, width = c, n, len(header)
		}
	}
	return best
}

// next returns the next row that is not blank, and io.EOF after the last.
func (s *sheet) next() (row, error) {
	for {
		r, err := s.read()
		if err != nil {
			return r, err
		}
		used := len(r.cells) // empty cells beyond the header mean nothing
		for used > 0 && strings.TrimSpace(r.cells[used-1]) == "" {
			used--
		}
		if used == 0 {
			continue
		}
		if len(r.cells) < s.width || used > s.width {
			r.err = fmt.Errorf("the row has %d fields, the header %d", len(r.cells), s.width)
		}
		r.at = s.at
		return r, nil
	}
}

func (s *sheet) read() (row, error) {
	cells, err := s.csv.Read()
	var parse *csv.ParseError
	switch {
	case errors.As(err, &parse):
		return s.literal(s.baseLine + parse.StartLine - 1)
	case err != nil:
		return row{}, err
	}
	line, _ := s.csv.FieldPos(0)
	s.off = s.base + int(s.csv.InputOffset())
	return row{line: s.baseLine + line - 1, cells: cells}, nil
}

// restart goes on reading at an offset, which starts a line.
func (s *sheet) restart(off, line int) {
	s.base, s.off, s.baseLine = off, off, line
	s.csv = csv.NewReader(bytes.NewReader(s.data[off:]))
	s.csv.Comma, s.csv.FieldsPerRecord, s.csv.ReuseRecord = s.comma, -1, true
}

// literal reads a line that is not strict CSV, such as one with an inch sign.
// Quotes are lenient in this one line alone: in the whole file one that is never
// closed would swallow the rows after it.
func (s *sheet) literal(line int) (row, error) {
	for s.data[s.off] == '\n' || bytes.HasPrefix(s.data[s.off:], []byte("\r\n")) {
		s.off += bytes.IndexByte(s.data[s.off:], '\n') + 1
	}
	text, _, _ := bytes.Cut(s.data[s.off:], []byte("\n"))
	s.restart(min(len(s.data), s.off+len(text)+1), line+1)
	text = bytes.TrimSuffix(text, []byte("\r"))
	lazy := csv.NewReader(bytes.NewReader(text))
	lazy.Comma, lazy.LazyQuotes = s.comma, true
	cells, err := lazy.Read()
	if err != nil || (s.width > 0 && len(cells) != s.width) {
		cells = strings.Split(string(text), string(s.comma))
	}
	if s.width > 0 && len(cells) != s.width {
		return row{}, fmt.Errorf(`line %d: a quote (") is out of place, and the line without quotes has %d fields, the header %d`, line, len(cells), s.width)
	}
	return row{line: line, odd: true, cells: cells}, nil
}

// tally counts values and remembers which came first.
type tally struct {
	count map[string]int
	order []string
}

func (t *tally) add(v string) {
	if t.count == nil {
		t.count = map[string]int{}
	}
	if t.count[v]++; t.count[v] == 1 {
		t.order = append(t.order, v)
	}
}

// top is the most frequent value, among equals the first, or def.
func (t *tally) top(def string) string {
	best, most := def, 0
	for _, v := range t.order {
		if n := t.count[v]; n > most {
			best, most = v, n
		}
	}
	return best
}

// parseRate reads a VAT rate in percent: "22", "22%", "22,0".
func parseRate(s string) (decimal.Decimal, error) {
	d, err := wire.ParseDecimal(strings.TrimSpace(strings.TrimSuffix(s, "%")))
	if err == nil && (d.IsNegative() || d.GreaterThan(decimal.NewFromInt(100))) {
		err = errors.New("not a percentage from 0 to 100")
	}
	return d, err
}

// parseCurrency reads a code of ISO 4217; empty is def.
func parseCurrency(s, def string) (string, error) {
	if s == "" {
		return def, nil
	}
	if len(s) != 3 || strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsLetter(r) }) {
		return "", errors.New("not a currency code of three letters")
	}
	return strings.ToUpper(s), nil
}
