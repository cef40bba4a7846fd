package fiscal

import "strings"

// PartyKind is what a party is.
type PartyKind string

// The kinds of party.
const (
	Person      PartyKind = "person"
	Company     PartyKind = "company" // also a person in business
	PublicBody  PartyKind = "public"
	Association PartyKind = "association"
)

// Party is a buyer with the address on the invoice. Texts are as they were typed;
// an empty one was not given.
type Party struct {
	Seller           string    // ISO 3166 code of the seller's country, whose rules hold; empty: IT
	Kind             PartyKind // empty: a company if it has its name or a VAT number, else a person
	InvoiceRequested bool      // the buyer asked for an invoice
	Country          string    // ISO 3166; empty: taken for the seller's
	Province         string    // or canton
	VATNumber        string    // a Swiss buyer's UID, with or without its suffix

	FirstName, LastName, Company      string
	TaxCode, RecipientCode, PEC, EORI string
	Email, Address, Zip, City         string
}

func (p *Party) kind() PartyKind {
	if p.Kind == "" && p.Company+p.VATNumber != "" {
		return Company
	}
	return p.Kind
}

// InvoiceDue reports whether an invoice has to be made out: always to companies
// and public bodies, to associations that have a VAT number, and to everybody who
// asked for one. Goods sold at a distance to consumers need none.
func (p *Party) InvoiceDue() bool {
	kind := p.kind()
	return p.InvoiceRequested || kind == Company || kind == PublicBody || (kind == Association && p.VATNumber != "")
}

// CheckParty judges a buyer. What is missing counts only where an invoice is due,
// and only there does anything block. Fields are named as on the wire of an order:
// vat_number, tax_code, sdi, pec, zip and so on.
func CheckParty(p Party) []Finding {
	c := partyCheck{Party: p, wrong: blocksIf(p.InvoiceDue())}
	c.Seller = orElse(p.Seller, "IT")
	home, problem := Country(orElse(p.Country, c.Seller))
	if c.home = home; problem != "" {
		c.home = ""
		c.add(true, c.wrong, "FIS-COUNTRY", string(problem), "country")
	}
	if c.wrong == Blocks {
		c.required()
	}
	c.ids()
	if c.Seller == "IT" {
		c.text("company", p.Company, 80)
		c.text("first_name", p.FirstName, 60)
		c.text("last_name", p.LastName, 60)
		c.text("address", p.Address, 60)
		c.text("city", p.City, 60)
		c.text("email", p.Email, 256)
		c.recipient()
	}
	return c.findings
}

// orElse returns a country's code, or the other one.
func orElse(country, other string) string {
	if country = clean(country, ""); country == "" {
		return other
	}
	return country
}

type partyCheck struct {
	Party
	findings
	home  string   // country; empty: it can't be read
	wrong Severity // of what an invoice can't be made out with
}

// required tells of what an invoice can't do without.
func (c *partyCheck) required() {
	missing := func(field, value string) { c.add(strings.TrimSpace(value) == "", Blocks, "FIS-MISSING", "", field) }
	missing("address", c.Address)
	missing("zip", c.Zip)
	missing("city", c.City)
	missing("country", c.Country)
	if kind := c.kind(); kind == Person || kind == "" || (c.Company == "" && c.FirstName+c.LastName != "") {
		missing("first_name", c.FirstName)
		missing("last_name", c.LastName)
	} else {
		missing("company", c.Company)
	}
	if c.Seller == "IT" && c.home == "IT" {
		c.add(strings.TrimSpace(c.VATNumber+c.TaxCode) == "", Blocks, "FIS-BUYER-ID", "00417", "vat_number")
	}
}

// ids runs the validators over the fields that were given.
func (c *partyCheck) ids() {
	id := func(s Severity, code, field, value string, valid func(string) (string, Problem)) {
		_, p := valid(value)
		c.add(p != "" && strings.TrimSpace(value) != "", s, code, string(p), field)
	}
	id(Warns, "FIS-EORI", "eori", c.EORI, EORI)
	switch c.home {
	case "IT":
		id(c.wrong, "FIS-CAP", "zip", c.Zip, CAP)
		id(c.wrong, "FIS-PROVINCE", "province", c.Province, Province)
		id(c.wrong, "FIS-VAT-IT", "vat_number", c.VATNumber, ItalianVAT)
		if c.Seller == "IT" {
			id(c.wrong, "FIS-TAX-CODE", "tax_code", c.TaxCode, TaxCode)
			id(c.wrong, "FIS-PEC", "pec", c.PEC, PEC)
		}
	case "CH", "LI":
		id(c.wrong, "FIS-POSTCODE-CH", "zip", c.Zip, SwissPostcode)
		id(c.wrong, "FIS-UID", "vat_number", c.VATNumber, SwissUID)
		if c.home == "CH" {
			id(Warns, "FIS-CANTON", "province", c.Province, Canton)
		}
	case "":
	default:
		number := c.VATNumber
		if _, p := ForeignVAT(number); p != "" && number != "" {
			number = c.home + number // many leave their own country out
		}
		id(Warns, "FIS-VAT-FOREIGN", "vat_number", number, ForeignVAT)
	}
}

// recipient checks how an Italian seller's invoice gets there. Abroad the code
// follows from the country, as postcode 00000 and province EE do on the invoice
// (the order keeps the true address), so that nothing blocks.
func (c *partyCheck) recipient() {
	const none, foreign, sanMarino = "0000000", "XXXXXXX", "2R4GTO8"
	code, problem := RecipientCode(c.RecipientCode)
	due, public := c.wrong == Blocks, c.kind() == PublicBody
	switch c.home {
	case "IT":
	case "SM":
		c.add(code != sanMarino && (due || code != ""), Warns, "FIS-SDI-COUNTRY", "", "sdi", "expected", sanMarino)
		return
	default:
		c.add(code != foreign && code != "" && c.home != "", Warns, "FIS-SDI-COUNTRY", "", "sdi", "expected", foreign)
		return
	}
	length := 7
	if public {
		length = 6
	}
	switch {
	case code == "":
		c.add(public, Blocks, "FIS-MISSING", "", "sdi")
	case code == foreign || code == sanMarino:
		c.add(true, c.wrong, "FIS-SDI-COUNTRY", "", "sdi", "expected", none)
	case problem != "":
		c.add(true, c.wrong, "FIS-SDI", string(problem), "sdi")
	default:
		c.add(len(code) != length, c.wrong, "FIS-SDI-LENGTH", "00427", "sdi", "expected", length, "given", len(code))
	}
	byCode := code != "" && code != none
	c.add(byCode && c.PEC != "", Warns, "FIS-PEC-CODE", "00426", "pec") // the code decides: nothing is missing
	c.add(due && !byCode && c.PEC == "" && c.kind() != Person && c.kind() != "" && !public, Warns, "FIS-NO-ROUTE", "", "sdi")
}
