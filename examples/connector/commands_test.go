package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

func TestTextsInEveryLanguage(t *testing.T) {
	t.Parallel()
	verbs := regexp.MustCompile(`%[a-z]`)
	for _, lang := range syncer.Languages() {
		for key, text := range texts["en"] {
			have := texts[lang][key]
			if have == "" {
				t.Errorf("%s lacks %s", lang, key)
			}
			if !slices.Equal(verbs.FindAllString(have, -1), verbs.FindAllString(text, -1)) {
				t.Errorf("%s: %s has other values: %q", lang, key, have)
			}
		}
		if len(texts[lang]) != len(texts["en"]) {
			t.Errorf("%s has %d texts, English %d", lang, len(texts[lang]), len(texts["en"]))
		}
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	code, out, stderr := runIn(t, nil, "-help")
	if code != exitDone || stderr != "" || !strings.HasPrefix(out, "Usage: connector <command>") {
		t.Errorf("exit %d\n%s%s", code, out, stderr)
	}
	for _, command := range []string{"verify", "sync", "export", "status", "retry", "decide", "serve", "fakes", "probe", "plan", "apply", "audit", "release", "backup", "restore", "version"} {
		if !strings.Contains(out, "\n  "+command+" ") {
			t.Errorf("the help lacks %s", command)
		}
		code, page, stderr := runIn(t, nil, command, "--help")
		if code != exitDone || stderr != "" || !strings.HasPrefix(page, "Usage: connector "+command) || strings.Contains(page, "${") {
			t.Errorf("%s: exit %d\n%s%s", command, code, page, stderr)
		}
	}
}

func TestWrongUse(t *testing.T) {
	t.Parallel()
	r := newRig(t, tune{})
	for _, args := range [][]string{{"sevre"}, {"status", "--colour"}, {"status", "invoices"}, {"status", "-state", "lost"}, {"export"}, {"export", "-shop", "roma", "1"},
		{"sync", "roma"}, {"retry"}, {"retry", "1", "-state", "blocked"}, {"decide", "1"}, {"decide", "1", "-arrived", "x", "-not-arrived"}, {"verify", "-confirm"},
		{"fakes", "-products", "0"}, {"fakes", "-fault", "lightning"}, {"fakes", "-admin", "0.0.0.0:0"}, {"restore", "/nowhere"}} {
		code, _, stderr := r.run(args...)
		if code != exitUsage || !strings.HasPrefix(stderr, "connector: ") {
			t.Errorf("%v: exit %d\n%s", args, code, stderr)
		}
	}
	if code, out, _ := runIn(t, nil); code != exitUsage || !strings.HasPrefix(out, "Usage:") {
		t.Errorf("without arguments: exit %d\n%s", code, out)
	}
	code, _, stderr := runIn(t, []string{"HOME=" + t.TempDir()}, "status")
	if code != exitUsage || !strings.Contains(stderr, "there is no shop") {
		t.Errorf("without settings: exit %d\n%s", code, stderr)
	}
	r.change("rate = -1", "raet = -1")
	for _, command := range []string{"verify", "sync", "status", "serve", "backup"} {
		args := []string{command}
		if command == "backup" {
			args = append(args, "x")
		}
		if code, _, stderr := r.run(args...); code != exitUsage || !strings.Contains(stderr, "tg360.toml:8: shop.milano.raet: is no setting; did you mean rate?") {
			t.Errorf("%s with a wrong key: exit %d\n%s", command, code, stderr)
		}
	}
}

// TestStopAnywhere has a signal come while a command waits for an answer.
func TestStopAnywhere(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"sync"}, {"export", "501"}, {"verify"}} {
		r := newRig(t, tune{})
		r.must(exitDone, "sync")
		r.order("501", nil)
		ctx, stop := context.WithCancel(t.Context())
		r.shop.OnRequest(func(string) { stop() })
		var out, errs bytes.Buffer
		code := run(ctx, append([]string{"-settings", r.file}, args...), r.env, &out, &errs)
		if code != exitFailed || errs.String() != "connector: stopped\n" {
			t.Errorf("%v: exit %d\n%s%s", args, code, &out, &errs)
		}
		stop()
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	code, out, _ := runIn(t, nil, "version")
	if code != exitDone || !regexp.MustCompile(`^connector \S+.* go1\S* \w+/\w+\n$`).MatchString(out) {
		t.Errorf("exit %d: %s", code, out)
	}
}

func TestDatabasesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(strings.Repeat("no database. ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, database := range []string{file, filepath.Join(file, "x.db"), "postgres://user:hidden-pw@127.0.0.1:1/none?connect_timeout=2"} {
		r := newRig(t, tune{database: database})
		for _, command := range []string{"serve", "status"} {
			code, _, stderr := r.run(command)
			if code != exitFailed || !strings.Contains(stderr, "connector: ") || strings.Contains(stderr, "hidden-pw") {
				t.Errorf("%s on %s: exit %d\n%s", command, database, code, stderr)
			}
		}
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	r := newRig(t, tune{replace: []string{"origin = \"milano1\"\n", "", "[shop.milano]\n", "[shop.milano]\nlang = \"de\"\n"}})
	r.env = append(r.env, "TG360_LANG=it")
	out := r.must(exitDone, "verify")
	for _, w := range []string{"Negozio milano", "utente e password", "account.get", "lettura aliquote", "funziona"} {
		if !strings.Contains(out, w) {
			t.Errorf("lacks %q:\n%s", w, out)
		}
	}
	line := regexp.MustCompile(`origin = "milano\.[a-z0-9]{6}"`).FindString(out)
	if line == "" || !strings.Contains(r.must(exitDone, "verify"), line) {
		t.Fatalf("no origin is proposed, or not the same again:\n%s", out)
	}
	r.must(exitUsage, "sync") // not without an origin
	r.change("[shop.milano]\n", "[shop.milano]\n"+line+"\n")
	first := decode[[]verified](r, exitDone, "verify")
	if first[0].GoLive.IsZero() || time.Since(first[0].GoLive) > time.Minute || first[0].Proposed != "" {
		t.Errorf("%+v", first[0])
	}
	if again := decode[[]verified](r, exitDone, "verify", "milano"); !again[0].GoLive.Equal(first[0].GoLive) {
		t.Errorf("the go-live was %s and is %s", first[0].GoLive, again[0].GoLive)
	}
	r.change(`password = "`+totalgesttest.Password, `password = "wrong`)
	r.change("prices = \"gross\"\n", "")
	r.env = append(r.env, "TG360_LANG=de")
	out = r.must(exitFailed, "verify")
	for _, w := range []string{"FEHLER", "user name or password is wrong", "tg360.toml:5: shop.milano.prices", "Benutzer und Passwort"} {
		if !strings.Contains(out, w) {
			t.Errorf("lacks %q:\n%s", w, out)
		}
	}
	if strings.Count(out, "FEHLER") != 2 {
		t.Errorf("more or less than two failures:\n%s", out)
	}
}

// TestLostStore is about a database that is new although the go-live has passed.
func TestLostStore(t *testing.T) {
	t.Parallel()
	r := newRig(t, tune{replace: []string{"[shop.milano]\n", "[shop.milano]\ngo_live = \"2026-01-01\"\nsettle = \"1s\"\nlease = \"10s\"\nwrite_within = \"1s\"\n"}})
	r.order("501", nil)
	out := r.must(exitFailed, "verify")
	if !strings.Contains(out, "confirm the origin") {
		t.Errorf("verify says nothing of the origin:\n%s", out)
	}
	r.must(exitFailed, "sync")
	if n := len(r.erp.Orders()); n != 0 {
		t.Fatalf("%d orders were exported", n)
	}
	r.must(exitFailed, "verify", "-confirm", "milano2")
	r.must(exitDone, "verify", "-confirm", "milano1")
	before := r.erp.Requests()["orders.find"]
	r.decided("501") // nothing proves yet that a search finds what is there
	if n := r.erp.Requests()["orders.find"]; n == before || len(r.erp.Orders()) != 1 {
		t.Errorf("%d questions, TotalGest has %v", n, r.received())
	}
}

// decided has a person say that an order has not arrived, whenever somebody must,
// until it is in TotalGest. On a slow machine the store is at rest for longer than
// settle, and then it is asked again.
func (r *rig) decided(id string) {
	r.t.Helper()
	eventually(r.t, "a person has decided", func() bool {
		r.run("sync", "orders")
		if len(r.received()) == 0 {
			r.run("decide", id, "-not-arrived")
		}
		return len(decode[report](r, exitDone, "status", "orders", "-state", "synced", "-id", id).Items) == 1
	})
}

// synced runs sync until so many orders are in TotalGest for certain.
func (r *rig) synced(orders int) {
	r.t.Helper()
	eventually(r.t, "the orders are synced", func() bool {
		r.run("sync", "orders")
		return len(decode[report](r, exitDone, "status", "orders", "-state", "synced").Items) == orders
	})
}

func TestSyncAndStatus(t *testing.T) {
	t.Parallel()
	r := newRig(t, tune{})
	out := decode[syncResult](r, exitDone, "sync", "products")
	if len(out.Cycles) != 1 || out.Cycles[0].Run.Created != 3 || len(r.shop.Products()) != 3 {
		t.Fatalf("%+v", out)
	}
	r.order("501", nil)
	r.order("502", cent)
	r.order("503", func(o *framework360.Order) { dress(o, &wish{State: "Annullato", Payment: "unpaid"}) })
	out = decode[syncResult](r, exitFailed, "sync")
	if out.Worked != 3 || len(out.Items) != 1 || out.Items[0].ID != "502" || out.Items[0].Code != "TG-ORD-007" || out.Cycles[0].Run.Writes != 0 {
		t.Errorf("%+v", out)
	}
	if got := r.received(); !slices.Equal(got, []string{"milano1-501"}) {
		t.Errorf("TotalGest has %v", got)
	}
	all := decode[report](r, exitDone, "status")
	if len(all.Counts) != 4 || len(all.Items) != 0 || all.Counts[0].Kind != syncer.KindProduct || all.Counts[0].Count != 3 {
		t.Errorf("%+v", all)
	}
	orders := decode[report](r, exitDone, "status", "orders")
	if len(orders.Items) != 3 || orders.Items[0].PeerID != "TG-1001" || orders.Items[1].State != syncer.Blocked || orders.Items[2].State != syncer.Skipped {
		t.Errorf("%+v", orders)
	}
	for _, args := range [][]string{{"-state", "blocked"}, {"-state", syncer.Blocked.Label("fr")}, {"orders", "-id", "502"}, {"-text", "W-502"}} {
		if got := decode[report](r, exitDone, append([]string{"status"}, args...)...); len(got.Items) != 1 || got.Items[0].ID != "502" {
			t.Errorf("%v: %+v", args, got)
		}
	}
	if got := decode[report](r, exitDone, "status", "orders", "-limit", "2"); len(got.Items) != 2 {
		t.Errorf("%+v", got)
	}
	for lang, words := range map[string][]string{"it": {"STATO", "PRODOTTI", "Sincronizzato", "Ultimo ciclo dei prodotti", "completo"}, "nl": {"STATUS", "PRODUCTEN", syncer.Blocked.Label("nl"), "volledig"}} {
		r.env = []string{"TG360_LANG=" + lang}
		text := r.must(exitDone, "status")
		for _, w := range words {
			if !strings.Contains(text, w) {
				t.Errorf("%s lacks %q:\n%s", lang, w, text)
			}
		}
	}
	r.env = []string{"TG360_LANG=es"}
	text := r.must(exitDone, "status", "orders", "-limit", "2")
	if !strings.Contains(text, "TG-1001") || !strings.Contains(text, "TG-ORD-007") || !strings.Contains(text, "… y 1 más") {
		t.Errorf("the table:\n%s", text)
	}
	if text = r.must(exitDone, "status", "-id", "999"); !strings.Contains(text, "No se encontró nada.") {
		t.Errorf("nothing:\n%s", text)
	}
}

func TestExport(t *testing.T) {
	t.Parallel()
	r := newRig(t, tune{})
	r.must(exitDone, "sync", "milano", "products")
	r.order("501", nil)
	r.order("502", cent)
	r.order("503", func(o *framework360.Order) { dress(o, &wish{State: "In attesa di pagamento", Payment: "unpaid"}) })
	r.env = []string{"TG360_LANG=it"}
	r.must(exitDone, "export", "501")
	out := r.must(exitFailed, "export", "501", "502", "503", "999")
	for _, w := range []string{"esportati 1, già presenti 1, non riusciti 2", "già presente", "TG-1002", "L'ordine 502 non è in TotalGest (" + syncer.Blocked.Label("it") + ")",
		"TG-ORD-007", "- rows.0", "L'ordine 999 non è in TotalGest\n", "TG-ORD-011"} {
		if !strings.Contains(out, w) {
			t.Errorf("lacks %q:\n%s", w, out)
		}
	}
	r.env = []string{"TG360_LANG=en"}
	if out = r.must(exitDone, "export", "-shop", "milano", "501"); !strings.Contains(out, "exported 0, already there 1, failed 0") {
		t.Errorf("in English:\n%s", out)
	}
	got := decode[exportResult](r, exitFailed, "export", "503", "502")
	if got.Already != 1 || got.Failed != 1 || got.Orders[0].Result != "already" || got.Orders[0].PeerID != "TG-1002" || got.Orders[1].Code != "TG-ORD-007" ||
		got.Orders[1].State != syncer.Blocked || len(got.Orders[1].Problems) == 0 {
		t.Errorf("%+v", got)
	}
	if r.erp.Duplicates() != 0 || len(r.erp.Orders()) != 2 {
		t.Errorf("TotalGest has %v", r.received())
	}
}

func TestRetry(t *testing.T) {
	t.Parallel()
	r := newRig(t, tune{})
	r.must(exitDone, "sync", "products")
	r.order("501", cent)
	r.must(exitFailed, "sync")
	r.order("501", nil)
	if out := r.must(exitDone, "retry", "orders", "501"); !strings.Contains(out, "1") {
		t.Errorf("%s", out)
	}
	r.must(exitDone, "sync", "orders")
	r.must(exitFailed, "retry", "501") // it is exported
	r.must(exitDone, "retry", "-state=synced", "products")
	if got := r.received(); !slices.Equal(got, []string{"milano1-501"}) {
		t.Errorf("TotalGest has %v", got)
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	for _, arrived := range []bool{true, false} {
		r := newRig(t, tune{erp: totalgesttest.Options{NoSearch: true}, replace: []string{"retry_first", "settle = \"4s\"\nlease = \"10s\"\nwrite_within = \"1s\"\nretry_first"}})
		// Neither searched nor listed: only a person can tell.
		r.change("profile = '''", "profile = '''{\"operations\": {\"orders.list\": null}, \"abilities\": {\"search\": false}}''' #")
		r.must(exitDone, "sync", "products")
		kind := totalgesttest.DropAfter
		if !arrived {
			kind = totalgesttest.DropBefore
		}
		r.erp.Faults(totalgesttest.Fault{Kind: kind, Operation: "orders.create", Times: 1})
		r.order("501", nil)
		r.must(exitFailed, "sync", "orders")
		if arrived {
			eventually(t, "a person may decide", func() bool { code, _, _ := r.run("decide", "501", "-arrived", "TG-1001"); return code == exitDone })
			got := decode[report](r, exitDone, "status", "orders")
			if got.Items[0].State != syncer.Synced || got.Items[0].PeerID != "TG-1001" || len(r.erp.Orders()) != 1 {
				t.Errorf("%+v", got)
			}
			continue
		}
		r.decided("501")
		if len(r.erp.Orders()) != 1 {
			t.Errorf("TotalGest has %v", r.received())
		}
		r.must(exitFailed, "decide", "501", "-not-arrived")
		r.must(exitFailed, "decide", "999", "-arrived", "x")
	}
}

func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	r := newRig(t, tune{})
	r.must(exitDone, "sync", "products")
	r.order("501", nil)
	r.synced(1)
	file := filepath.Join(t.TempDir(), "backup")
	r.env = []string{"TG360_LANG=fr"}
	if out := r.must(exitDone, "backup", file); !strings.Contains(out, "Sauvegarde écrite : "+file) {
		t.Errorf("%s", out)
	}
	r.must(exitUsage, "backup", file)
	r.order("502", nil)
	r.synced(2)
	if err := os.Remove(r.database); err != nil {
		t.Fatal(err)
	}
	for _, rest := range []string{"-wal", "-shm"} {
		_ = os.Remove(r.database + rest)
	}
	if out := r.must(exitDone, "restore", file); !strings.Contains(out, "TotalGest est interrogé") {
		t.Errorf("%s", out)
	}
	r.synced(2)
	got := decode[report](r, exitDone, "status", "orders")
	if len(got.Items) != 2 || got.Items[1].PeerID != "TG-1002" || len(r.erp.Orders()) != 2 {
		t.Errorf("%+v, TotalGest has %v", got, r.received())
	}
	s := r.serve()
	if _, out, stderr := r.run("restore", file); !strings.Contains(stderr, "a serve runs") {
		t.Errorf("beside a serve: %s%s", out, stderr)
	}
	r.must(exitDone, "backup", file+"2")
	if code := s.stop(); code != exitDone {
		t.Errorf("exit %d:\n%s", code, s.log)
	}
	if err := os.WriteFile(file, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.must(exitFailed, "restore", file)
	if got := decode[report](r, exitDone, "status", "orders"); len(got.Items) != 2 {
		t.Errorf("after a restore that failed: %+v", got)
	}
}
