//! Keys that tables are declared to have: told to clients by every node, relied on by no plan.

use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::sql::{
    CommandGetCrossReference, CommandGetExportedKeys, CommandGetImportedKeys, CommandGetPrimaryKeys,
};
use arrow_flight::{FlightInfo, IpcMessage};
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::{cast, concat_batches};
use datafusion::arrow::datatypes::{DataType, Schema};
use futures::TryStreamExt;
use futures::future::join_all;
use squadron_dev::cluster::TestCluster;
use squadron_dev::fixtures;
use squadron_server::client::ClientError;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};

const NODES: usize = 3;

async fn cluster() -> TestCluster {
    TestCluster::start(NODES, fixtures::tpch()).await
}

async fn run_all(cluster: &TestCluster, statements: &[&str]) {
    for (at, sql) in statements.iter().enumerate() {
        let done = cluster.client(at % NODES).await.run(sql).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

async fn refused(cluster: &TestCluster, node: usize, sql: &str) -> (Code, String) {
    match cluster.client(node).await.run(sql).await {
        Err(ClientError::Server(status)) => (status.code(), status.message().to_owned()),
        other => panic!("{sql}: {other:?}"),
    }
}

async fn value(cluster: &TestCluster, node: usize, sql: &str) -> String {
    cluster.ask(node, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}")).value()
}

/// The keys of a schema in one text.
async fn keys(cluster: &TestCluster, node: usize) -> String {
    let sql = "select coalesce(string_agg(constraint_name, ' ' order by constraint_name), '') \
               from information_schema.table_constraints";
    value(cluster, node, sql).await
}

/// `shops (id)`, `days (year, day)`, and `sales`, which refers to both.
async fn shops(cluster: &TestCluster) {
    let statements = [
        "create schema s",
        "create table s.shops (id int primary key not enforced, name varchar unique not enforced)",
        "create table s.days (year int, day int, constraint calendar primary key (year, day) not enforced)",
        "create table s.sales (number bigint, shop int references s.shops not enforced, in_year int, on_day int, \
         primary key (number) not enforced, \
         constraint sold_on foreign key (on_day, in_year) references s.days (day, year) on delete no action not enforced)",
    ];
    run_all(cluster, &statements).await;
}

struct Client(FlightSqlServiceClient<Channel>);

impl Client {
    async fn of(cluster: &TestCluster, node: usize) -> Self {
        let uri = cluster.uri(node).replace("grpc+tcp", "http");
        let channel = Endpoint::from_shared(uri).unwrap().connect().await.unwrap();
        Self(FlightSqlServiceClient::new(channel))
    }

    /// All rows, as dotted text.
    async fn rows(&mut self, info: FlightInfo) -> Vec<String> {
        let promised = Schema::try_from(IpcMessage(info.schema.clone())).unwrap();
        let ticket = info.endpoint[0].ticket.clone().unwrap();
        let stream = self.0.do_get(ticket).await.unwrap();
        let batches: Vec<RecordBatch> = stream.try_collect().await.unwrap();
        assert!(batches.iter().all(|batch| *batch.schema() == promised), "the promised schema");
        let batch = concat_batches(&std::sync::Arc::new(promised), &batches).unwrap();
        let columns = batch.columns().iter().map(|column| cast(column, &DataType::Utf8).unwrap());
        let columns: Vec<_> = columns.collect();
        let cell = |column: &std::sync::Arc<dyn Array>, row| {
            let texts = column.as_string::<i32>();
            if texts.is_null(row) { "-".to_owned() } else { texts.value(row).to_owned() }
        };
        let row = |row| columns.iter().map(|it| cell(it, row)).collect::<Vec<_>>().join(".");
        (0..batch.num_rows()).map(row).collect()
    }

    async fn primary(&mut self, schema: Option<&str>, table: &str) -> Vec<String> {
        let (catalog, db_schema) = (None, schema.map(str::to_owned));
        let command = CommandGetPrimaryKeys { catalog, db_schema, table: table.into() };
        let info = self.0.get_primary_keys(command).await.unwrap();
        self.rows(info).await
    }

    async fn imported(&mut self, table: &str) -> Vec<String> {
        let (catalog, db_schema) = (Some("squadron".into()), Some("s".into()));
        let command = CommandGetImportedKeys { catalog, db_schema, table: table.into() };
        let info = self.0.get_imported_keys(command).await.unwrap();
        self.rows(info).await
    }

    async fn exported(&mut self, table: &str) -> Vec<String> {
        let (catalog, db_schema) = (Some("squadron".into()), Some("s".into()));
        let command = CommandGetExportedKeys { catalog, db_schema, table: table.into() };
        let info = self.0.get_exported_keys(command).await.unwrap();
        self.rows(info).await
    }

    async fn between(&mut self, pk: &str, fk: &str) -> Vec<String> {
        let command = CommandGetCrossReference {
            pk_table: pk.into(),
            fk_table: fk.into(),
            ..Default::default()
        };
        let info = self.0.get_cross_reference(command).await.unwrap();
        self.rows(info).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_told_by_every_node() {
    let cluster = cluster().await;
    shops(&cluster).await;
    const SHOP: &str = "squadron.s.shops.id.squadron.s.sales.shop.1.sales_shop_fk.shops_pk.3.3";
    const DAY: [&str; 2] = [
        "squadron.s.days.day.squadron.s.sales.on_day.1.sold_on.calendar.3.3",
        "squadron.s.days.year.squadron.s.sales.in_year.2.sold_on.calendar.3.3",
    ];
    for node in 0..NODES {
        let mut client = Client::of(&cluster, node).await;
        let days = ["squadron.s.days.year.1.calendar", "squadron.s.days.day.2.calendar"];
        assert_eq!(client.primary(Some("s"), "days").await, days);
        assert_eq!(client.primary(None, "shops").await, ["squadron.s.shops.id.1.shops_pk"]);
        assert!(client.primary(Some("public"), "shops").await.is_empty());
        assert!(client.primary(None, "nation").await.is_empty());
        assert_eq!(client.imported("sales").await, [DAY[0], DAY[1], SHOP]);
        assert_eq!(client.exported("days").await, DAY);
        assert_eq!(client.exported("shops").await, [SHOP]);
        assert!(client.imported("shops").await.is_empty());
        assert_eq!(client.between("shops", "sales").await, [SHOP]);
        assert!(client.between("sales", "shops").await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_in_information_schema() {
    let cluster = cluster().await;
    shops(&cluster).await;
    for (sql, expected) in [
        (
            "select string_agg(concat_ws('/', table_name, constraint_name, constraint_type, enforced), ' ' \
             order by table_name, constraint_name) from information_schema.table_constraints where table_schema = 's'",
            "days/calendar/PRIMARY KEY/NO sales/sales_pk/PRIMARY KEY/NO sales/sales_shop_fk/FOREIGN KEY/NO \
             sales/sold_on/FOREIGN KEY/NO shops/shops_name_key/UNIQUE/NO shops/shops_pk/PRIMARY KEY/NO",
        ),
        (
            "select string_agg(concat_ws('/', column_name, ordinal_position, position_in_unique_constraint), ' ' \
             order by ordinal_position) from information_schema.key_column_usage where constraint_name = 'sold_on'",
            "on_day/1/2 in_year/2/1",
        ),
        (
            "select string_agg(concat_ws('/', constraint_name, unique_constraint_schema, unique_constraint_name, \
             match_option, update_rule, delete_rule), ' ' order by constraint_name) from information_schema.referential_constraints",
            "sales_shop_fk/s/shops_pk/NONE/NO ACTION/NO ACTION sold_on/s/calendar/NONE/NO ACTION/NO ACTION",
        ),
        (
            "select string_agg(concat_ws('/', table_name, column_name), ' ' order by column_name) \
             from information_schema.constraint_column_usage where constraint_name = 'sold_on'",
            "days/day days/year",
        ),
        (
            "select string_agg(column_name, ' ' order by column_name) from information_schema.columns \
             where table_schema = 's' and is_nullable = 'NO'",
            "day id number year",
        ),
    ] {
        for node in 0..NODES {
            assert_eq!(value(&cluster, node, sql).await, expected, "{sql}");
        }
    }
}

/// The engine would leave out a DISTINCT over what it is told to be a key.
#[tokio::test(flavor = "multi_thread")]
async fn no_answer_relies_on_a_key() {
    let cluster = cluster().await;
    let statements = [
        "create table t (a int primary key not enforced, b int unique not enforced, c int)",
        "insert into t values (1, 1, 1), (1, 1, 2), (2, 1, 3), (2, 2, 4)",
        "create table r (a int references t not enforced)",
        "insert into r values (1), (9)",
    ];
    run_all(&cluster, &statements).await;
    for (sql, expected) in [
        ("select count(*) from (select distinct a from t)", "2"),
        ("select count(*) from (select a, count(*) n from t group by a having count(*) > 1)", "2"),
        ("select count(*) from (select distinct a, b from t)", "3"),
        ("select max(n) from (select a, b, count(*) as n from t group by a, b)", "2"),
        ("select count(*) from r join t on r.a = t.a", "2"),
        ("select count(*) from r left join t on r.a = t.a", "3"),
        ("select count(distinct b) from t", "2"),
        ("select count(*) from (select a from t union select a from t)", "2"),
        ("select count(*) from r where a not in (select a from t)", "1"),
    ] {
        for node in 0..NODES {
            assert_eq!(value(&cluster, node, sql).await, expected, "{sql}");
            let distributed = cluster.ask_distributed(node, sql).await.unwrap();
            assert_eq!(distributed.value(), expected, "{sql}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_key_is_not_null() {
    let cluster = cluster().await;
    run_all(&cluster, &["create table t (a int primary key not enforced, b int)"]).await;
    let (code, why) = refused(&cluster, 1, "insert into t (b) values (1)").await;
    assert_eq!(code, Code::InvalidArgument, "{why}");
    assert!(why.contains("'a'"), "{why}");
    let made = "create table u (primary key (a) not enforced) as select 1 as a, 2 as b";
    run_all(&cluster, &[made]).await;
    assert_eq!(refused(&cluster, 2, "update u set a = null").await.0, Code::InvalidArgument);
    let null = "create table v (primary key (a) not enforced) as select cast(null as int) as a";
    assert_eq!(refused(&cluster, 0, null).await.0, Code::InvalidArgument);
    assert_eq!(refused(&cluster, 0, "select * from v").await.0, Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_and_its_columns_are_not_changed_at_once() {
    const TABLES: usize = 20;
    let cluster = cluster().await;
    for table in 0..TABLES {
        run_all(&cluster, &[&format!("create table t{table} (a int not null, b int)")]).await;
    }
    let ask = async |node: usize, sql: String| cluster.client(node).await.run(&sql).await.is_ok();
    let both = async |table: usize| {
        let key = ask(0, format!("alter table t{table} add primary key (a) not enforced"));
        let null = ask(1, format!("alter table t{table} alter column a drop not null"));
        tokio::join!(key, null)
    };
    let done = join_all((0..TABLES).map(both)).await;
    for (table, (key, null)) in done.iter().enumerate() {
        assert!(key != null, "t{table}: key {key}, may be NULL {null}");
    }
    let kept = done.iter().filter(|(key, _)| *key).count();
    let sql = "select count(*) from information_schema.columns c join information_schema.table_constraints k \
               using (table_name) where column_name = 'a' and is_nullable";
    assert_eq!(value(&cluster, 2, &format!("{sql} = 'NO'")).await, kept.to_string());
    assert_eq!(value(&cluster, 2, &format!("{sql} = 'YES'")).await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_and_go_by_alter_table() {
    let cluster = cluster().await;
    let folder = fixtures::tpch().join("nation");
    let external =
        format!("create external table lands stored as parquet location '{}'", folder.display());
    let statements = [
        "create table t (a int not null, b int, c varchar)",
        &external,
        "alter table t add primary key (a) not enforced",
        "alter table t add constraint k unique (b) not enforced",
        "alter table lands add unique (n_nationkey) not enforced",
        "alter table t add foreign key (b) references lands (n_nationkey) not enforced",
        "alter table t add foreign key (b) references t not enforced",
        "alter table if exists nope add unique (x) not enforced",
    ];
    run_all(&cluster, &statements).await;
    let all = "k lands_n_nationkey_key t_b_fk t_b_fk2 t_pk";
    for node in 0..NODES {
        assert_eq!(keys(&cluster, node).await, all);
    }
    for (sql, code, part) in [
        ("alter table t add primary key (b) not enforced", Code::InvalidArgument, "may be NULL"),
        ("alter table t add unique (x) not enforced", Code::InvalidArgument, "'x'"),
        ("alter table t add unique (a, a) not enforced", Code::InvalidArgument, "twice"),
        ("alter table t add constraint k unique (a) not enforced", Code::AlreadyExists, "'k'"),
        ("alter table t add unique (a)", Code::Unimplemented, "NOT ENFORCED"),
        (
            "alter table t add foreign key (c) references t not enforced",
            Code::InvalidArgument,
            "never be equal",
        ),
        (
            "alter table t add foreign key (b) references nation (n_nationkey) not enforced",
            Code::NotFound,
            "that SQL has made",
        ),
        (
            "alter table nation add unique (n_nationkey) not enforced",
            Code::InvalidArgument,
            "external table",
        ),
        ("alter table nope add unique (x) not enforced", Code::NotFound, "nope"),
        ("alter table t drop primary key", Code::InvalidArgument, "t_b_fk2"),
        ("alter table t drop constraint nope", Code::NotFound, "nope"),
    ] {
        let (found, why) = refused(&cluster, 1, sql).await;
        assert_eq!(found, code, "{sql}: {why}");
        assert!(why.contains(part), "{sql}: {why}");
    }
    let statements = [
        "alter table t drop constraint if exists nope",
        "alter table t drop primary key cascade",
        "alter table t drop constraint k",
    ];
    run_all(&cluster, &statements).await;
    assert_eq!(keys(&cluster, 2).await, "lands_n_nationkey_key t_b_fk");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_referred_to_goes_by_cascade_and_is_replaced_by_its_like() {
    let cluster = cluster().await;
    shops(&cluster).await;
    for sql in [
        "drop table s.shops",
        "create or replace table s.shops (id int)",
        "create or replace table s.shops (id varchar primary key not enforced)",
        "create or replace table s.days as select 1 as year",
    ] {
        let (code, why) = refused(&cluster, 1, sql).await;
        assert_eq!(code, Code::InvalidArgument, "{sql}: {why}");
        assert!(why.contains("sales_shop_fk") || why.contains("sold_on"), "{sql}: {why}");
    }
    let again = "create or replace table s.shops (primary key (id) not enforced) as select 7 as id";
    run_all(&cluster, &[again]).await;
    let mut client = Client::of(&cluster, 2).await;
    assert_eq!(client.exported("shops").await.len(), 1);
    run_all(&cluster, &["drop table s.shops cascade", "drop table s.days, s.sales"]).await;
    assert_eq!(keys(&cluster, 0).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_shown_as_the_statement_that_makes_it() {
    let cluster = cluster().await;
    shops(&cluster).await;
    let made = "create table s.all_of_it (\"A\" array<int> not null comment 'it''s', b struct<x int, y varchar>, \
                c map(varchar, decimal(10, 2)), d timestamp, e timestamp with time zone, f varbinary, g int) \
                partitioned by (g) comment 'all'";
    let told = "create table s.told (a int, b int) tblproperties ('owner' = 'me') comment 'all of it' partitioned by (a)";
    run_all(&cluster, &[made, told]).await;
    for table in ["sales", "all_of_it", "told", "shops", "days"] {
        let shown = format!("show create table s.{table}");
        let show = async || {
            let batch = cluster.ask(1, &shown).await.unwrap().batch();
            let statement = batch.column_by_name("statement").unwrap();
            statement.as_string::<i32>().value(0).to_owned()
        };
        let statement = show().await;
        run_all(&cluster, &[&format!("drop table s.{table} cascade"), &statement]).await;
        assert_eq!(show().await, statement);
    }
}
