//! Where and who a statement is asked from: `current_schema`, `current_database()`, `current_user` and their like.
//!
//! Problem: DataFusion 55 has none of them, and drivers and tools ask for them when they connect. A function would have
//! to know the session on every node. Here: they are constants by the time the statement is planned.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArguments, Ident, Select, SelectItem, Value, VisitorMut,
};

use super::walk;

/// What a session knows of itself.
#[derive(Debug, Clone)]
pub(crate) struct Here {
    pub(crate) catalog: String,
    pub(crate) schema: String,
    pub(crate) user: String,
}

impl Here {
    /// Writes out the functions that ask for it.
    pub(crate) fn write_out(&self, statement: &mut DfStatement) {
        walk::rewrite(statement, &mut Asked { here: self, names: false });
    }

    /// The same, and names without parentheses, which columns may have: for a statement that cannot be planned without.
    /// `None` where there are none.
    pub(crate) fn write_out_names(&self, statement: &DfStatement) -> Option<DfStatement> {
        let text = statement.to_string().to_lowercase();
        if !BARE.iter().any(|name| text.contains(name)) {
            return None;
        }
        let mut statement = statement.clone();
        walk::rewrite(&mut statement, &mut Asked { here: self, names: true });
        Some(statement)
    }

    fn value(&self, function: &str) -> Option<&str> {
        match function {
            "current_user" | "session_user" | "system_user" | "user" | "current_role" => {
                Some(&self.user)
            }
            "current_schema" | "schema" => Some(&self.schema),
            "current_catalog" | "current_database" | "database" => Some(&self.catalog),
            _ => None,
        }
    }
}

/// Names that SQL reserves.
const BARE: [&str; 5] =
    ["current_user", "session_user", "current_role", "current_schema", "current_catalog"];

struct Asked<'h> {
    here: &'h Here,
    names: bool,
}

impl Asked<'_> {
    /// What is asked for, and the name that a column of it has.
    fn answer(&self, expr: &Expr) -> Option<(&str, String)> {
        let name = match expr {
            Expr::Function(call) => {
                let no_args = match &call.args {
                    FunctionArguments::None => true,
                    FunctionArguments::List(list) => {
                        list.args.is_empty() && list.clauses.is_empty()
                    }
                    FunctionArguments::Subquery(_) => false,
                };
                let [name] = call.name.0.as_slice() else { return None };
                no_args.then(|| name.as_ident())??
            }
            Expr::Identifier(name) if self.names => name,
            _ => return None,
        };
        let folded = name.value.to_lowercase();
        let is_name = matches!(expr, Expr::Identifier(_));
        if name.quote_style.is_some() || is_name && !BARE.contains(&folded.as_str()) {
            return None;
        }
        Some((self.here.value(&folded)?, folded))
    }
}

impl VisitorMut for Asked<'_> {
    type Break = ();

    /// A column of its own keeps its name.
    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) = item
                && let Some((value, name)) = self.answer(expr)
            {
                let alias = Ident::with_quote('"', name);
                *item = SelectItem::ExprWithAlias { expr: text(value), alias };
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Some((value, _)) = self.answer(expr) {
            *expr = text(value);
        }
        ControlFlow::Continue(())
    }
}

fn text(value: &str) -> Expr {
    Expr::Value(Value::SingleQuotedString(value.to_owned()).with_empty_span())
}

#[cfg(test)]
mod tests {
    use super::super::{Statement, parse};
    use super::*;

    fn here() -> Here {
        Here { catalog: "c".into(), schema: "s".into(), user: "o'hara".into() }
    }

    fn check(sql: &str, expected: &str) {
        let Ok(Statement::Query(mut query)) = parse(sql) else { panic!("{sql}") };
        here().write_out(&mut query);
        assert_eq!(query.to_string(), expected);
    }

    #[test]
    fn functions_are_constants() {
        check("SELECT current_database()", "SELECT 'c' AS \"current_database\"");
        check("SELECT upper(current_schema()), user", "SELECT upper('s'), 'o''hara' AS \"user\"");
        check("SELECT 1 FROM t WHERE a = CURRENT_USER", "SELECT 1 FROM t WHERE a = 'o''hara'");
    }

    #[test]
    fn columns_and_functions_of_something_stay() {
        check(
            "SELECT \"user\", t.user, schema(a) FROM t",
            "SELECT \"user\", t.user, schema(a) FROM t",
        );
    }

    #[test]
    fn reserved_names_are_constants_where_no_column_has_them() {
        let Ok(Statement::Query(query)) = parse("SELECT current_schema FROM t") else { panic!() };
        let named = here().write_out_names(&query).unwrap().to_string();
        assert_eq!(named, "SELECT 's' AS \"current_schema\" FROM t");
        let Ok(Statement::Query(query)) = parse("SELECT a FROM t") else { panic!() };
        assert!(here().write_out_names(&query).is_none());
    }
}
