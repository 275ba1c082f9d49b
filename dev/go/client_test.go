// arrow-go's own client, by which people write theirs.

package clients

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

func openClient(t *testing.T, server server, uri string) *flightsql.Client {
	t.Helper()
	transport := insecure.NewCredentials()
	if config := server.tls(t); config != nil {
		transport = credentials.NewTLS(config)
	}
	client, err := flightsql.NewClient(address(uri), nil, nil, grpc.WithTransportCredentials(transport))
	must(t, err)
	t.Cleanup(func() { client.Close() })
	return client
}

// login is a client of a node, and the context of its calls.
func login(t *testing.T, server server, node int) (*flightsql.Client, context.Context) {
	t.Helper()
	client := openClient(t, server, server.uris[node])
	ctx := metadata.AppendToOutgoingContext(
		context.Background(), modeHeader, "distributed", endpointsHeader, "all", timeoutHeader, timeout)
	if server.hasUsers() {
		var err error
		ctx, err = client.Client.AuthenticateBasicToken(ctx, server.user, server.password)
		must(t, err)
	}
	return client, ctx
}

// readEndpoint reads a share where its first location says that it is: an endpoint without one is here.
func readEndpoint(t *testing.T, ctx context.Context, server server, client *flightsql.Client, endpoint *flight.FlightEndpoint) (total, error) {
	t.Helper()
	if len(endpoint.Location) > 0 {
		client = openClient(t, server, endpoint.Location[0].Uri)
	}
	reader, err := client.DoGet(ctx, endpoint.Ticket)
	if err != nil {
		return total{}, err
	}
	defer reader.Release()
	var sum total
	for reader.Next() {
		sum.addBatch(reader.RecordBatch())
	}
	if err := reader.Err(); err != nil && !errors.Is(err, io.EOF) {
		return total{}, err
	}
	return sum, nil
}

func readInfo(t *testing.T, ctx context.Context, client *flightsql.Client, info *flight.FlightInfo) (total, error) {
	t.Helper()
	var whole total
	for _, endpoint := range info.Endpoint {
		share, err := readEndpoint(t, ctx, theServer(t), client, endpoint)
		if err != nil {
			return total{}, err
		}
		whole.rows += share.rows
		whole.checksum += share.checksum
	}
	return whole, nil
}

func TestClientReadsEveryValueFromEveryNode(t *testing.T) {
	server := theServer(t)
	for node := range server.uris {
		client, ctx := login(t, server, node)
		info, err := client.Execute(ctx, scan)
		must(t, err)
		same(t, "endpoints", len(info.Endpoint), len(server.uris))
		found, err := readInfo(t, ctx, client, info)
		must(t, err)
		same(t, name(node), found, truth(t))
	}
}

func TestClientBindsValues(t *testing.T) {
	client, ctx := login(t, theServer(t), 0)
	statement, err := client.Prepare(ctx, "SELECT n_name FROM nation WHERE n_nationkey = ? AND n_name LIKE ?")
	must(t, err)
	defer statement.Close(ctx)
	same(t, "parameters", statement.ParameterSchema().NumFields(), 2)
	update, known := statement.IsUpdate()
	same(t, "is told what it is", known && !update, true)
	for key, wanted := range map[int64]string{6: "FRANCE", 22: "RUSSIA"} {
		statement.SetParameters(keyAndPattern(key, wanted[:2]+"%"))
		info, err := statement.Execute(ctx)
		must(t, err)
		found, err := readInfo(t, ctx, client, info)
		must(t, err)
		var right total
		right.add(wanted)
		same(t, wanted, found, right)
	}
}

func TestClientFindsTables(t *testing.T) {
	client, ctx := login(t, theServer(t), 0)
	pattern := "nat%"
	info, err := client.GetTables(ctx, &flightsql.GetTablesOpts{TableNameFilterPattern: &pattern, IncludeSchema: true})
	must(t, err)
	reader, err := client.DoGet(ctx, info.Endpoint[0].Ticket)
	must(t, err)
	defer reader.Release()
	var names []string
	for reader.Next() {
		batch := reader.RecordBatch()
		for row := range int(batch.NumRows()) {
			names = append(names, batch.Column(2).ValueStr(row))
		}
	}
	same(t, "tables", strings.Join(names, ","), "nation")
}

func TestClientUpdates(t *testing.T) {
	client, ctx := login(t, theServer(t), 0)
	_, err := client.ExecuteUpdate(ctx, "CREATE OR REPLACE VIEW of_go AS SELECT n_name FROM nation")
	must(t, err)
	info, err := client.Execute(ctx, "SELECT * FROM of_go")
	must(t, err)
	found, err := readInfo(t, ctx, client, info)
	must(t, err)
	same(t, "rows", found.rows, 25)
	_, err = client.ExecuteUpdate(ctx, "DROP VIEW of_go")
	must(t, err)
}

func TestClientEndsAQueryWithItsContext(t *testing.T) {
	client, login := login(t, theServer(t), 0)
	headers, _ := metadata.FromOutgoingContext(login)
	err := ended(t, func(ctx context.Context, started func()) error {
		ctx = metadata.NewOutgoingContext(ctx, headers)
		info, err := client.Execute(ctx, long)
		if err != nil {
			return err
		}
		reader, err := client.DoGet(ctx, info.Endpoint[0].Ticket)
		if err != nil {
			return err
		}
		defer reader.Release()
		for reader.Next() {
			started()
		}
		return reader.Err()
	})
	same(t, err.Error(), status.Code(err), codes.Canceled)
}

func TestClientCancelsByCancelFlightInfo(t *testing.T) {
	client, ctx := login(t, theServer(t), 0)
	info, err := client.Execute(ctx, long)
	must(t, err)
	answer, err := client.CancelFlightInfo(ctx, &flight.CancelFlightInfoRequest{Info: info})
	must(t, err)
	same(t, "answer", answer.Status, flight.CancelStatusCancelled)
	_, err = readInfo(t, ctx, client, info)
	told(t, err)
	same(t, err.Error(), status.Code(err), codes.Canceled)
}

func TestClientErrorsHaveTheirCodes(t *testing.T) {
	client, ctx := login(t, theServer(t), 0)
	for sql, wanted := range map[string]codes.Code{
		"SELEC 1":               codes.InvalidArgument,
		"SELECT * FROM nowhere": codes.NotFound,
	} {
		_, err := client.Execute(ctx, sql)
		same(t, sql, status.Code(err), wanted)
	}
}

func TestClientIsLetInWhereItMayCome(t *testing.T) {
	server := theServer(t)
	client := openClient(t, server, server.uris[0])
	_, err := client.Execute(context.Background(), "SELECT 1")
	if !server.hasUsers() {
		must(t, err)
		return
	}
	same(t, "nobody", status.Code(err), codes.Unauthenticated)
	_, err = client.Client.AuthenticateBasicToken(context.Background(), server.user, "wrong")
	same(t, "a wrong password", status.Code(err), codes.Unauthenticated)
	ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+server.token)
	_, err = client.Execute(ctx, "SELECT 1")
	must(t, err)
}
