//! Which names in a statement are those of the table that it changes.
//!
//! In the queries that a change comes to, its table has a name of its own, which no table of the statement has. It is put
//! wherever the statement means that table, by the scopes of SQL: the innermost FROM that has a table of that name, and so
//! on outwards.
//!
//! ```text
//!   DELETE FROM prod.t WHERE EXISTS (SELECT 1 FROM stage.t WHERE stage.t.id = prod.t.id)
//!     ─► … FROM <files> AS "t (changed)" WHERE EXISTS (SELECT 1 FROM stage.t WHERE stage.t.id = "t (changed)".id)
//! ```
//!
//! Problem: for DataFusion `prod.t.id` is a column of any table that is called `t` alone, by its name or by AS, whatever
//! its schema is (`TableReference::resolved_eq`), and of the first FROM outwards that has one. Official way: none. Here: a
//! name that it would take for that of another table than SQL means is refused.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{ResolvedTableReference, TableReference};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionConfig;
use datafusion::sql::planner::object_name_to_table_reference;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Ident, ObjectName, PipeOperator, Query, SetExpr, TableFactor, TableWithJoins,
    VisitMut, VisitorMut,
};

use super::target::{OWN, Target};
use crate::statement::ColumnName;
use crate::{PlannerError, Result};

/// Parts of a table's name at most: catalog, schema and table.
const MOST_PARTS: usize = 3;

/// The table that is changed, as the queries of the change call it.
#[derive(Debug, Clone)]
pub(super) struct Own {
    /// Its name there.
    pub(super) name: Ident,
    /// What names began with that stood for it within subqueries.
    outer: BTreeSet<String>,
}

impl Own {
    /// A name for a query that has nothing of the statement.
    pub(super) fn plain() -> Self {
        Self { name: Ident::with_quote('"', "x"), outer: BTreeSet::new() }
    }

    /// Whether a plan has what the names of the statement could mean as well: a field of a column that is called as the
    /// table is. DataFusion looks for columns of the inner FROM first, other engines for tables.
    ///
    /// # Errors
    /// `Invalid` for such a name.
    pub(super) fn refuse_fields(&self, plan: &LogicalPlan) -> Result<()> {
        let mut found = None;
        plan.apply_with_subqueries(|node| {
            for (qualifier, field) in node.schema().iter() {
                let is_own = qualifier
                    .is_some_and(|it| it.catalog() == Some(OWN) || it.table() == self.name.value);
                if !is_own && self.outer.contains(field.name()) && has_fields(field.data_type()) {
                    found = Some(field.name().clone());
                }
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        match found {
            Some(name) => Err(PlannerError::Invalid(format!(
                "'{name}' is the table that is changed, and a column of another one: call the table something else, with AS"
            ))),
            None => Ok(()),
        }
    }
}

fn has_fields(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Struct(_) | DataType::Map(..))
}

/// The names of one statement.
pub(super) struct Names<'c> {
    config: &'c SessionConfig,
    own: Own,
    target: Called,
    columns: SchemaRef,
    /// What the source of a MERGE is called.
    source: Vec<Called>,
}

/// Which tables an expression may name that stands in no subquery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sees {
    /// The one that is changed.
    Target,
    /// The source of a MERGE.
    Source,
    /// Both.
    Both,
}

impl<'c> Names<'c> {
    /// Of a statement that changes this table, and may call it something else.
    pub(super) fn new(target: &Target, alias: Option<&Ident>, config: &'c SessionConfig) -> Self {
        let columns = target.scan.snapshot().schema.clone();
        Self::of(target.name.clone(), alias, columns, config)
    }

    fn of(
        full: ResolvedTableReference,
        alias: Option<&Ident>,
        columns: SchemaRef,
        config: &'c SessionConfig,
    ) -> Self {
        let target = match alias {
            Some(alias) => Called::Alias(normal(alias, config)),
            None => Called::Table { written: TableReference::from(full.clone()), full },
        };
        let name = Ident::with_quote('"', format!("{} (changed)", target.last()));
        let own = Own { name, outer: BTreeSet::new() };
        Self { config, own, target, columns, source: Vec::new() }
    }

