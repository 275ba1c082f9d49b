//! Tables of one name in several schemas.
//!
//! Problem: for DataFusion 55 `b.t.id` is a column of any table that is called `t` alone, by its name in FROM or by AS,
//! whatever its schema is (`TableReference::resolved_eq`), and of the first FROM outwards that has one: `FROM t JOIN b.t ON
//! t.id = b.t.id` compares a column with itself. Official way: none. Here: where a statement says the schema of a `t`, the
//! others are called by theirs too; a name that would still be taken for another table's is refused.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, ObjectName, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr,
    TableFactor, TableWithJoins, Visitor, VisitorMut,
};

use super::columns::folded;
use super::walk;
use crate::{PlannerError, Result};

/// Tells them apart in a statement of a session with this schema.
///
/// # Errors
/// `Invalid` for a name that is that of two tables, or that DataFusion would take for another table's.
pub(crate) fn tell_apart(statement: &mut DfStatement, schema: &str) -> Result<()> {
    let mut names = Names { schema, ..Names::default() };
    let walked = walk::walk(statement, &mut names);
    if let ControlFlow::Break(problem) = walked {
        return Err(PlannerError::Invalid(problem));
    }
    let Names { said, bare, .. } = names;
    if bare.iter().flatten().any(|name| said.contains(name)) {
        walk::rewrite(statement, &mut Called { schema, said, bare: bare.into_iter() });
    }
    Ok(())
}

/// What a name of a table in FROM stands for.
#[derive(Debug, PartialEq, Eq)]
enum Is {
    /// The table of this schema.
    Table(String),
    /// Something that has this name here; the table that it is, if that has the same name, is of this schema.
    Alias(Option<String>),
}

type Scope = Vec<(String, Is)>;

/// The names that WITH gives in a query, and those that the query itself cannot use yet.
#[derive(Default)]
struct Given {
    names: Vec<String>,
    hidden: Vec<String>,
}

#[derive(Default)]
struct Names<'s> {
    schema: &'s str,
    scopes: Vec<Scope>,
    given: Vec<Given>,
    /// Queries of WITH that are still to come, with the names that they cannot use.
    coming: Vec<(*const Query, Vec<String>)>,
    /// Tables that the statement says the schema of.
    said: BTreeSet<String>,
    /// Of each table in FROM, in their order, the name if that is all that is said.
    bare: Vec<Option<String>>,
}

