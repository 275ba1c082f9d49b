//! `CONVERT(x, type)`, as SQL has it and as the escape `{fn CONVERT(x, SQL_INTEGER)}` of ODBC and JDBC.
//!
//! Problem: DataFusion 55 knows CAST alone. Here: they are casts. The types of ODBC without a precision (SQL_DECIMAL) and
//! those of intervals say too little, and are refused by name; GetSqlInfo tells the others (`SQL_SUPPORTS_CONVERT`).

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, ExactNumberInfo, Expr, Function, Value, VisitorMut,
};

use super::types::of_odbc;
use super::walk::{self, cast, plain_args};
use crate::{PlannerError, Result};

/// Writes them in a statement.
///
/// # Errors
/// `Unsupported` for a type that nothing can be converted to.
pub(super) fn write_out(statement: &mut DfStatement) -> Result<()> {
    let mut converts = Converts { refused: None };
    walk::rewrite(statement, &mut converts);
    match converts.refused {
        None => Ok(()),
        Some(name) => Err(PlannerError::Unsupported(format!(
            "CONVERT to {name} is not supported by this version: write CAST(x AS …), with a precision for decimals and INTERVAL for intervals"
        ))),
    }
}

struct Converts {
    refused: Option<String>,
}

impl VisitorMut for Converts {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Function(call) if call.name.to_string().eq_ignore_ascii_case("convert") => {
                if let Some((of, name)) = escaped(call) {
                    match of_name(&name) {
                        Some(data_type) => *expr = cast(of, data_type),
                        None => self.refused = Some(name.to_string()),
                    }
                }
            }
            Expr::Convert {
                is_try,
                expr: of,
                data_type: Some(data_type),
                charset: None,
                styles,
                ..
            } if styles.is_empty() => {
                if is_without_precision(data_type) {
                    self.refused = Some(data_type.to_string());
                }
                *expr = Expr::Cast {
                    kind: if *is_try { CastKind::TryCast } else { CastKind::Cast },
                    expr: of.clone(),
                    data_type: data_type.clone(),
                    array: false,
                    format: None,
                };
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// What an escape converts, and to what.
fn escaped(call: &Function) -> Option<(Expr, Expr)> {
    match <[Expr; 2]>::try_from(plain_args(call)?).ok()? {
        [of, name @ (Expr::Identifier(_) | Expr::Function(_))] => Some((of, name)),
        _ => None,
    }
}

/// A type as the parser reads it among the arguments of a function; JDBC has its names without `SQL_`.
fn of_name(name: &Expr) -> Option<DataType> {
    match name {
        Expr::Identifier(name) => {
            let name = name.value.to_uppercase();
            let bare = name.strip_prefix("SQL_").unwrap_or(&name);
            let bare = if bare == "INT" { "INTEGER" } else { bare };
            of_odbc(&format!("SQL_{bare}"))
        }
        Expr::Function(call) => {
            let args: Option<Vec<u64>> = plain_args(call)?.iter().map(whole).collect();
            match (call.name.to_string().to_uppercase().as_str(), args?.as_slice()) {
                ("DECIMAL" | "NUMERIC" | "SQL_DECIMAL" | "SQL_NUMERIC", [precision]) => {
                    Some(DataType::Decimal(ExactNumberInfo::Precision(*precision)))
                }
                ("DECIMAL" | "NUMERIC" | "SQL_DECIMAL" | "SQL_NUMERIC", [precision, scale]) => {
                    let scale = i64::try_from(*scale).ok()?;
                    Some(DataType::Decimal(ExactNumberInfo::PrecisionAndScale(*precision, scale)))
                }
                ("VARCHAR" | "SQL_VARCHAR", [_]) => Some(DataType::Text),
                _ => None,
            }
        }
        _ => None,
    }
}

fn whole(expr: &Expr) -> Option<u64> {
    let Expr::Value(value) = expr else { return None };
    let Value::Number(number, _) = &value.value else { return None };
    number.parse().ok()
}

fn is_without_precision(data_type: &DataType) -> bool {
    let DataType::Custom(name, _) = data_type else { return false };
    let name = name.to_string().to_uppercase();
    name.starts_with("SQL_") && of_odbc(&name).is_none()
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::super::tests::written;

    #[test]
    fn conversions_are_casts() {
        for (given, expected) in [
            ("CONVERT(a, VARCHAR)", "CAST(a AS VARCHAR)"),
            ("CONVERT(a, SQL_INTEGER)", "CAST(a AS INTEGER)"),
            ("{fn CONVERT(a, SQL_INTEGER)}", "CAST(a AS INTEGER)"),
            ("{fn CONVERT(a, VARCHAR)}", "CAST(a AS TEXT)"),
            ("{fn CONVERT(a, SQL_TYPE_DATE)}", "CAST(a AS DATE)"),
            ("{fn CONVERT(a + 1, DECIMAL(10, 2))}", "CAST(a + 1 AS DECIMAL(10,2))"),
        ] {
            assert_eq!(
                written(&format!("SELECT {given} FROM t")),
                format!("SELECT {expected} FROM t")
            );
        }
    }

    #[test]
    fn what_says_too_little_is_refused_by_name() {
        for name in ["SQL_DECIMAL", "SQL_INTERVAL_DAY", "SQL_GUID"] {
            for sql in
                [format!("SELECT {{fn CONVERT(a, {name})}}"), format!("SELECT CONVERT(a, {name})")]
            {
                let refused = parse(&sql).unwrap_err().to_string();
                assert!(refused.contains(name), "{refused}");
            }
        }
    }
}