    /// The table that is changed, when all names are seen to.
    pub(super) fn own(self) -> Own {
        self.own
    }

    /// Sees to the source of a MERGE, which expressions may name from now on.
    ///
    /// # Errors
    /// `Invalid` for names in it that would be taken for others.
    pub(super) fn source(&mut self, mut source: TableFactor) -> Result<TableFactor> {
        let mut walk = Walk { names: self, sees_target: false, scopes: vec![], parts: vec![] };
        if let ControlFlow::Break(error) = source.visit(&mut walk) {
            return Err(error);
        }
        let mut called = Vec::new();
        walk.called(&source, &mut called)?;
        self.source = called;
        Ok(source)
    }

    /// # Errors
    /// `Unsupported` for a column that gets a value, and has something before it that is not the table.
    pub(super) fn refuse_field(&self, column: &ColumnName) -> Result<()> {
        let table: Vec<_> = column.table.iter().map(|part| normal(part, self.config)).collect();
        match table.is_empty() || (table.len() <= MOST_PARTS && self.target.answers(&table)) {
            true => Ok(()),
            false => Err(PlannerError::Unsupported(format!(
                "{}.{}: '{}' is not what the statement calls the table, and a field of a column is not changed by itself: \
                 set the whole column",
                table.join("."),
                column.name,
                table.join(".")
            ))),
        }
    }

    /// An expression of the statement, with the table's own name where it means the table.
    ///
    /// # Errors
    /// `Invalid` for names that would be taken for others.
    pub(super) fn seen(&mut self, sees: Sees, mut expr: Expr) -> Result<Expr> {
        let outermost = if sees == Sees::Target { Vec::new() } else { self.source.clone() };
        let (sees_target, scopes) = (sees != Sees::Source, vec![outermost]);
        let mut walk = Walk { names: self, sees_target, scopes, parts: vec![] };
        match expr.visit(&mut walk) {
            ControlFlow::Break(error) => Err(error),
            ControlFlow::Continue(()) => Ok(expr),
        }
    }
}

/// A name as it is looked for.
pub(super) fn normal(ident: &Ident, config: &SessionConfig) -> String {
    match ident.quote_style {
        None if config.options().sql_parser.enable_ident_normalization => {
            ident.value.to_lowercase()
        }
        _ => ident.value.clone(),
    }
}

/// What a table of a FROM is called.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Called {
    /// By AS alone, or as a part of WITH.
    Alias(String),
    /// By any end of its full name.
    Table { written: TableReference, full: ResolvedTableReference },
    /// One of both: the part of WITH that has this name may come after what names it.
    Either { name: String, full: ResolvedTableReference },
}

impl Called {
    fn last(&self) -> &str {
        match self {
            Self::Alias(name) | Self::Either { name, .. } => name,
            Self::Table { full, .. } => &full.table,
        }
    }

    /// Whether SQL means this one by a name.
    fn answers(&self, name: &[String]) -> bool {
        match self {
            Self::Alias(own) | Self::Either { name: own, .. } => {
                matches!(name, [one] if one == own)
            }
            Self::Table { full, .. } => is_end(full, name),
        }
    }

    /// Whether it is not known that SQL means another one.
    fn may_answer(&self, name: &[String]) -> bool {
        match self {
            Self::Either { full, .. } => is_end(full, name),
            other => other.answers(name),
        }
    }

    /// Whether DataFusion takes a name for this one's.
    fn is_taken_for(&self, name: &[String]) -> bool {
        match self {
            Self::Alias(own) | Self::Either { name: own, .. } => name.last() == Some(own),
            Self::Table { written, .. } => written.resolved_eq(&reference(name)),
        }
    }
}

fn is_end(full: &ResolvedTableReference, name: &[String]) -> bool {
    let parts = [&full.catalog, &full.schema, &full.table];
    parts[parts.len() - name.len()..].iter().zip(name).all(|(own, it)| &***own == it)
}

