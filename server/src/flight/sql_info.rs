//! GetSqlInfo: what the server can do, under the codes of the spec.
//!
//! Drivers cast each value without looking, so what counts is the arm of the union, and theirs,
//! not always the proto's: JDBC and ODBC read 503, 505, 507 and 562 as int64. JDBC before 19
//! throws on a code it reads and does not find; JDBC of any version throws on one it does not
//! know: hence all standard codes and no others.

mod capabilities;
mod functions;
mod keywords;
mod union;

use std::collections::{BTreeMap, BTreeSet};

use arrow_flight::sql::{CommandGetSqlInfo, SqlInfo};
use datafusion::arrow::array::RecordBatch;
use datafusion::execution::FunctionRegistry;

pub use self::union::sql_info_schema;
use super::metadata::Result;

/// The answer to GetSqlInfo: the codes asked for that are known, in order; all for an empty list.
///
/// `functions` is the session's registry, whose scalar functions are told by their kinds.
pub fn sql_info(
    command: &CommandGetSqlInfo,
    functions: &dyn FunctionRegistry,
) -> Result<RecordBatch> {
    let mut answer = Answer::new(&command.info);
    capabilities::tell(&mut answer);
    keywords::tell(&mut answer);
    functions::tell(&mut answer, functions);
    Ok(union::batch(answer.rows)?)
}

/// An answer in the making, which drops what was not asked for.
struct Answer {
    wanted: BTreeSet<u32>,
    rows: BTreeMap<u32, Value>,
}

/// The values that drivers expect, by arm of the union.
enum Value {
    Flag(bool),
    Text(&'static str),
    /// A number that the spec or the drivers have as int64.
    Long(i64),
    /// An int32: a number or the sum of [`bits`].
    Int(i32),
    List(Vec<String>),
    Map(Vec<(i32, Vec<i32>)>),
}

impl Answer {
    fn new(wanted: &[u32]) -> Self {
        Self { wanted: wanted.iter().copied().collect(), rows: BTreeMap::new() }
    }

    fn wants(&self, code: SqlInfo) -> bool {
        self.wanted.is_empty() || self.wanted.contains(&(code as u32))
    }

    fn tell(&mut self, code: SqlInfo, value: Value) {
        if self.wants(code) {
            self.rows.insert(code as u32, value);
        }
    }
}

/// A bitmask in which the numbers of `options` are the positions of the bits set.
fn bits<T: Into<i32> + Copy>(options: &[T]) -> Value {
    Value::Int(options.iter().fold(0, |mask, option| mask | (1 << (*option).into())))
}

#[cfg(test)]
mod tests;
