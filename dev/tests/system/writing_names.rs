//! Names in statements that write: the table that is changed beside others of its last name, and its columns.

use squadron_dev::cluster::TestCluster;
use squadron_dev::fixtures;
use squadron_server::client::ClientError;
use tonic::Code;

/// `prod.orders` has 1, 2 and 3; `staging.orders` and `public.orders2` have 2 and 9.
const BEFORE: [&str; 10] = [
    "create schema prod",
    "create schema staging",
    "create table prod.orders (id int, v int)",
    "create table staging.orders (id int, v int)",
    "create table orders2 (id int, v int)",
    "create table prod.tree (id int, parent int)",
    "insert into prod.orders values (1, 10), (2, 20), (3, 30)",
    "insert into staging.orders values (2, 200), (9, 900)",
    "insert into orders2 values (2, 200), (9, 900)",
    "insert into prod.tree values (1, null), (2, 1), (3, 1), (4, 2)",
];

const ORDERS: &str =
    "select coalesce(string_agg(concat(id, '/', v), ' ' order by id), '') from prod.orders";

const TREE: &str = "select coalesce(string_agg(id, ' ' order by id), '') from prod.tree";

struct Site(TestCluster);

impl Site {
    async fn new() -> Self {
        let site = Self(TestCluster::start(1, fixtures::tpch()).await);
        for sql in BEFORE {
            site.run(sql).await;
        }
        site
    }

