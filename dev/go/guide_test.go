// What the guide of Go shows (dev/guides/go.md), as it stands there.

package clients

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/apache/arrow-adbc/go/adbc"
	"github.com/apache/arrow-adbc/go/adbc/driver/flightsql"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// guide opens a connection for what it is given to do.
func guide(ctx context.Context, options map[string]string, work func(adbc.Connection) error) error {
	database, err := flightsql.NewDriver(memory.DefaultAllocator).NewDatabase(options)
	if err != nil {
		return err
	}
	defer database.Close()
	connection, err := database.Open(ctx)
	if err != nil {
		return err
	}
	defer connection.Close()
	return work(connection)
}

// guideRead reads all endpoints at once, and gives their batches in the order of the endpoints.
func guideRead(ctx context.Context, connection adbc.Connection, sql string, each func(arrow.RecordBatch)) error {
	statement, err := connection.NewStatement()
	if err != nil {
		return err
	}
	defer statement.Close()
	if err := statement.SetSqlQuery(sql); err != nil {
		return err
	}
	reader, _, err := statement.ExecuteQuery(ctx)
	if err != nil {
		return err
	}
	defer reader.Release()
	for reader.Next() {
		each(reader.RecordBatch())
	}
	return reader.Err()
}

// guideWrite gives how many rows the statement has changed.
func guideWrite(ctx context.Context, connection adbc.Connection, sql string) (int64, error) {
	statement, err := connection.NewStatement()
	if err != nil {
		return 0, err
	}
	defer statement.Close()
	if err := statement.SetSqlQuery(sql); err != nil {
		return 0, err
	}
	return statement.ExecuteUpdate(ctx)
}

func TestTheGuideReadsEveryValue(t *testing.T) {
	for node := range theServer(t).uris {
		var whole total
		must(t, guide(context.Background(), theServer(t).adbcOptions(node), func(connection adbc.Connection) error {
			return guideRead(context.Background(), connection, scan, whole.addBatch)
		}))
		same(t, name(node), whole, truth(t))
	}
}

func TestTheGuideWrites(t *testing.T) {
	table := fmt.Sprintf("guide_go_%d", time.Now().UnixNano())
	must(t, guide(context.Background(), theServer(t).adbcOptions(0), func(connection adbc.Connection) error {
		steps := []struct {
			sql  string
			rows int64
		}{
			{"CREATE TABLE " + table + " (k BIGINT NOT NULL, name VARCHAR)", 0},
			{"INSERT INTO " + table + " SELECT n_nationkey, n_name FROM nation", 25},
			{"UPDATE " + table + " SET name = 'x' WHERE k < 5", 5},
			{"DROP TABLE " + table, 0},
		}
		for _, step := range steps {
			changed, err := guideWrite(context.Background(), connection, step.sql)
			must(t, err)
			same(t, step.sql, changed, step.rows)
		}
		return nil
	}))
}
