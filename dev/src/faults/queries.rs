//! What is asked under faults, and the right answers.

use std::path::Path;

use crate::Result;
use crate::answer::Answer;
use crate::oracle::{Oracle, Rows, difference};

/// A statement over TPC-H, small, with rows that are the same whoever adds them up: no floats.
#[derive(Debug, PartialEq, Eq)]
pub struct Query {
    /// What it is called in recipes.
    pub name: &'static str,
    /// The statement.
    pub sql: &'static str,
    /// Whether its result is many frames, so that a reader can be in its middle.
    pub large: bool,
    /// Whether its operators take far more memory than they ask for: then it may be ended for that.
    pub hog: bool,
    /// What has the same rows, where the statement itself is too dear for the oracle.
    same: Option<&'static str>,
}

const fn query(name: &'static str, sql: &'static str) -> Query {
    Query { name, sql, large: false, hog: false, same: None }
}

const fn large(name: &'static str, sql: &'static str) -> Query {
    Query { name, sql, large: true, hog: false, same: None }
}

const fn hog(name: &'static str, sql: &'static str, same: &'static str) -> Query {
    Query { name, sql, large: false, hog: true, same: Some(same) }
}

/// The statements.
pub static QUERIES: [Query; 13] = [
    query("wide", "select * from lineitem"),
    query(
        "filter",
        "select l_orderkey, l_linenumber, l_comment from lineitem where l_quantity > 45",
    ),
    query(
        "group",
        "select l_returnflag, l_linestatus, count(*) as n, sum(l_quantity) as q, sum(l_extendedprice * (1 - l_discount)) as price from lineitem group by l_returnflag, l_linestatus",
    ),
    query(
        "join",
        "select o_orderpriority, l_shipmode, count(*) as n, max(l_shipdate) as last from lineitem join orders on l_orderkey = o_orderkey group by o_orderpriority, l_shipmode",
    ),
    // A second or more before there is a row.
    query(
        "pairs",
        "select a.l_suppkey as s, count(*) as pairs, sum(a.l_quantity) as q from lineitem a join lineitem b on a.l_suppkey = b.l_suppkey where a.l_linenumber < 3 and b.l_linenumber < 3 group by a.l_suppkey",
    ),
    query(
        "top",
        "select l_orderkey, l_linenumber, l_extendedprice from lineitem order by l_extendedprice desc, l_orderkey, l_linenumber limit 100",
    ),
    query(
        "sorted",
        "select l_orderkey, l_linenumber, l_shipdate from lineitem where l_quantity > 40 order by l_shipdate, l_orderkey, l_linenumber",
    ),
    query("empty", "select * from lineitem where l_quantity < 0"),
    query(
        "one",
        "select count(*) as n, sum(l_quantity) as q, min(l_shipdate) as first, max(l_comment) as text from lineitem",
    ),
    // Some 30 MB: far more than sockets, clients and the memory for results take.
    large("large", "select l_orderkey, l_linenumber, repeat(l_comment, 20) as long from lineitem"),
    // A few rows of 200 KB.
    large(
        "texts",
        "select l_orderkey, l_linenumber, repeat(l_comment, 8000) as long from lineitem where l_orderkey < 150",
    ),
    // Each batch is some hundreds of megabytes that no operator tells of.
    hog(
        "longest",
        "select max(length(repeat(l_comment, 2000))) as longest from lineitem",
        "select max(length(l_comment)) * 2000 as longest from lineitem",
    ),
    // Some 150 MB that are asked for.
    hog(
        "distinct",
        "select count(distinct repeat(l_comment, 100)) as texts from lineitem",
        "select count(distinct l_comment) as texts from lineitem",
    ),
];

impl Query {
    /// The one of this name.
    ///
    /// # Panics
    /// When there is none.
    pub fn named(name: &str) -> &'static Self {
        QUERIES.iter().find(|query| query.name == name).expect("a query of this name")
    }
}

/// The right rows of every statement, from single-node DataFusion over the same files.
pub struct Answers(Vec<Rows>);

impl Answers {
    /// Asks for all of them.
    ///
    /// # Errors
    /// DataFusion's.
    pub async fn over(data: &Path) -> Result<Self> {
        let oracle = Oracle::over(data).await?;
        let mut rows = Vec::new();
        for query in &QUERIES {
            rows.push(oracle.rows(query.same.unwrap_or(query.sql)).await?);
        }
        Ok(Self(rows))
    }

    /// What is different about an answer; `None` when it is right.
    pub fn difference(&self, query: &Query, answer: &Answer) -> Option<String> {
        let index = QUERIES.iter().position(|known| known == query)?;
        difference(&self.0[index], answer)
    }
}
