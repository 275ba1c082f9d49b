//! Plans of a single partition: what DataFusion leaves to that one partition (a limit, an order, a
//! whole group) must not be split among nodes.

use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use squadron_dev::cluster::{ClusterOptions, TestCluster};
use squadron_dev::fixtures::{self, write_parquet};
use squadron_dev::oracle::Oracle;
use squadron_server::demo::tpch::QUERIES;

async fn check(cluster: &TestCluster, oracle: &Oracle, sql: &str) {
    let answer = cluster.ask_distributed(0, sql).await;
    oracle.check(sql, &answer.unwrap_or_else(|error| panic!("{sql}\n{error}"))).await;
}

/// As on machines of one core.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_of_one_partition_give_the_right_answers() {
    let options = ClusterOptions::new(3).data(fixtures::tpch());
    let cluster = options.adjust(|_, args| args.target_partitions = Some(1)).start().await;
    let oracle = Oracle::over(fixtures::tpch()).await.unwrap();
    for sql in QUERIES {
        check(&cluster, &oracle, sql).await;
    }
}

/// Too few rows for DataFusion to bother with partitions, in pieces that could be split.
#[tokio::test(flavor = "multi_thread")]
async fn a_small_table_of_many_row_groups_gives_the_right_answers() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("small");
    std::fs::create_dir(&table).unwrap();
    let source = std::fs::File::open(fixtures::tpch().join("customer/part-001.parquet")).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(source).unwrap();
    let rows = reader.build().unwrap().next().unwrap().unwrap();
    let pieces: Vec<_> = (0..rows.num_rows() / 50).map(|i| rows.slice(i * 50, 50)).collect();
    write_parquet(&table.join("part-1.parquet"), &pieces, 50).unwrap();
    let cluster = TestCluster::start(3, folder.path()).await;
    let oracle = Oracle::over(folder.path()).await.unwrap();
    for sql in [
        "select count(*), sum(c_acctbal) from small",
        "select c_nationkey, count(*), sum(c_acctbal) from small group by c_nationkey",
        "select distinct c_mktsegment from small",
        "select c_custkey, c_acctbal from small order by c_acctbal desc, c_custkey",
        "select c_custkey from small order by c_acctbal desc, c_custkey limit 7",
        "select c_custkey, row_number() over (order by c_acctbal, c_custkey) n from small",
        "select c_custkey, rank() over (partition by c_nationkey order by c_acctbal) n from small",
        "select count(*) from (select * from small limit 77)",
        "select count(*) from (select * from small limit 77 offset 13)",
        "select count(*) from (select * from small where c_acctbal > 0 limit 33)",
        "select a.c_custkey, b.c_custkey k from small a join small b on a.c_nationkey = b.c_nationkey and a.c_mktsegment = b.c_mktsegment",
        "select a.c_custkey from small a left join small b on a.c_custkey = b.c_custkey + 1 where b.c_custkey is null",
        "select a.c_custkey from small a full join small b on a.c_custkey = b.c_custkey + 100",
        "select c_custkey from small where c_custkey not in (select c_custkey + 1 from small)",
        "select c_custkey from small where c_nationkey in (select c_nationkey from small where c_acctbal < 0)",
        "select c_nationkey from small union select c_nationkey + 10 from small",
        "select c_nationkey from small intersect select c_nationkey + 10 from small",
        "select c_custkey from small union all select c_custkey from small",
    ] {
        check(&cluster, &oracle, sql).await;
    }
}