fn reference(name: &[String]) -> TableReference {
    match name {
        [catalog, schema, table] => {
            TableReference::full(catalog.as_str(), schema.as_str(), table.as_str())
        }
        [schema, table] => TableReference::partial(schema.as_str(), table.as_str()),
        _ => TableReference::bare(name.concat()),
    }
}

/// Whose a name is.
#[derive(Debug, PartialEq, Eq)]
enum Meant {
    /// The changed table's, by so many parts of it.
    Own(usize),
    /// Another's, or nobody's.
    Other,
}

/// The way through an expression and its subqueries.
struct Walk<'n, 'c> {
    names: &'n mut Names<'c>,
    sees_target: bool,
    /// What the tables of each FROM around are called, the outermost first.
    scopes: Vec<Vec<Called>>,
    /// The names of the parts of each WITH around.
    parts: Vec<Vec<String>>,
}

impl Walk<'_, '_> {
    fn normal(&self, ident: &Ident) -> String {
        normal(ident, self.names.config)
    }

    /// What a column belongs to that has such a name.
    fn meant(&self, name: &[String]) -> Result<Meant> {
        let most = name.len().saturating_sub(1).min(MOST_PARTS);
        // The table's own name is never taken for another's.
        let mut wrong = None;
        for (depth, scope) in self.scopes.iter().enumerate().rev() {
            for length in (1..=most).rev() {
                let table = &name[..length];
                let answers = scope.iter().filter(|it| it.answers(table)).count();
                if depth == 0 && self.sees_target && self.names.target.answers(table) {
                    if answers > 0 {
                        return Err(twice(name));
                    }
                    if self.names.columns.index_of(&name[length]).is_ok() {
                        return Ok(Meant::Own(length));
                    }
                    // A field of a column that is called as the table is, or nothing.
                    continue;
                }
                match (answers, scope.iter().filter(|it| it.is_taken_for(table)).count()) {
                    (0, 0) => {}
                    (0, _) if scope.iter().any(|it| it.may_answer(table)) => {
                        return Err(another(name, table));
                    }
                    (0, _) => wrong = wrong.or_else(|| Some(another(name, table))),
                    (1, 1) => return wrong.map_or(Ok(Meant::Other), Err),
                    _ => return Err(twice(name)),
                }
            }
        }
        wrong.map_or(Ok(Meant::Other), Err)
    }

    /// The parts of a name that are left behind the table's own, where it is the table's.
    fn after_own(&mut self, idents: &[Ident]) -> Result<Option<Vec<Ident>>> {
        let name: Vec<_> = idents.iter().map(|ident| self.normal(ident)).collect();
        let Meant::Own(length) = self.meant(&name)? else { return Ok(None) };
        if self.scopes.len() > 1 {
            self.names.own.outer.insert(name[0].clone());
        }
        let own = [self.names.own.name.clone()];
        Ok(Some(own.into_iter().chain(idents[length..].iter().cloned()).collect()))
    }

