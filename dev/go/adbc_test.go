// The ADBC driver: what Python's is made of, too, and R's.

package clients

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/apache/arrow-adbc/go/adbc"
	"github.com/apache/arrow-adbc/go/adbc/driver/flightsql"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

func (s server) adbcOptions(node int) map[string]string {
	options := map[string]string{
		adbc.OptionKeyURI: s.uris[node],
		flightsql.OptionRPCCallHeaderPrefix + modeHeader:      "distributed",
		flightsql.OptionRPCCallHeaderPrefix + endpointsHeader: "all",
		flightsql.OptionRPCCallHeaderPrefix + timeoutHeader:   timeout,
	}
	if s.authority != "" {
		options[flightsql.OptionSSLRootCerts] = s.authority
	}
	if s.hasUsers() {
		options[adbc.OptionKeyUsername] = s.user
		options[adbc.OptionKeyPassword] = s.password
	}
	return options
}

func openAdbc(t *testing.T, options map[string]string) (adbc.Connection, error) {
	t.Helper()
	database, err := flightsql.NewDriver(memory.DefaultAllocator).NewDatabase(options)
	must(t, err)
	t.Cleanup(func() { database.Close() })
	connection, err := database.Open(context.Background())
	if err == nil {
		t.Cleanup(func() { connection.Close() })
	}
	return connection, err
}

func adbcConnection(t *testing.T, node int) adbc.Connection {
	t.Helper()
	connection, err := openAdbc(t, theServer(t).adbcOptions(node))
	must(t, err)
	return connection
}

func adbcStatement(t *testing.T, connection adbc.Connection, sql string) adbc.Statement {
	t.Helper()
	statement, err := connection.NewStatement()
	must(t, err)
	t.Cleanup(func() { statement.Close() })
	must(t, statement.SetSqlQuery(sql))
	return statement
}

func readAll(reader array.RecordReader) (total, error) {
	defer reader.Release()
	var sum total
	for reader.Next() {
		sum.addBatch(reader.RecordBatch())
	}
	return sum, reader.Err()
}

func adbcRead(connection adbc.Connection, sql string) (total, error) {
	statement, err := connection.NewStatement()
	if err != nil {
		return total{}, err
	}
	defer statement.Close()
	if err := statement.SetSqlQuery(sql); err != nil {
		return total{}, err
	}
	reader, _, err := statement.ExecuteQuery(context.Background())
	if err != nil {
		return total{}, err
	}
	return readAll(reader)
}

func adbcCode(err error) adbc.Status {
	var found adbc.Error
	if errors.As(err, &found) {
		return found.Code
	}
	return adbc.StatusOK
}

func TestAdbcReadsEveryValueFromEveryNode(t *testing.T) {
	for node := range theServer(t).uris {
		found, err := adbcRead(adbcConnection(t, node), scan)
		must(t, err)
		same(t, name(node), found, truth(t))
	}
}

func TestAdbcHasAPartitionOfEveryNode(t *testing.T) {
	server := theServer(t)
	connection := adbcConnection(t, 0)
	_, partitions, _, err := adbcStatement(t, connection, scan).ExecutePartitions(context.Background())
	must(t, err)
	same(t, "partitions", int(partitions.NumPartitions), len(server.uris))
	var whole total
	for _, id := range partitions.PartitionIDs {
		reader, err := connection.ReadPartition(context.Background(), id)
		must(t, err)
		share, err := readAll(reader)
		must(t, err)
		whole.rows += share.rows
		whole.checksum += share.checksum
	}
	same(t, "the whole", whole, truth(t))
}

func TestAdbcBindsValues(t *testing.T) {
	statement := adbcStatement(t, adbcConnection(t, 0), "SELECT n_name FROM nation WHERE n_nationkey = ? AND n_name LIKE ?")
	must(t, statement.Prepare(context.Background()))
	for key, wanted := range map[int64]string{6: "FRANCE", 22: "RUSSIA"} {
		must(t, statement.Bind(context.Background(), keyAndPattern(key, wanted[:2]+"%")))
		reader, _, err := statement.ExecuteQuery(context.Background())
		must(t, err)
		found, err := readAll(reader)
		must(t, err)
		var right total
		right.add(wanted)
		same(t, wanted, found, right)
	}
}

