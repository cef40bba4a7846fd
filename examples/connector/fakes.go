package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"text/template"
	"time"

	"github.com/tg360/tg360/examples/connector/internal/settings"
	"github.com/tg360/tg360/framework360/framework360test"
	"github.com/tg360/tg360/totalgest"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

// fakesCmd runs both systems on this machine.
type fakesCmd struct {
	Products     int      `default:"24" placeholder:"N" help:"Products of the invented catalogue (${default})."`
	Orders       int      `default:"9" placeholder:"N" help:"Orders that come in when the shop has all products and its list of orders is read (${default})."`
	Seed         uint64   `default:"1" placeholder:"N" help:"What is invented, and which requests meet a fault (${default})."`
	Dedupe       bool     `help:"TotalGest recognises a repeated external id."`
	NoSearch     bool     `help:"TotalGest can't be asked for an external id."`
	Fault        []string `sep:"none" placeholder:"FAULT" help:"A fault to meet; may be given several times. See below."`
	Write        string   `placeholder:"FILE" help:"Write the settings file instead of printing it."`
	TotalGest    string   `name:"totalgest" default:"127.0.0.1:0" placeholder:"ADDR" help:"Where TotalGest listens; port 0 is any free one."`
	Framework360 string   `name:"framework360" default:"127.0.0.1:0" placeholder:"ADDR" help:"Where the shop listens."`
	Admin        string   `default:"127.0.0.1:0" placeholder:"ADDR" help:"Where the interface for people and tests listens."`
	Webhook      string   `placeholder:"URL" help:"The shop tells this address of each order that is placed."`
}

// Help is the manual of the faults and of the interface.
func (*fakesCmd) Help() string {
	return `Two commands show everything: "connector fakes -write demo.toml", and in another terminal "connector -settings demo.toml serve". Nothing leaves this machine, and what is invented ends with the command; each start has a database of its own.

FAULT is [totalgest:|framework360:]KIND[=SHARE] [operation=NAME] [times=N] [delay=TIME], such as "drop after=0.2", "framework360:429 times=3" or "late effect=0.1 operation=orders.create delay=5s". Without a system TotalGest is meant. KIND is one of: drop before, drop after, 500 before, 500 after, late effect, hang, hang after, truncate, HTML 502, HTML 200, 200 with error, 429, slow.

The admin address takes and answers JSON:

	GET  /admin/ledger     orders that TotalGest received, doubled external ids,
	                       requests to both systems, faults that were met
	GET  /admin/orders     the shop's orders
	GET  /admin/products   stock and price on both sides
	POST /admin/orders     {"count": 3}: customers place orders; or one as you like:
	                       {"state": "Pagato", "payment": "paid", "method": "Bonifico",
	                       "items": [{"sku": "CA-0001", "quantity": 2}]}
	POST /admin/orders/ID  {"state": "Pagato", "payment": "paid"}: somebody pays
	POST /admin/products   {"sku": "CA-0001", "quantity": 7, "price": "12.50"}:
	                       stock or price change in TotalGest
	POST /admin/faults     ["drop after=0.2"]: other faults from now on; [] for none`

}