    async fn run(&self, sql: &str) {
        let done = self.0.client(0).await.run(sql).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    async fn value(&self, sql: &str) -> String {
        self.0.ask(0, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}")).value()
    }

    /// Carries a statement out, and takes it back after a look.
    async fn after(&self, sql: &str, look: &str) -> (String, String) {
        let changed = self.value(sql).await;
        let found = self.value(look).await;
        for table in ["prod.orders", "staging.orders", "orders2", "prod.tree"] {
            self.run(&format!("truncate table {table}")).await;
        }
        for sql in &BEFORE[6..] {
            self.run(sql).await;
        }
        (changed, found)
    }

    async fn refused(&self, sql: &str) -> (Code, String) {
        match self.0.client(0).await.run(sql).await {
            Err(ClientError::Server(status)) => (status.code(), status.message().to_owned()),
            other => panic!("{sql}: {other:?}"),
        }
    }
}

/// How many rows a condition is true for is what the same SELECT says.
#[tokio::test(flavor = "multi_thread")]
async fn a_condition_means_the_rows_that_it_means_in_a_select() {
    let site = Site::new().await;
    for (condition, expected) in [
        ("exists (select 1 from staging.orders where staging.orders.id = prod.orders.id)", "1"),
        ("prod.orders.id in (select staging.orders.id from staging.orders)", "1"),
        ("exists (select 1 from staging.orders s where s.id = orders.id)", "1"),
        ("not exists (select 1 from staging.orders where orders.id = prod.orders.id)", "2"),
        ("exists (select 1 from prod.orders o where o.id = prod.orders.id + 1)", "2"),
        ("id in (select orders.id from staging.orders)", "1"),
        ("id in (with orders as (select 3 as id) select orders.id from orders)", "1"),
        ("id in (select x.id from (select orders.id from staging.orders) x)", "1"),
        ("v > (select max(orders.id) from staging.orders where orders.id = prod.orders.id)", "1"),
        ("squadron.prod.orders.id = 1 or \"prod\".\"orders\".id = 2 or PROD.ORDERS.ID = 3", "3"),
    ] {
        let select = format!("select count(*) from prod.orders where {condition}");
        assert_eq!(site.value(&select).await, expected, "{select}");
        let delete = format!("delete from prod.orders where {condition}");
        assert_eq!(site.after(&delete, ORDERS).await.0, expected, "{delete}");
        let update = format!("update prod.orders set v = prod.orders.v + 1 where {condition}");
        assert_eq!(site.after(&update, ORDERS).await.0, expected, "{update}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_that_of_its_own_row() {
    let site = Site::new().await;
    for (sql, look, expected) in [
        (
            "update prod.orders set v = (select max(staging.orders.v) from staging.orders where staging.orders.id = prod.orders.id)",
            ORDERS,
            ("3", "1/ 2/200 3/"),
        ),
        (
            "update prod.orders set v = prod.orders.id where exists (select 1 from staging.orders where orders.id = 2)",
            ORDERS,
            ("3", "1/1 2/2 3/3"),
        ),
        (
            "delete from prod.tree as x where exists (select 1 from prod.tree where prod.tree.parent = x.id)",
            TREE,
            ("2", "3 4"),
        ),
        (
            "delete from prod.tree where exists (select 1 from prod.tree c where c.parent = prod.tree.id)",
            TREE,
            ("2", "3 4"),
        ),
        (
            "delete from prod.tree as x where exists (select 1 from prod.tree as y where x.parent = y.id and y.parent is null)",
            TREE,
            ("2", "1 4"),
        ),
    ] {
        let (changed, found) = site.after(sql, look).await;
        assert_eq!((changed.as_str(), found.as_str()), expected, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_tells_its_source_from_its_table() {
    let site = Site::new().await;
    let merge = "merge into prod.orders using staging.orders on prod.orders.id = staging.orders.id";
    for (clauses, expected) in [
        (
            "when not matched then insert (id, v) values (staging.orders.id, staging.orders.v)",
            ("1", "1/10 2/20 3/30 9/900"),
        ),
        ("when matched then delete", ("1", "1/10 3/30")),
        ("when matched then update set v = staging.orders.v", ("1", "1/10 2/200 3/30")),
        (
            "when matched then update set v = prod.orders.v + staging.orders.v when not matched by source then delete",
            ("3", "2/220"),
        ),
        (
            "when not matched by source and prod.orders.v > 10 then update set v = prod.orders.id",
            ("1", "1/10 2/20 3/3"),
        ),
    ] {
        let sql = format!("{merge} {clauses}");
        let (changed, found) = site.after(&sql, ORDERS).await;
        assert_eq!((changed.as_str(), found.as_str()), expected, "{sql}");
    }
    let own = "merge into prod.orders as o using (select prod.orders.id from prod.orders) s on o.id = s.id + 1 when matched then delete";
    assert_eq!(site.after(own, ORDERS).await, ("2".to_owned(), "1/10".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_may_mean_two_tables_is_refused() {
    let site = Site::new().await;
    for (sql, name) in [
        (
            "merge into prod.orders using staging.orders on orders.id = orders.id when matched then delete",
            "orders.id",
        ),
        (
            "merge into prod.orders using prod.orders on prod.orders.id = 1 when matched then delete",
            "prod.orders.id",
        ),
        (
            "delete from prod.tree where exists (select 1 from staging.orders where exists \
             (select 1 from orders2 as orders where staging.orders.id = 2))",
            "staging.orders.id",
        ),
        (
            "delete from prod.tree where exists (select 1 from orders2 as \"tree (changed)\")",
            "kept for the table",
        ),
    ] {
        let (code, why) = site.refused(sql).await;
        assert!(code == Code::InvalidArgument && why.contains(name), "{sql}: {code:?} {why}");
    }
    let hidden = site.refused("delete from prod.tree as x where prod.tree.id = 1").await;
    assert!(hidden.0 == Code::NotFound && hidden.1.contains("prod.tree.id"), "{hidden:?}");
    assert_eq!(site.value(ORDERS).await, "1/10 2/20 3/30");
    assert_eq!(site.value(TREE).await, "1 2 3 4");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_called_as_the_table_is_refused() {
    let site = Site::new().await;
    site.run("create table addr (city text)").await;
    site.run("insert into addr values ('a'), ('b')").await;
    site.run("create table people as select named_struct('city', 'a') as addr").await;
    let (code, why) = site
        .refused("delete from addr where exists (select 1 from people where addr.city = 'a')")
        .await;
    assert!(code == Code::InvalidArgument && why.contains("'addr'"), "{code:?} {why}");
    let other =
        "delete from addr as x where exists (select 1 from people where addr.city = x.city)";
    assert_eq!(site.value(other).await, "1");
}
