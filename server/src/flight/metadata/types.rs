//! The SQL types that metadata tells, by their one table ([`squadron_planner::wire_schema`]).

pub use squadron_planner::wire_schema::{SqlType, sql_type};

/// Whether letter case counts when values of the type are compared.
pub(super) fn is_case_sensitive(sql_type: SqlType) -> bool {
    sql_type.name == "VARCHAR"
}