// Run keeps both systems up until ctx ends.
func (c *fakesCmd) Run(ctx context.Context, p *program) error {
	w, err := c.invent()
	if err != nil {
		return err
	}
	defer w.close()
	tg, err := w.forward(c.TotalGest, w.erp.URL)
	if err != nil {
		return usage("--totalgest: %w", err)
	}
	fw, err := w.forward(c.Framework360, w.shop.URL)
	if err != nil {
		return usage("--framework360: %w", err)
	}
	admin, err := listenHere(c.Admin)
	if err != nil {
		return usage("--admin: %w", err)
	}
	server := &http.Server{Handler: w.admin(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second}
	w.running.Go(func() { _ = server.Serve(admin) }) // ends with Close
	defer server.Close()
	dir, err := os.MkdirTemp(p.variable("TMPDIR"), "tg360-demo-")
	if err != nil {
		return fmt.Errorf("a folder for the database: %w", err)
	}
	defer os.Remove(dir) // if nothing came of it
	file, err := w.settings(filepath.Join(dir, "tg360.db"), tg, fw)
	if err != nil {
		return err
	}
	next := "connector -settings FILE serve"
	if c.Write != "" {
		if err := writeSettings(c.Write, file); err != nil {
			return err
		}
		next = "connector -settings " + c.Write + " serve"
	} else if _, err := p.stdout.Write(file); err != nil {
		return err
	}
	lang := settings.Language(p.env)
	fmt.Fprintln(p.stderr, say(lang, "fakes", len(w.products), tg, fw, "http://"+admin.Addr().String()+"/admin/ledger", next))
	<-ctx.Done()
	fmt.Fprintln(p.stderr, say(lang, "fakes.end", len(w.erp.Orders()), w.erp.Duplicates()))
	return nil
}

// invent makes both systems.
func (c *fakesCmd) invent() (*world, error) {
	if c.Products < 1 || c.Products > 1_000_000 || c.Orders < 0 || c.Orders > 1_000_000 {
		return nil, usage("--products must be from 1 to 1000000, and --orders not above that")
	}
	var faults [2][]totalgesttest.Fault
	if err := parseFaults(c.Fault, &faults); err != nil {
		return nil, usageError{err}
	}
	w := &world{options: c, name: strings.ToLower(rand.Text()[:6]), products: inventProducts(c.Products, c.Seed), started: time.Now()}
	var err error
	if w.erp, err = totalgesttest.New(totalgesttest.Options{Dedupe: c.Dedupe, NoSearch: c.NoSearch, Seed: c.Seed}); err != nil {
		return nil, err
	}
	if w.shop, err = framework360test.New(framework360test.Options{Statuses: shopStates(), Payments: shopPayments(), Seed: c.Seed}); err != nil {
		w.erp.Close()
		return nil, err
	}
	w.erp.SetProducts(w.products)
	w.erp.Faults(faults[0]...)
	w.shop.Faults(faults[1]...)
	w.shop.OnRequest(func(operation string) {
		if operation == "orders/list" && len(w.shop.Products()) >= c.Products {
			w.first.Do(func() { w.place(c.Orders, nil) })
		}
	})
	return w, nil
}

// world is both systems with what was invented.
type world struct {
	options  *fakesCmd
	name     string // differs from start to start
	started  time.Time
	erp      *totalgesttest.Server
	shop     *framework360test.Server
	first    sync.Once // customers come when there is something to buy and somebody looks
	running  sync.WaitGroup
	closers  []io.Closer
	mu       sync.Mutex // guards what follows
	products []totalgest.Product
	placed   int
}

func (w *world) close() {
	for _, c := range w.closers {
		_ = c.Close()
	}
	w.erp.Close()
	w.shop.Close()
	w.running.Wait()
}

// listenHere listens on an address of this machine and on no other: the systems
// are open to whoever reaches them.
func listenHere(addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, errors.New("must be an address with a port, such as 127.0.0.1:8361")
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, errors.New("must be an address of this machine alone, such as 127.0.0.1:8361")
	}
	return net.Listen("tcp", addr)
}

// forward makes a system reachable under an address that was asked for, byte by
// byte, so that cut connections stay cut. It returns the system's URL.
func (w *world) forward(addr, target string) (string, error) {
	if _, port, _ := net.SplitHostPort(addr); port == "0" {
		return target, nil
	}
	l, err := listenHere(addr)
	if err != nil {
		return "", err
	}
	w.closers = append(w.closers, l)
	w.running.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", strings.TrimPrefix(target, "http://"))
			if err != nil {
				_ = in.Close()
				continue
			}
			pipe := func(to, from net.Conn) { _, _ = io.Copy(to, from); _ = to.Close(); _ = from.Close() }
			go pipe(in, out)
			go pipe(out, in)
		}
	})
	return "http://" + l.Addr().String(), nil
}

// settingsMark begins every file that fakes has written.
const settingsMark = "# Written by connector fakes"

var settingsTemplate = template.Must(template.New("").Parse(settingsMark + `: both systems are invented and end with it.
database = {{printf "%q" .Database}}
sweep_every = "1s"

[shop.demo]
origin = "demo{{.Name}}"
interval = "10s"
order_interval = "2s"
rate = -1
prices = "gross"
brake_price = -1    # any price may be tried here
rows = "unit"
settle = "1m"
webhook_token = "{{.Token}}"
skip_labels = ["campione"]

[shop.demo.totalgest]
shop_id = "{{.TotalGest.ShopID}}"
owner_id = "{{.TotalGest.OwnerID}}"
endpoint = "{{.TotalGestURL}}"
username = "{{.TotalGest.Username}}"
password = "{{.TotalGest.Password}}"
{{with .Profile}}profile = '''{{.}}'''
{{end}}
[shop.demo.framework360]
site = "{{.ShopURL}}"
api_key = "{{.APIKey}}"

[shop.demo.states]
"in attesa di pagamento" = "wait"
"pagato" = "paid"
"in preparazione" = "completed"
"spedito" = "completed"
"annullato" = "cancelled"

[shop.demo.payment_states]
"paid" = "paid"
"unpaid" = "wait"

[shop.demo.methods]
"contrassegno" = "always"
`))

// settings is the settings file that fits.
func (w *world) settings(database, tg, fw string) ([]byte, error) {
	c := w.erp.Config()
	var b bytes.Buffer
	err := settingsTemplate.Execute(&b, map[string]any{"Database": database, "Name": w.name, "Token": rand.Text(), "TotalGest": c,
		"TotalGestURL": tg, "Profile": string(c.Profile), "ShopURL": fw, "APIKey": framework360test.APIKey})
	return b.Bytes(), err
}

// writeSettings writes the file, and over one only that is its own.
func writeSettings(path string, data []byte) error {
	if have, err := os.ReadFile(path); err == nil && !bytes.HasPrefix(have, []byte(settingsMark)) {
		return usage("--write: %s is there and was not written by connector fakes: name another file", path)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return fmt.Errorf("--write: %w", err)
	}
	return os.Chmod(path, 0o600)
}