impl Names<'_> {
    fn is_given(&self, name: &str) -> bool {
        let mut is_hidden = false;
        for given in self.given.iter().rev() {
            if given.names.iter().any(|other| other == name) && !std::mem::take(&mut is_hidden) {
                return true;
            }
            is_hidden |= given.hidden.iter().any(|other| other == name);
        }
        false
    }

    fn scope(&self, select: &Select) -> Scope {
        let mut scope = Vec::new();
        select.from.iter().for_each(|from| self.add(from, &mut scope));
        scope
    }

    fn add(&self, from: &TableWithJoins, scope: &mut Scope) {
        let joined = from.joins.iter().map(|join| &join.relation);
        for factor in std::iter::once(&from.relation).chain(joined) {
            let table = self.table(factor);
            match (factor, alias(factor), table) {
                (_, Some(alias), table) => {
                    let same = table.filter(|(name, _)| *name == alias).map(|(_, schema)| schema);
                    scope.push((alias, Is::Alias(same.flatten())));
                }
                (TableFactor::NestedJoin { table_with_joins, .. }, None, _) => {
                    self.add(table_with_joins, scope);
                }
                (_, None, Some((name, Some(schema)))) => scope.push((name, Is::Table(schema))),
                (_, None, Some((name, None))) => scope.push((name, Is::Alias(None))),
                (_, None, None) => {}
            }
        }
    }

    /// The name of a table and its schema, which a query of WITH has not.
    fn table(&self, factor: &TableFactor) -> Option<(String, Option<String>)> {
        let parts = table_name(factor)?;
        let name = parts.last()?.clone();
        match parts.len().checked_sub(2) {
            Some(at) => Some((name, parts.get(at).cloned())),
            None if self.is_given(&name) => Some((name, None)),
            None => Some((name, Some(self.schema.to_owned()))),
        }
    }

    /// Whether a name that says the schema of a table would be taken for another one.
    fn look(&mut self, schema: &str, table: &str) -> ControlFlow<String> {
        self.said.insert(table.to_owned());
        for scope in self.scopes.iter().rev() {
            let of_name = || scope.iter().filter(|(name, _)| name == table).map(|(_, is)| is);
            let is_this = |is: &Is| match is {
                Is::Table(of) | Is::Alias(Some(of)) => of == schema,
                Is::Alias(None) => false,
            };
            let is_taken = of_name().any(|is| matches!(is, Is::Alias(_)) && !is_this(is));
            match is_taken {
                true => {
                    return ControlFlow::Break(format!(
                        "'{schema}.{table}' could be taken for what is called '{table}' here by AS or WITH: call that something else"
                    ));
                }
                false if of_name().any(is_this) => return ControlFlow::Continue(()),
                false => {}
            }
        }
        ControlFlow::Continue(())
    }

    /// A name without a schema is that of one table.
    fn look_bare(&self, table: &str) -> ControlFlow<String> {
        let of_name = |scope: &&Scope| scope.iter().filter(|(name, _)| name == table).count();
        let innermost = self.scopes.iter().rev().find(|scope| of_name(scope) > 0);
        match innermost.map_or(0, |scope| of_name(&scope)) {
            0 | 1 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(format!(
                "'{table}' is the name of two tables in one FROM: say the schema, or give them other names with AS"
            )),
        }
    }

    /// `schema.table.column…`, or `catalog.schema.table.column…`.
    fn look_at(&mut self, parts: &[String], columns: usize) -> ControlFlow<String> {
        let tables = parts.len().saturating_sub(columns);
        for at in 0..tables.saturating_sub(1).min(2) {
            self.look(&parts[at], &parts[at + 1])?;
        }
        ControlFlow::Continue(())
    }
}

fn alias(factor: &TableFactor) -> Option<String> {
    match factor {
        TableFactor::Table { alias, .. }
        | TableFactor::Derived { alias, .. }
        | TableFactor::TableFunction { alias, .. }
        | TableFactor::Function { alias, .. }
        | TableFactor::UNNEST { alias, .. }
        | TableFactor::NestedJoin { alias, .. } => alias.as_ref().map(|alias| folded(&alias.name)),
        _ => None,
    }
}

fn table_name(factor: &TableFactor) -> Option<Vec<String>> {
    match factor {
        TableFactor::Table { name, args: None, .. } => names(name),
        _ => None,
    }
}

fn names(name: &ObjectName) -> Option<Vec<String>> {
    name.0.iter().map(|part| part.as_ident().map(folded)).collect()
}

