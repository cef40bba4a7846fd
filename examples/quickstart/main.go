// Quickstart runs both systems as fakes on this machine and shows what the
// syncer does with them: credentials checked, a catalogue synced, changes
// written and nothing else, orders exported, a selection forced, a report, and
// the state of every item.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"golang.org/x/term"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr, term.IsTerminal(int(os.Stderr.Fd())))
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

// options are the command's flags.
type options struct {
	catalog, orders       string
	columns, orderColumns map[string]string
	lang                  string
	json                  bool
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	var columns, orderColumns string
	f := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.catalog, "catalog", "", "catalogue `file`: CSV with a header, or JSON lines; without it an invented one")
	f.StringVar(&columns, "columns", "", "names of its columns, such as `sku=code,name=title`")
	f.StringVar(&o.orders, "orders", "", "CSV `file` of invoice lines, a row a line; without it invented orders")
	f.StringVar(&orderColumns, "order-columns", "", "names of its columns, such as `invoice=No,sku=Item`")
	f.StringVar(&o.lang, "lang", os.Getenv("LANG"), "language of the output: it, de, en, fr, es, nl")
	f.BoolVar(&o.json, "json", false, "one JSON document on standard output, and nothing else there")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q: flags only, see -h", f.Arg(0))
	}
	var err error
	if o.columns, err = parseColumns(columns, catalogueKeys); err != nil {
		return o, fmt.Errorf("-columns: %w", err)
	}
	if o.orderColumns, err = parseColumns(orderColumns, invoiceKeys); err != nil {
		return o, fmt.Errorf("-order-columns: %w", err)
	}
	if o.catalog == "" && columns != "" || o.orders == "" && orderColumns != "" {
		return o, errors.New("columns were named without the file that has them")
	}
	return o, nil
}

// run is the whole command. terminal allows colours and a progress bar.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, terminal bool) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	data, err := load(o)
	if err != nil {
		return err
	}
	out := &printer{w: stdout, lang: o.lang, colour: terminal && !o.json, bar: io.Discard}
	if o.json {
		out.w = io.Discard
	}
	if terminal {
		out.bar = stderr
	}
	d, err := newDemo(ctx, data, out)
	if err != nil {
		return err
	}
	defer d.close()
	result, err := d.run(ctx)
	if err != nil {
		return err
	}
	if o.json {
		return result.write(stdout)
	}
	return nil
}

// load reads the files, or invents what they would hold.
func load(o options) (*input, error) {
	in := &input{fromFile: o.orders != ""}
	var inv *invoices
	if o.orders != "" {
		f, err := os.Open(o.orders)
		if err != nil {
			return nil, fmt.Errorf("-orders: %w", err)
		}
		defer f.Close()
		if inv, err = loadInvoices(f, o.orderColumns); err != nil {
			return nil, fmt.Errorf("-orders %s: %w", o.orders, err)
		}
		in.orders, in.rejected = inv.Orders, inv.Rejected
	}
	switch {
	case o.catalog != "":
		f, err := os.Open(o.catalog)
		if err != nil {
			return nil, fmt.Errorf("-catalog: %w", err)
		}
		defer f.Close()
		c, err := loadCatalogue(f, o.catalog, o.columns)
		if err != nil {
			return nil, fmt.Errorf("-catalog %s: %w", o.catalog, err)
		}
		in.take(c)
	case inv != nil:
		in.take(inv.catalogue())
	default:
		in.products, in.currency = sampleProducts(), "EUR"
	}
	if len(in.products) == 0 {
		return nil, errors.New("the catalogue holds no product")
	}
	if !in.fromFile {
		in.orders = sampleOrders(in.products, in.currency)
	}
	return in, nil
}

func (in *input) take(c *catalogue) {
	in.products, in.currency = c.Products, c.Currency
	in.rejected = append(in.rejected, c.Rejected...)
	in.warnings = append(in.warnings, c.Warnings...)
}

// printer writes the story for people.
type printer struct {
	w      io.Writer
	bar    io.Writer // io.Discard: no progress bar
	lang   string
	colour bool
}

// title starts a chapter.
func (p *printer) title(key string, args ...any) {
	text := say(p.lang, key, args...)
	if p.colour {
		text = "\x1b[1m" + text + "\x1b[0m"
	}
	fmt.Fprintf(p.w, "\n%s\n", text)
}

// line writes one indented line.
func (p *printer) line(key string, args ...any) { p.text(say(p.lang, key, args...)) }

func (p *printer) text(s string) { fmt.Fprintln(p.w, "  "+strings.TrimRight(s, " ")) }
