// Package clients holds a Squadron server against Go's stock clients: what the server is, and what it must answer.
//
// Tests say one thing each, of any kind of server: with TLS or without, with users or without, of one node or more.
package clients

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

const (
	// Rows that each client reads, with their text as in the file of the right answer.
	scan = "SELECT * FROM lineitem"
	// Takes minutes, and gives rows all the time.
	long = `SELECT a.l_orderkey, b.l_orderkey, a.l_comment FROM lineitem a CROSS JOIN lineitem b
		WHERE (a.l_orderkey * 31 + b.l_orderkey * 17) % 20 = 0`
	// Soon enough for whatever is not to last.
	soon = 20 * time.Second
)

// Headers that have each node hand out its share, and that end what a client has left behind before it could read.
const (
	modeHeader      = "squadron-execution-mode"
	endpointsHeader = "squadron-endpoints"
	timeoutHeader   = "squadron-query-timeout"
	timeout         = "60s"
)

// server is what a client is told to connect.
type server struct {
	uris      []string
	authority string
	user      string
	password  string
	token     string
}

func theServer(t *testing.T) server {
	t.Helper()
	uris := os.Getenv("SQUADRON_URIS")
	if uris == "" {
		t.Fatal("SQUADRON_URIS names no server: `cargo dev clients` starts one, and runs these tests")
	}
	found := server{
		uris:     strings.Split(uris, ","),
		user:     os.Getenv("SQUADRON_USER"),
		password: os.Getenv("SQUADRON_PASSWORD"),
		token:    os.Getenv("SQUADRON_TOKEN"),
	}
	if file := os.Getenv("SQUADRON_AUTHORITY"); file != "" {
		pem, err := os.ReadFile(file)
		must(t, err)
		found.authority = string(pem)
	}
	return found
}

func (s server) hasUsers() bool { return s.user != "" }

// tls is nil where there is none.
func (s server) tls(t *testing.T) *tls.Config {
	t.Helper()
	if s.authority == "" {
		return nil
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(s.authority)) {
		t.Fatal("the authority's file has no certificate")
	}
	return &tls.Config{RootCAs: roots}
}

func address(uri string) string {
	_, address, _ := strings.Cut(uri, "://")
	return address
}

// total says what rows there are, in whatever order: how many, and a checksum of their texts.
type total struct {
	rows     int
	checksum uint64
}

func (sum *total) add(row string) {
	hash := fnv.New64a()
	hash.Write([]byte(row))
	sum.rows++
	sum.checksum += hash.Sum64()
}

func (sum *total) addBatch(batch arrow.RecordBatch) {
	texts := make([]string, batch.NumCols())
	for row := range int(batch.NumRows()) {
		for column := range texts {
			texts[column] = text(batch.Column(column), row)
		}
		sum.add(strings.Join(texts, "|"))
	}
}

// text has all digits of a decimal, which ValueStr has not.
func text(column arrow.Array, row int) string {
	if decimals, ok := column.(*array.Decimal128); ok && !decimals.IsNull(row) {
		return decimals.Value(row).ToString(decimals.DataType().(*arrow.Decimal128Type).Scale)
	}
	return column.ValueStr(row)
}

// lines are another engine's answer to scan, a line a row.
func lines(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(os.Getenv("SQUADRON_TRUTH"), "lineitem.txt"))
	must(t, err)
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) < 1000 {
		t.Fatalf("the right answer has %d rows", len(lines))
	}
	return lines
}

func truth(t *testing.T) total {
	t.Helper()
	var sum total
	for _, line := range lines(t) {
		sum.add(line)
	}
	return sum
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same[T comparable](t *testing.T, what string, found, wanted T) {
	t.Helper()
	if found != wanted {
		t.Fatalf("%s is %v, wanted %v", what, found, wanted)
	}
}

// told is an error that has these words.
func told(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Fatalf("no '%s' in: %v", word, err)
		}
	}
}

// ended runs what must end soon, since its context does: that is cancelled when `started` says that rows come.
func ended(t *testing.T, run func(ctx context.Context, started func()) error) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*soon)
	defer cancel()
	var cancelled time.Time
	err := run(ctx, func() {
		if cancelled.IsZero() {
			cancelled = time.Now()
		}
		cancel()
	})
	if cancelled.IsZero() {
		t.Fatalf("it has not started: %v", err)
	}
	if took := time.Since(cancelled); took > soon {
		t.Fatalf("it ended %v after it was cancelled", took)
	}
	return err
}

func number(t *testing.T, text string) int64 {
	t.Helper()
	value, err := strconv.ParseInt(text, 10, 64)
	must(t, err)
	return value
}

func name(node int) string { return fmt.Sprintf("node %d", node) }
