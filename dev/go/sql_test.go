// database/sql over both drivers that there are: ADBC's, and arrow-go's own, which usql has.

package clients

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/apache/arrow-adbc/go/adbc/driver/flightsql"
	"github.com/apache/arrow-adbc/go/adbc/sqldriver"
	arrowsql "github.com/apache/arrow-go/v18/arrow/flight/flightsql/driver"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// overAdbc makes its pool's connections with these options.
func overAdbc(t *testing.T, options map[string]string) *sql.DB {
	t.Helper()
	var source []string
	for key, value := range options {
		source = append(source, key+"="+value)
	}
	wrapped := sqldriver.Driver{Driver: flightsql.NewDriver(memory.DefaultAllocator)}
	connector, err := wrapped.OpenConnector(strings.Join(source, ";"))
	must(t, err)
	return pool(t, connector)
}

func pool(t *testing.T, connector driver.Connector) *sql.DB {
	t.Helper()
	database := sql.OpenDB(connector)
	t.Cleanup(func() { database.Close() })
	return database
}

// overArrow connects to a node as this user: Basic with every call, and all endpoints of this one connection.
func overArrow(t *testing.T, server server, node int, user, password, token string) *sql.DB {
	t.Helper()
	source := arrowsql.DriverConfig{
		Address:  address(server.uris[node]),
		Username: user,
		Password: password,
		Token:    token,
		Params:   map[string]string{modeHeader: "distributed", timeoutHeader: timeout},
	}
	if config := server.tls(t); config != nil {
		source.TLSEnabled, source.TLSConfig = true, config
	}
	database, err := sql.Open("flightsql", source.DSN())
	must(t, err)
	t.Cleanup(func() { database.Close() })
	return database
}

// each runs a test over both drivers, connected to this node.
func each(t *testing.T, node int, test func(t *testing.T, database *sql.DB)) {
	t.Helper()
	server := theServer(t)
	t.Run("adbc", func(t *testing.T) { test(t, overAdbc(t, server.adbcOptions(node))) })
	t.Run("arrow-go", func(t *testing.T) {
		test(t, overArrow(t, server, node, server.user, server.password, ""))
	})
}

func TestSqlReadsEveryRowFromEveryNode(t *testing.T) {
	wanted := keys(t)
	for node := range theServer(t).uris {
		each(t, node, func(t *testing.T, database *sql.DB) {
			rows, err := database.Query("SELECT l_orderkey, l_linenumber, l_comment FROM lineitem")
			must(t, err)
			defer rows.Close()
			var found total
			for rows.Next() {
				var order, line int64
				var comment string
				must(t, rows.Scan(&order, &line, &comment))
				found.add(fmt.Sprintf("%d|%d|%s", order, line, comment))
			}
			must(t, rows.Err())
			same(t, name(node), found, wanted)
		})
	}
}

// keys are the right keys of lineitem, with its comments.
func keys(t *testing.T) total {
	t.Helper()
	var sum total
	for _, line := range lines(t) {
		values := strings.Split(line, "|")
		sum.add(fmt.Sprintf("%d|%s|%s", number(t, values[0]), values[3], values[15]))
	}
	return sum
}

func TestSqlBindsValues(t *testing.T) {
	each(t, 0, func(t *testing.T, database *sql.DB) {
		for key, wanted := range map[int64]string{6: "FRANCE", 22: "RUSSIA"} {
			statement := prepared(t, database)
			var found string
			must(t, statement.QueryRow(key, wanted[:2]+"%").Scan(&found))
			same(t, "name", found, wanted)
		}
	})
}

func prepared(t *testing.T, database *sql.DB) *sql.Stmt {
	t.Helper()
	statement, err := database.Prepare("SELECT n_name FROM nation WHERE n_nationkey = ? AND n_name LIKE ?")
	must(t, err)
	t.Cleanup(func() { statement.Close() })
	return statement
}

func TestSqlRunsAPreparedStatementAgain(t *testing.T) {
	server := theServer(t)
	statement := prepared(t, overArrow(t, server, 0, server.user, server.password, ""))
	for key, wanted := range map[int64]string{6: "FRANCE", 22: "RUSSIA"} {
		var found string
		must(t, statement.QueryRow(key, wanted[:2]+"%").Scan(&found))
		same(t, "name", found, wanted)
	}
}

// The driver closes a statement with the rows of its first run, whatever a server does.
func TestSqlOverAdbcRunsAPreparedStatementOnce(t *testing.T) {
	statement := prepared(t, overAdbc(t, theServer(t).adbcOptions(0)))
	var found string
	must(t, statement.QueryRow(int64(6), "FR%").Scan(&found))
	told(t, statement.QueryRow(int64(6), "FR%").Scan(&found), "IngestTargetTable")
}

func TestSqlReadsNulls(t *testing.T) {
	each(t, 0, func(t *testing.T, database *sql.DB) {
		var none sql.NullInt64
		must(t, database.QueryRow("SELECT CAST(NULL AS BIGINT)").Scan(&none))
		same(t, "valid", none.Valid, false)
	})
}

func TestSqlErrorsSayWhatIsWrong(t *testing.T) {
	each(t, 0, func(t *testing.T, database *sql.DB) {
		for statement, word := range map[string]string{
			"SELEC 1":               "Expected: an SQL statement",
			"SELECT * FROM nowhere": "'squadron.public.nowhere' not found",
		} {
			rows, err := database.Query(statement)
			if err == nil {
				rows.Close()
			}
			told(t, err, word)
		}
	})
}

func TestSqlOverAdbcEndsAQueryWithItsContext(t *testing.T) {
	told(t, endedRows(t, overAdbc(t, theServer(t).adbcOptions(0))), "ancel")
}

// The driver may end rows whose context has ended as if they were whole, whatever a server does: a program has to ask
// its context.
func TestSqlOverArrowEndsAQueryWithItsContext(t *testing.T) {
	server := theServer(t)
	if err := endedRows(t, overArrow(t, server, 0, server.user, server.password, "")); err != nil {
		told(t, err, "ancel")
	}
}

func endedRows(t *testing.T, database *sql.DB) error {
	t.Helper()
	return ended(t, func(ctx context.Context, started func()) error {
		rows, err := database.QueryContext(ctx, long)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			started()
		}
		return rows.Err()
	})
}

func TestSqlLetsInWhoMayCome(t *testing.T) {
	server := theServer(t)
	if !server.hasUsers() {
		must(t, overArrow(t, server, 0, "anybody", "x", "").Ping())
		return
	}
	for _, wrong := range []*sql.DB{
		overArrow(t, server, 0, server.user, "wrong", ""),
		overArrow(t, server, 0, "", "", url.QueryEscape("wrong")),
	} {
		var one int64
		told(t, wrong.QueryRow("SELECT 1").Scan(&one), "nauthenticated")
	}
	options := server.adbcOptions(0)
	options["password"] = "wrong"
	told(t, overAdbc(t, options).Ping(), "user or password is wrong")
	var one int64
	must(t, overArrow(t, server, 0, "", "", server.token).QueryRow("SELECT 1").Scan(&one))
	same(t, "by token", one, 1)
}
