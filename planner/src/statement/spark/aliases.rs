//! `SELECT a + 1 AS x, x * 2 AS y`: a column by the name that SELECT gives it before.
//!
//! Spark looks for a column of the table first. So does this: a statement is planned as it stands, and where that finds no column of
//! a name, the name is written out, in the SELECTs that do not know it and in no others. Lambdas have names of their own, and
//! subqueries know none of these. What is written out is a copy: a random number would be another one, and of a name that is
//! given twice nobody knows which is meant. Both are refused.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Query, Select, SelectItem, VisitMut, VisitorMut, visit_expressions,
};

use super::functions::name_of;
use crate::session::spark::SPARK;
use crate::statement::AGAIN_MARK;
use crate::statement::walk::{self, nested};

/// A statement with a name written out.
pub(crate) struct WrittenOut {
    /// The statement.
    pub(crate) statement: DfStatement,
    /// How many of its SELECTs give the name and use it.
    pub(crate) count: usize,
    /// Why the name cannot be written out.
    pub(crate) refused: Option<&'static str>,
}

/// The statement with what SELECT gives this name in the place of the name, in those of its SELECTs that `which` takes: of all
/// that give a name and use it, by their number.
pub(crate) fn written_out(
    statement: &DfStatement,
    name: &str,
    which: impl Fn(usize) -> bool,
) -> WrittenOut {
    let mut statement = statement.clone();
    let mut selects = Selects { name, which, count: 0, refused: None };
    walk::rewrite(&mut statement, &mut selects);
    let Selects { count, refused, .. } = selects;
    WrittenOut { statement, count, refused }
}

/// Why what has a name cannot be copied, if it cannot.
fn refused(given: &Expr, times: usize) -> Option<&'static str> {
    if times > 1 {
        return Some("SELECT gives it twice: call one of the two something else");
    }
    is_random(given).then_some(
        "it is random, and would be another at each place: name it in a subquery, and SELECT from that",
    )
}

fn is_random(of: &Expr) -> bool {
    const RANDOM: [&str; 5] = ["rand", "randn", "random", "uuid", "shuffle"];
    let found = visit_expressions(of, |expr| match expr {
        Expr::Function(function)
            if name_of(function).is_some_and(|name| {
                RANDOM.contains(&name.strip_prefix(SPARK).unwrap_or(&name))
            }) =>
        {
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

fn is(ident: &Ident, name: &str) -> bool {
    match ident.quote_style {
        Some(_) => ident.value == name,
        None => ident.value.to_lowercase() == name,
    }
}

/// Whether it is a further column of the name, which has a mark behind it by now.
fn is_again(alias: &Ident, name: &str) -> bool {
    alias.value.strip_prefix(name).is_some_and(|mark| mark.starts_with(AGAIN_MARK))
}

struct Selects<'n, W> {
    name: &'n str,
    which: W,
    count: usize,
    refused: Option<&'static str>,
}

impl<W: Fn(usize) -> bool> VisitorMut for Selects<'_, W> {
    type Break = ();

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let mut given: Option<Expr> = None;
        let (mut times, mut problem) = (0, None);
        let (mut items, mut changes) = (select.projection.clone(), false);
        for item in &mut items {
            if let Some(given) = &given {
                let mut uses = Uses { name: self.name, given, changes: false, within: 0 };
                let _ = item.visit(&mut uses);
                changes |= uses.changes;
                problem = problem.or_else(|| refused(given, times).filter(|_| uses.changes));
            }
            if let SelectItem::ExprWithAlias { expr, alias } = item {
                if is(alias, self.name) {
                    given = Some(expr.clone());
                }
                times += usize::from(is(alias, self.name) || is_again(alias, self.name));
            }
        }
        if changes {
            if (self.which)(self.count) {
                select.projection = items;
                self.refused = self.refused.or(problem);
            }
            self.count += 1;
        }
        ControlFlow::Continue(())
    }
}

struct Uses<'u> {
    name: &'u str,
    given: &'u Expr,
    changes: bool,
    /// Subqueries, and lambdas that have the name, around the place.
    within: usize,
}

impl Uses<'_> {
    fn is_of_lambda(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Lambda(lambda) => {
                lambda.params.iter().any(|parameter| is(&parameter.name, self.name))
            }
            _ => false,
        }
    }
}

impl VisitorMut for Uses<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.within += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.within -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        self.within += usize::from(self.is_of_lambda(expr));
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        self.within -= usize::from(self.is_of_lambda(expr));
        if self.within > 0 {
            return ControlFlow::Continue(());
        }
        let written = match expr {
            Expr::Identifier(ident) if is(ident, self.name) => nested(self.given.clone()),
            // A field of it.
            Expr::CompoundIdentifier(parts) if parts.len() > 1 && is(&parts[0], self.name) => {
                let fields = parts[1..].iter().map(|field| field.value.as_str());
                fields.fold(self.given.clone(), field)
            }
            _ => return ControlFlow::Continue(()),
        };
        *expr = written;
        self.changes = true;
        ControlFlow::Continue(())
    }
}

fn field(of: Expr, name: &str) -> Expr {
    walk::call("get_field", [of, walk::text(name)])
}
