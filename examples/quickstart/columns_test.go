package main

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseColumns(t *testing.T) {
	t.Parallel()
	keys := []string{"sku", "ean", "name"}
	for _, c := range []struct {
		flag string
		want map[string]string
		err  string // a part of it; empty: none
	}{
		{"sku=cip7,ean=cip13", map[string]string{"sku": "cip7", "ean": "cip13"}, ""},
		{" sku = Item No. , name=a=b", map[string]string{"sku": "Item No.", "name": "a=b"}, ""},
		{"", map[string]string{}, ""},
		{"sku=a,colour=b", nil, `unknown key "colour"; the keys are sku, ean, name`},
		{"sku=a,ean=", nil, `key "ean" has no column`},
		{"sku", nil, `"sku" is not key=column`},
		{"sku=a,", nil, `"" is not key=column`},
		{"sku=a,sku=b", nil, `key "sku" has two columns`},
	} {
		got, err := parseColumns(c.flag, keys)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q: error %v, want %q", c.flag, err, c.err)
			}
			continue
		}
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%q: %v %s", c.flag, err, diff)
		}
	}
}

func TestKeysAreThoseOfTheFlags(t *testing.T) {
	t.Parallel()
	for want, got := range map[string][]string{
		"sku ean name description short_description price currency vat_rate quantity parent brand category image": catalogueKeys,
		"invoice sku name quantity date unit_price customer country currency vat_rate":                            invoiceKeys,
	} {
		if g := strings.Join(got, " "); g != want {
			t.Errorf("keys %s, want %s", g, want)
		}
	}
}

// TestAliasesAreSpelledAsCompared guards the table: a name that columnName
// would change can never match.
func TestAliasesAreSpelledAsCompared(t *testing.T) {
	t.Parallel()
	for _, columns := range [][]column{catalogueColumns, invoiceColumns} {
		for _, c := range columns {
			for _, n := range append([]string{strings.ReplaceAll(c.key, "_", "")}, c.names...) {
				if columnName(n) != n {
					t.Errorf("%s: %q is compared as %q", c.key, n, columnName(n))
				}
			}
		}
	}
}

func TestHeadersOfFourLanguages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		header string
		want   map[string]int
	}{
		{"SKU,EAN,Name,Short description,Description,Price,Currency,VAT %,Qty,Parent,Brand,Categories,Images",
			map[string]int{"sku": 0, "ean": 1, "name": 2, "short_description": 3, "description": 4, "price": 5, "currency": 6,
				"vat_rate": 7, "quantity": 8, "parent": 9, "brand": 10, "category": 11, "image": 12}},
		{"Codice articolo;Codice a barre;Nome;Descrizione;Prezzo;Aliquota IVA;Giacenza;Marca;Categoria",
			map[string]int{"sku": 0, "ean": 1, "name": 2, "description": 3, "price": 4, "vat_rate": 5, "quantity": 6, "brand": 7, "category": 8}},
		{"Artikel-Nr.\tGTIN\tBezeichnung\tPreis\tWährung\tMwSt.\tBestand\tHersteller",
			map[string]int{"sku": 0, "ean": 1, "name": 2, "price": 3, "currency": 4, "vat_rate": 5, "quantity": 6, "brand": 7}},
		{"Référence;Code-barres;Désignation;Prix TTC;TVA;Quantité;Marque;Catégorie",
			map[string]int{"sku": 0, "ean": 1, "name": 2, "price": 3, "vat_rate": 4, "quantity": 5, "brand": 6, "category": 7}},
		// The better name wins wherever it stands, and description is the name
		// where nothing else is.
		{"id,code,description,price", map[string]int{"sku": 1, "name": 2, "price": 3}},
		{"id,title,description", map[string]int{"sku": 0, "name": 1, "description": 2}},
		// A separator inside a quoted cell is none.
		{`sku,name,"a;b;c;d;e;f"`, map[string]int{"sku": 0, "name": 1}},
		{`sku;name;"a,b,c,d,e,f"`, map[string]int{"sku": 0, "name": 1}},
	} {
		s, err := openSheet([]byte(c.header+"\n"), catalogueColumns, nil)
		if err != nil {
			t.Errorf("%s: %v", c.header, err)
			continue
		}
		if diff := cmp.Diff(c.want, s.at); diff != "" {
			t.Errorf("%s: %s", c.header, diff)
		}
	}
}

