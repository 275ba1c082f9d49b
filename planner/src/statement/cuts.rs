//! Casts to texts of a length.
//!
//! Problem: DataFusion 55 passes over the length of `CAST(x AS VARCHAR(3))`. SQL has the text cut. Here: it is cut by a
//! function. CHAR(n) is cut too, and not filled with blanks.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    CharLengthUnits, CharacterLength, DataType, Expr, VisitorMut,
};

use super::walk::{self, call, number};

/// Writes them in a statement.
pub(super) fn write_out(statement: &mut DfStatement) {
    walk::rewrite(statement, &mut Cuts);
}

struct Cuts;

impl VisitorMut for Cuts {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Cast { data_type, .. } = expr
            && let Some(length) = length(data_type)
        {
            *data_type = DataType::Varchar(None);
            *expr = call("left", [expr.clone(), number(length)]);
        } else if let Expr::TypedString(text) = expr
            && let Some(length) = length(&text.data_type)
        {
            text.data_type = DataType::Varchar(None);
            *expr = call("left", [expr.clone(), number(length)]);
        }
        ControlFlow::Continue(())
    }
}

/// In characters.
fn length(data_type: &DataType) -> Option<u64> {
    use DataType::{Char, CharVarying, Character, CharacterVarying, Nvarchar, Varchar};
    match data_type {
        Char(length)
        | Character(length)
        | Varchar(length)
        | CharVarying(length)
        | CharacterVarying(length)
        | Nvarchar(length) => match length.as_ref()? {
            CharacterLength::IntegerLength { length, unit } => match unit {
                None | Some(CharLengthUnits::Characters) => Some(*length),
                Some(CharLengthUnits::Octets) => None,
            },
            CharacterLength::Max => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::written;

    #[test]
    fn a_text_of_a_length_is_cut() {
        for (given, expected) in [
            ("CAST(a AS VARCHAR(3))", "left(CAST(a AS VARCHAR), 3)"),
            ("a::character varying(3)", "left(a::VARCHAR, 3)"),
            ("TRY_CAST(a AS CHAR(3))", "left(TRY_CAST(a AS VARCHAR), 3)"),
            ("CAST(a AS VARCHAR)", "CAST(a AS VARCHAR)"),
            ("VARCHAR(3) 'abcdef'", "left(VARCHAR 'abcdef', 3)"),
        ] {
            assert_eq!(written(&format!("SELECT {given}")), format!("SELECT {expected}"));
        }
    }
}