impl Visitor for Names<'_> {
    type Break = String;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<String> {
        let at = self.coming.iter().position(|(coming, _)| std::ptr::eq(*coming, query));
        let hidden = at.map(|at| self.coming.swap_remove(at).1).unwrap_or_default();
        let mut names = Vec::new();
        if let Some(with) = &query.with {
            names.extend(with.cte_tables.iter().map(|cte| folded(&cte.alias.name)));
            for (at, cte) in with.cte_tables.iter().enumerate() {
                // One that is recursive can use its own name.
                let from = if with.recursive { at + 1 } else { at };
                self.coming.push((cte.query.as_ref(), names[from..].to_vec()));
            }
        }
        self.given.push(Given { names, hidden });
        if let SetExpr::Select(select) = query.body.as_ref() {
            let scope = self.scope(select);
            self.scopes.push(scope);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<String> {
        self.given.pop();
        if matches!(query.body.as_ref(), SetExpr::Select(_)) {
            self.scopes.pop();
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<String> {
        let scope = self.scope(select);
        self.scopes.push(scope);
        for item in &select.projection {
            if let SelectItem::QualifiedWildcard(
                SelectItemQualifiedWildcardKind::ObjectName(name),
                _,
            ) = item
            {
                let parts = names(name).unwrap_or_default();
                match parts.as_slice() {
                    [table] => self.look_bare(table)?,
                    _ => self.look_at(&parts, 0)?,
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, _: &Select) -> ControlFlow<String> {
        self.scopes.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<String> {
        let parts = table_name(factor);
        if let Some([.., _, table]) = parts.as_deref() {
            self.said.insert(table.clone());
        }
        self.bare.push(match parts.as_deref() {
            Some([name]) if alias(factor).is_none() && !self.is_given(name) => Some(name.clone()),
            _ => None,
        });
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<String> {
        match expr {
            Expr::CompoundIdentifier(parts) => {
                let parts: Vec<_> = parts.iter().map(folded).collect();
                match parts.as_slice() {
                    [table, _] => self.look_bare(table),
                    _ => self.look_at(&parts, 1),
                }
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

/// Says the schema of tables of such names.
struct Called<'s> {
    schema: &'s str,
    said: BTreeSet<String>,
    bare: std::vec::IntoIter<Option<String>>,
}

impl VisitorMut for Called<'_> {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let bare = self.bare.next().flatten().filter(|name| self.said.contains(name));
        if let (TableFactor::Table { name, .. }, Some(_)) = (factor, bare) {
            let schema = Ident::with_quote('"', self.schema);
            let table = name.0.iter().filter_map(|part| part.as_ident().cloned());
            *name = ObjectName::from(std::iter::once(schema).chain(table).collect::<Vec<_>>());
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Statement, parse};
    use super::*;

    fn told_apart(sql: &str) -> Result<String> {
        let Ok(Statement::Query(mut statement)) = parse(sql) else { panic!("{sql}") };
        tell_apart(&mut statement, "own").map(|()| statement.to_string())
    }

    #[test]
    fn tables_of_a_name_that_is_said_with_a_schema_are_called_by_theirs() {
        for (sql, expected) in [
            (
                "SELECT own.t.a FROM t JOIN b.t ON b.t.a = own.t.a",
                r#"SELECT own.t.a FROM "own".t JOIN b.t ON b.t.a = own.t.a"#,
            ),
            (
                "SELECT 1 FROM b.t WHERE EXISTS (SELECT 1 FROM t WHERE t.a = b.t.a)",
                r#"SELECT 1 FROM b.t WHERE EXISTS (SELECT 1 FROM "own".t WHERE t.a = b.t.a)"#,
            ),
            ("SELECT b.t.* FROM t, b.t", r#"SELECT b.t.* FROM "own".t, b.t"#),
            (
                "SELECT t.a FROM t JOIN b.u ON b.u.a = t.a",
                "SELECT t.a FROM t JOIN b.u ON b.u.a = t.a",
            ),
            ("SELECT own.t.a FROM t AS t", "SELECT own.t.a FROM t AS t"),
            (
                "WITH t AS (SELECT * FROM t WHERE own.t.a > 1) SELECT t.a FROM t",
                r#"WITH t AS (SELECT * FROM "own".t WHERE own.t.a > 1) SELECT t.a FROM t"#,
            ),
            (
                "WITH t AS (SELECT * FROM b.t WHERE b.t.a > 1) SELECT t.a FROM t ORDER BY t.a",
                "WITH t AS (SELECT * FROM b.t WHERE b.t.a > 1) SELECT t.a FROM t ORDER BY t.a",
            ),
        ] {
            assert_eq!(told_apart(sql).unwrap(), expected, "{sql}");
        }
    }

    #[test]
    fn a_name_that_would_be_taken_for_another_is_refused() {
        for sql in [
            "SELECT 1 FROM b.t WHERE EXISTS (SELECT 1 FROM u AS t WHERE t.a = b.t.a)",
            "SELECT 1 FROM b.t WHERE EXISTS (SELECT 1 FROM c.t AS t WHERE t.a = b.t.a)",
            "WITH t AS (SELECT 1 AS a) SELECT 1 FROM b.t WHERE EXISTS (SELECT 1 FROM t WHERE t.a = b.t.a)",
            "SELECT b.t.* FROM (SELECT 1 AS a) AS t, b.t",
            "SELECT 1 FROM u AS t, b.t ORDER BY b.t.a",
            "SELECT t.a FROM t, b.t",
            "SELECT t.* FROM t, b.t",
        ] {
            let refused = told_apart(sql).unwrap_err().to_string();
            assert!(["'b.t'", "'t'"].iter().any(|name| refused.contains(name)), "{sql}: {refused}");
        }
    }
}