func TestNamedColumns(t *testing.T) {
	t.Parallel()
	// The named column is no longer there for its usual key.
	s, err := openSheet([]byte("name,label,price\n"), catalogueColumns, map[string]string{"sku": "name", "name": "LABEL"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{"sku": 0, "name": 1, "price": 2}, s.at); diff != "" {
		t.Error(diff)
	}
	_, err = openSheet([]byte("\ncip7,name\n"), catalogueColumns, map[string]string{"sku": "cip8"})
	if want := `line 2: the header has no column "cip8", which was named for sku; it has "cip7", "name"`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	_, err = openSheet([]byte("cip7,name\n"), catalogueColumns, nil, "sku")
	if err == nil || !strings.Contains(err.Error(), `line 1: no column of the header is known as the sku; name it, as in sku=COLUMN; it has "cip7", "name"`) {
		t.Errorf("error %v", err)
	}
}

// rowsOf reads a sheet as text, a row a line, fields parted by a bar.
func rowsOf(t *testing.T, file string) ([]string, error) {
	t.Helper()
	data, err := readText(strings.NewReader(file))
	if err != nil {
		return nil, err
	}
	s, err := openSheet(data, []column{{"a", []string{"a"}}, {"b", []string{"b"}}, {"c", []string{"c"}}}, nil)
	if err != nil {
		return nil, err
	}
	var out []string
	for {
		r, err := s.next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		line := string(rune('0'+r.line)) + ":" + strings.Join([]string{r.get("a"), r.get("b"), r.get("c")}, "|")
		if r.err != nil {
			line += "|" + r.err.Error()
		}
		if r.odd {
			line += "|odd"
		}
		out = append(out, line)
	}
}

func TestSheet(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file string
		want []string
		err  string
	}{
		"byte order mark, CR LF, outer spaces":                  {"\ufeffa;b;c\r\n 1 ;2;3\r\n", []string{"2:1|2|3"}, ""},
		"quoted line break":                                     {"a,b,c\n1,\"x\ny\",3\n4,5,6\n", []string{"2:1|x\ny|3", "4:4|5|6"}, ""},
		"blank lines and rows":                                  {"a,b,c\n\n,,\n1,2,3\n , \n", []string{"4:1|2|3"}, ""},
		"empty cells beyond the header":                         {"a,b,c\n1,2,3,,\n", []string{"2:1|2|3"}, ""},
		"short and long rows":                                   {"a,b,c\n1,2\n1,2,3,4\n", []string{"2:1|2||the row has 2 fields, the header 3", "3:1|2|3|the row has 4 fields, the header 3"}, ""},
		"inch sign after blank lines":                           {"a,b,c\n\n\r\n1,2\" nail,3\n", []string{`4:1|2" nail|3|odd`}, ""},
		"inch sign":                                             {"a,b,c\n1,2\" nail,3\n\"x, y\",5\" nail,\"z\"\n7,8,9\n", []string{`2:1|2" nail|3|odd`, `3:x, y|5" nail|z|odd`, "4:7|8|9"}, ""},
		"a word in quotes starts a field":                       {"a,b,c\n1,\"STELLA\" lamp,3\n4,5,6\n", []string{`2:1|"STELLA" lamp|3|odd`, "3:4|5|6"}, ""},
		"a quote that is never closed takes no other row along": {"a\tb\tc\n1\t\"x\t3\n\n4\t5\t6", []string{"2:1|\"x|3|odd", "4:4|5|6"}, ""},
		"two such, far from each other":                         {"a,b,c\n1,\"x,3\n4,5,6\n7,\"y,9\n", []string{`2:1|"x|3|odd`, "3:4|5|6", `4:7|"y|9|odd`}, ""},
		"a line that makes no sense with or without quotes":     {"a,b,c\n1,2,3\n4,\"x\" and, with, more\n7,8,9\n", []string{"2:1|2|3"}, `line 3: a quote (") is out of place, and the line without quotes has 4 fields, the header 3`},
		"not UTF-8":   {"a,b,c\n1,2,3\n1,Caff\xe8,3\n", nil, "line 3: not UTF-8"},
		"UTF-16":      {"\xff\xfea\x00,\x00", nil, "line 1: not UTF-8"},
		"empty":       {"\ufeff \n", nil, "line 1: the file is empty"},
		"header only": {"a,b,c", nil, ""},
	} {
		got, err := rowsOf(t, c.file)
		if (err == nil) != (c.err == "") || (err != nil && !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: error %v, want %q", name, err, c.err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestFileThatCannotBeRead(t *testing.T) {
	t.Parallel()
	if _, err := loadCatalogue(failing{}, "x.csv", nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("catalogue: error %v", err)
	}
	if _, err := loadInvoices(failing{}, nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("invoices: error %v", err)
	}
}

func TestTally(t *testing.T) {
	t.Parallel()
	var c tally
	if got := c.top("none"); got != "none" {
		t.Errorf("empty: %q", got)
	}
	for _, v := range []string{"b", "a", "none", "a", "b"} {
		c.add(v)
	}
	if got := c.top("none"); got != "b" {
		t.Errorf("of two that are equal %q won, not the first", got)
	}
}

func TestParseRate(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{"22": "22", "22%": "22", "5,5 %": "5.5", "22,0": "22", "0": "0", "4.00": "4"} {
		if d, err := parseRate(s); err != nil || d.String() != want {
			t.Errorf("%q: %s %v", s, d, err)
		}
	}
	for _, s := range []string{"", "%", "standard", "-1", "101", "22%%"} {
		if d, err := parseRate(s); err == nil {
			t.Errorf("%q was read as %s", s, d)
		}
	}
}