func keyAndPattern(key int64, pattern string) arrow.RecordBatch {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "1", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "2", Type: arrow.BinaryTypes.String, Nullable: true},
	}, nil)
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	builder.Field(0).(*array.Int64Builder).Append(key)
	builder.Field(1).(*array.StringBuilder).Append(pattern)
	return builder.NewRecordBatch()
}

func TestAdbcFindsTablesAndTheirColumns(t *testing.T) {
	table := "nation"
	reader, err := adbcConnection(t, 0).GetObjects(
		context.Background(), adbc.ObjectDepthAll, nil, nil, &table, nil, nil)
	must(t, err)
	defer reader.Release()
	var text strings.Builder
	for reader.Next() {
		text.WriteString(reader.RecordBatch().Column(1).String())
	}
	must(t, reader.Err())
	for _, wanted := range []string{`"public"`, `"nation"`, `"n_nationkey"`, `"n_name"`, `"n_regionkey"`, `"n_comment"`} {
		if !strings.Contains(text.String(), wanted) {
			t.Fatalf("no %s in %s", wanted, text.String())
		}
	}
}

func TestAdbcTellsATablesSchema(t *testing.T) {
	schema, err := adbcConnection(t, 0).GetTableSchema(context.Background(), nil, nil, "nation")
	must(t, err)
	same(t, "columns", schema.NumFields(), 4)
	same(t, "the first", schema.Field(0).Name, "n_nationkey")
}

func TestAdbcEndsAQueryWithItsContext(t *testing.T) {
	statement := adbcStatement(t, adbcConnection(t, 0), long)
	err := ended(t, func(ctx context.Context, started func()) error {
		reader, _, err := statement.ExecuteQuery(ctx)
		if err != nil {
			return err
		}
		defer reader.Release()
		for reader.Next() {
			started()
		}
		return reader.Err()
	})
	told(t, err, "ancel")
}

func TestAdbcErrorsHaveTheirKind(t *testing.T) {
	for sql, wanted := range map[string]adbc.Status{
		"SELEC 1":               adbc.StatusInvalidArgument,
		"SELECT * FROM nowhere": adbc.StatusNotFound,
		"SELECT 1 / (n_nationkey - 3) FROM nation": adbc.StatusInvalidArgument,
		"DROP VIEW nowhere":                        adbc.StatusNotFound,
	} {
		_, err := adbcRead(adbcConnection(t, 0), sql)
		told(t, err)
		same(t, sql+": "+err.Error(), adbcCode(err), wanted)
	}
}

func TestAdbcSetsForItsConnection(t *testing.T) {
	server := theServer(t)
	options := server.adbcOptions(0)
	delete(options, flightsql.OptionRPCCallHeaderPrefix+endpointsHeader)
	options[flightsql.OptionCookieMiddleware] = adbc.OptionValueEnabled
	connection, err := openAdbc(t, options)
	must(t, err)
	statement := adbcStatement(t, connection, "SET squadron.endpoints = 'one'")
	_, err = statement.ExecuteUpdate(context.Background())
	must(t, err)
	_, partitions, _, err := adbcStatement(t, connection, scan).ExecutePartitions(context.Background())
	must(t, err)
	same(t, "partitions", int(partitions.NumPartitions), 1)
}

func TestAdbcLetsInWhoMayCome(t *testing.T) {
	server := theServer(t)
	options := server.adbcOptions(0)
	if !server.hasUsers() {
		options[adbc.OptionKeyUsername], options[adbc.OptionKeyPassword] = "anybody", "x"
		connection, err := openAdbc(t, options)
		must(t, err)
		_, err = adbcRead(connection, "SELECT 1")
		must(t, err)
		return
	}
	options[adbc.OptionKeyPassword] = "wrong"
	_, err := openAdbc(t, options)
	told(t, err, "user or password is wrong")
	same(t, "code", adbcCode(err), adbc.StatusUnauthenticated)

	delete(options, adbc.OptionKeyUsername)
	delete(options, adbc.OptionKeyPassword)
	connection, err := openAdbc(t, options)
	if err == nil {
		_, err = adbcRead(connection, "SELECT 1")
	}
	told(t, err, "connect with user and password")

	options[flightsql.OptionAuthorizationHeader] = "Bearer " + server.token
	connection, err = openAdbc(t, options)
	must(t, err)
	found, err := adbcRead(connection, scan)
	must(t, err)
	same(t, "by token", found, truth(t))
}
