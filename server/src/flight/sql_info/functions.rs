//! The scalar functions of the session, by the kinds that JDBC and ODBC have.

use std::collections::BTreeSet;

use arrow_flight::sql::SqlInfo;
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::ScalarUDF;
use squadron_planner::session::is_unlisted;
use squadron_planner::statement::taken;

use super::{Answer, Value};

/// The kinds, each with its code.
const KINDS: [SqlInfo; 4] = [
    SqlInfo::SqlNumericFunctions,
    SqlInfo::SqlStringFunctions,
    SqlInfo::SqlSystemFunctions,
    SqlInfo::SqlDatetimeFunctions,
];

/// Tells the names of the functions of `registry`, aliases too: each under one kind, in order.
pub(super) fn tell(answer: &mut Answer, registry: &dyn FunctionRegistry) {
    if !KINDS.iter().any(|kind| answer.wants(*kind)) {
        return;
    }
    let functions = registry.udfs().into_iter().filter(|name| !is_unlisted(name));
    let functions = functions.filter_map(|name| Some((kind(&*registry.udf(&name).ok()?), name)));
    let functions = functions.collect::<Vec<_>>();
    for wanted in KINDS {
        let names = functions.iter().filter(|(kind, _)| *kind == wanted);
        let names = names.map(|(_, name)| spelled(name)).chain(syntax(wanted));
        let names = names.collect::<BTreeSet<_>>().into_iter().collect();
        answer.tell(wanted, Value::List(names));
    }
}

/// The kind of a function, by its chapter in DataFusion's manual. Whatever is neither about
/// numbers, text nor time counts as "system", as COALESCE and IFNULL do everywhere.
fn kind(function: &ScalarUDF) -> SqlInfo {
    match function.documentation().map(|manual| manual.doc_section.label) {
        Some("Math Functions") => SqlInfo::SqlNumericFunctions,
        Some("String Functions" | "Binary String Functions" | "Regular Expression Functions") => {
            SqlInfo::SqlStringFunctions
        }
        Some("Time and Date Functions") => SqlInfo::SqlDatetimeFunctions,
        _ => SqlInfo::SqlSystemFunctions,
    }
}

/// Functions that are syntax to the parser, or written otherwise before anything is planned, and so in no registry.
fn syntax(kind: SqlInfo) -> Vec<String> {
    let (calls, syntax) = match kind {
        SqlInfo::SqlNumericFunctions => (taken::NUMERIC, None),
        SqlInfo::SqlStringFunctions => (taken::TEXT, None),
        SqlInfo::SqlDatetimeFunctions => (taken::DATETIME, Some("EXTRACT")),
        _ => (taken::SYSTEM, None),
    };
    let names = calls.iter().map(|call| spelled(taken::name(call)));
    names.chain(syntax.map(str::to_owned)).collect()
}

/// The name in capitals, by which alone ODBC knows a function; a name that has capitals of its
/// own must be quoted in SQL and is left as it is.
fn spelled(name: &str) -> String {
    if name.chars().any(char::is_uppercase) { name.to_string() } else { name.to_uppercase() }
}