    fn rename(&mut self, expr: &mut Expr) -> Result<()> {
        match expr {
            Expr::CompoundIdentifier(idents) => {
                if let Some(renamed) = self.after_own(idents)? {
                    *idents = renamed;
                }
            }
            Expr::CompoundFieldAccess { root, access_chain } => {
                let mut idents = match root.as_ref() {
                    Expr::Identifier(ident) => vec![ident.clone()],
                    Expr::CompoundIdentifier(idents) => idents.clone(),
                    _ => return Ok(()),
                };
                let dots = access_chain.iter().map_while(|access| match access {
                    AccessExpr::Dot(Expr::Identifier(ident)) => Some(ident.clone()),
                    _ => None,
                });
                let dots: Vec<_> = dots.collect();
                let count = dots.len();
                idents.extend(dots);
                if let Some(renamed) = self.after_own(&idents)? {
                    **root = Expr::CompoundIdentifier(renamed);
                    access_chain.drain(..count);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What the tables of a query's own FROM are called.
    fn scope(&self, query: &Query) -> Result<Vec<Called>> {
        let mut called = Vec::new();
        self.of_body(&query.body, &mut called)?;
        for pipe in &query.pipe_operators {
            match pipe {
                PipeOperator::Join(join) => self.called(&join.relation, &mut called)?,
                PipeOperator::As { alias } => called.push(Called::Alias(self.normal(alias))),
                _ => {}
            }
        }
        Ok(called)
    }

    fn of_body(&self, body: &SetExpr, called: &mut Vec<Called>) -> Result<()> {
        match body {
            SetExpr::Select(select) => {
                select.from.iter().try_for_each(|from| self.of_joins(from, called))
            }
            SetExpr::SetOperation { left, right, .. } => {
                self.of_body(left, called)?;
                let mut others = Vec::new();
                self.of_body(right, &mut others)?;
                // The same table on both sides is one that a name may mean.
                others.retain(|other| !called.contains(other));
                called.extend(others);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn of_joins(&self, from: &TableWithJoins, called: &mut Vec<Called>) -> Result<()> {
        self.called(&from.relation, called)?;
        from.joins.iter().try_for_each(|join| self.called(&join.relation, called))
    }

    fn called(&self, factor: &TableFactor, called: &mut Vec<Called>) -> Result<()> {
        let alias = match factor {
            TableFactor::Table { name, alias: None, .. } => {
                called.push(self.table(name)?);
                None
            }
            // Without a name of its own it has those of its tables.
            TableFactor::Derived { subquery, alias: None, .. } => {
                called.extend(self.scope(subquery)?);
                None
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                self.of_joins(table_with_joins, called)?;
                alias.as_ref()
            }
            TableFactor::Pivot { table, alias, .. }
            | TableFactor::Unpivot { table, alias, .. }
            | TableFactor::MatchRecognize { table, alias, .. } => {
                self.called(table, called)?;
                alias.as_ref()
            }
            TableFactor::Table { alias, .. }
            | TableFactor::Derived { alias, .. }
            | TableFactor::TableFunction { alias, .. }
            | TableFactor::Function { alias, .. }
            | TableFactor::UNNEST { alias, .. }
            | TableFactor::JsonTable { alias, .. }
            | TableFactor::OpenJsonTable { alias, .. }
            | TableFactor::XmlTable { alias, .. }
            | TableFactor::SemanticView { alias, .. } => alias.as_ref(),
        };
        called.extend(alias.map(|alias| Called::Alias(self.normal(&alias.name))));
        match called.iter().any(|it| it.last() == self.names.own.name.value) {
            true => Err(PlannerError::Invalid(format!(
                "'{}' is kept for the table that is changed: call this one something else",
                self.names.own.name.value
            ))),
            false => Ok(()),
        }
    }

    fn table(&self, name: &ObjectName) -> Result<Called> {
        let options = self.names.config.options();
        let normalize = options.sql_parser.enable_ident_normalization;
        let written = object_name_to_table_reference(name.clone(), normalize)?;
        let catalog = &options.catalog;
        let full = written.clone().resolve(&catalog.default_catalog, &catalog.default_schema);
        let is_part = |part: &String| written.schema().is_none() && part == written.table();
        Ok(match self.parts.iter().flatten().any(is_part) {
            true => Called::Either { name: written.table().to_owned(), full },
            false => Called::Table { written, full },
        })
    }
}

fn twice(name: &[String]) -> PlannerError {
    PlannerError::Invalid(format!(
        "{}: two tables are called so: give them names with AS",
        name.join(".")
    ))
}

fn another(name: &[String], table: &[String]) -> PlannerError {
    PlannerError::Invalid(format!(
        "{}: another table than {} is called {} there as well: give both names with AS",
        name.join("."),
        table.join("."),
        table.last().map_or("", String::as_str)
    ))
}

impl VisitorMut for Walk<'_, '_> {
    type Break = PlannerError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<PlannerError> {
        let with = query.with.iter().flat_map(|with| &with.cte_tables);
        let parts = with.map(|part| self.normal(&part.alias.name)).collect();
        self.parts.push(parts);
        match self.scope(query) {
            Ok(scope) => {
                self.scopes.push(scope);
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<PlannerError> {
        self.parts.pop();
        self.scopes.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<PlannerError> {
        match self.rename(expr) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

#[cfg(test)]
mod tests;
