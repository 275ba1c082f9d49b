//! `AT TIME ZONE 'UTC'`, with its offset.
//!
//! A column of instants has the zone "UTC" from its files, and is shown in the session's (`session/zones.rs`). What a
//! statement asks to be shown in UTC is not, and has another name for it.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{Expr, Value, VisitorMut};

use super::walk;

/// Writes it in a statement.
pub(super) fn write_out(statement: &mut DfStatement) {
    walk::rewrite(statement, &mut Offsets);
}

struct Offsets;

impl VisitorMut for Offsets {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::AtTimeZone { time_zone, .. } = expr
            && let Expr::Value(value) = time_zone.as_mut()
            && let Value::SingleQuotedString(zone) = &mut value.value
            && zone.eq_ignore_ascii_case("UTC")
        {
            *zone = "+00:00".to_owned();
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::written;

    #[test]
    fn utc_is_an_offset() {
        let text = written("SELECT a AT TIME ZONE 'utc', b AT TIME ZONE 'Europe/Berlin'");
        assert_eq!(text, "SELECT a AT TIME ZONE '+00:00', b AT TIME ZONE 'Europe/Berlin'");
    }
}
