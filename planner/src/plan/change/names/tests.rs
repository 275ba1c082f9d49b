//! Whose a name is, in conditions of a statement that changes a table.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::logical_expr::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::*;

/// A condition of a statement that changes `squadron.prod.t`, which has columns `id` and `s`.
fn seen(alias: Option<&str>, sees: Sees, source: &str, condition: &str) -> Result<String> {
    let mut config = SessionConfig::new();
    let catalog = &mut config.options_mut().catalog;
    (catalog.default_catalog, catalog.default_schema) = ("squadron".into(), "public".into());
    let full = TableReference::full("squadron", "prod", "t").resolve("", "");
    let field = |name: &str| Field::new(name, DataType::Int32, true);
    let columns = Arc::new(Schema::new(vec![field("id"), field("s")]));
    let alias = alias.map(Ident::new);
    let mut names = Names::of(full, alias.as_ref(), columns, &config);
    if !source.is_empty() {
        let sql = format!("SELECT 1 FROM {source}");
        let mut query = Parser::new(&GenericDialect {}).try_with_sql(&sql).unwrap();
        let SetExpr::Select(select) = *query.parse_query().unwrap().body else { panic!() };
        names.source(select.from[0].relation.clone())?;
    }
    let mut parser = Parser::new(&GenericDialect {}).try_with_sql(condition).unwrap();
    names.seen(sees, parser.parse_expr().unwrap()).map(|expr| expr.to_string())
}

fn of_target(condition: &str) -> String {
    let seen = seen(None, Sees::Target, "", condition);
    seen.unwrap_or_else(|error| panic!("{condition}: {error}")).replace("\"t (changed)\"", "@")
}

#[test]
fn every_end_of_its_name_is_the_tables() {
    for name in ["id", "t.id", "prod.t.id", "squadron.prod.t.id", "T.ID", "Prod.\"t\".id"] {
        let expected = match name.rsplit_once('.') {
            Some((_, column)) => format!("@.{column} > 1"),
            None => format!("{name} > 1"),
        };
        assert_eq!(of_target(&format!("{name} > 1")), expected);
    }
    for other in ["x.t.id > 1", "\"T\".id > 1", "t.nothing > 1", "stage.t.id > 1"] {
        assert_eq!(of_target(other), other);
    }
    assert_eq!(of_target("prod.t.s['a'].b > 1"), "@.s['a'].b > 1");
    assert_eq!(of_target("t.s.a.b > 1"), "@.s.a.b > 1");
    assert_eq!(of_target("s.a > t.s[1]"), "s.a > @.s[1]");
}

#[test]
fn the_innermost_table_of_a_name_is_meant() {
    for (condition, expected) in [
        (
            "EXISTS (SELECT 1 FROM stage.t WHERE stage.t.id = prod.t.id)",
            "EXISTS (SELECT 1 FROM stage.t WHERE stage.t.id = @.id)",
        ),
        (
            "EXISTS (SELECT 1 FROM stage.t WHERE t.id = prod.t.id)",
            "EXISTS (SELECT 1 FROM stage.t WHERE t.id = @.id)",
        ),
        (
            "EXISTS (SELECT 1 FROM prod.t WHERE prod.t.id = t.id)",
            "EXISTS (SELECT 1 FROM prod.t WHERE prod.t.id = t.id)",
        ),
        (
            "EXISTS (SELECT 1 FROM u AS t WHERE t.id = 1)",
            "EXISTS (SELECT 1 FROM u AS t WHERE t.id = 1)",
        ),
        (
            "EXISTS (SELECT 1 FROM prod.t AS o WHERE o.id = t.id AND prod.t.s = o.s)",
            "EXISTS (SELECT 1 FROM prod.t AS o WHERE o.id = @.id AND @.s = o.s)",
        ),
        (
            "id IN (WITH t AS (SELECT 1 AS id) SELECT t.id FROM t UNION SELECT prod.t.s)",
            "id IN (WITH t AS (SELECT 1 AS id) SELECT t.id FROM t UNION SELECT @.s)",
        ),
        (
            "EXISTS (SELECT 1 FROM u AS t WHERE prod.t.id = t.id)",
            "EXISTS (SELECT 1 FROM u AS t WHERE @.id = t.id)",
        ),
        (
            "EXISTS (SELECT 1 FROM t WHERE prod.t.id = public.t.id)",
            "EXISTS (SELECT 1 FROM t WHERE @.id = public.t.id)",
        ),
        (
            "id IN (SELECT x.id FROM (SELECT t.id FROM t) AS x JOIN b ON b.id = t.id)",
            "id IN (SELECT x.id FROM (SELECT t.id FROM t) AS x JOIN b ON b.id = @.id)",
        ),
        (
            "EXISTS (SELECT 1 FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.id = prod.t.id) ORDER BY t.id)",
            "EXISTS (SELECT 1 FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.id = @.id) ORDER BY @.id)",
        ),
    ] {
        assert_eq!(of_target(condition), expected);
    }
}

#[test]
fn what_has_a_name_by_as_has_no_other() {
    let seen = |condition: &str| seen(Some("x"), Sees::Target, "", condition).unwrap();
    let tree = "EXISTS (SELECT 1 FROM prod.t WHERE prod.t.id = x.id)";
    assert_eq!(seen(tree), "EXISTS (SELECT 1 FROM prod.t WHERE prod.t.id = \"x (changed)\".id)");
    assert_eq!(seen("prod.t.id = 1"), "prod.t.id = 1");
}

#[test]
fn what_would_be_taken_for_another_tables_is_refused() {
    for condition in [
        "EXISTS (SELECT 1 FROM stage.t WHERE EXISTS (SELECT 1 FROM t WHERE stage.t.id = 1))",
        "EXISTS (SELECT 1 FROM u AS t WHERE other.t.id = t.id)",
        "EXISTS (SELECT 1 FROM t WHERE other.t.id = t.id)",
        "EXISTS (WITH t AS (SELECT 1 AS id) SELECT 1 FROM t WHERE public.t.id = t.id)",
        "EXISTS (SELECT 1 FROM stage.t, other.t WHERE t.id = 1)",
        "EXISTS (SELECT 1 FROM u AS \"t (changed)\" WHERE prod.t.id = 1)",
    ] {
        let refused = seen(None, Sees::Target, "", condition);
        assert!(matches!(refused, Err(PlannerError::Invalid(_))), "{condition}: {refused:?}");
    }
}

#[test]
fn a_source_has_names_beside_the_tables() {
    let both = |source: &str, on: &str| seen(None, Sees::Both, source, on);
    let on = "prod.t.id = stage.t.id";
    assert_eq!(both("stage.t", on).unwrap(), "\"t (changed)\".id = stage.t.id");
    both("stage.t", "t.id = 1").unwrap_err();
    both("prod.t", on).unwrap_err();
    let of_own = "(SELECT prod.t.id FROM prod.t) AS s";
    assert_eq!(both(of_own, "t.id = s.id").unwrap(), "\"t (changed)\".id = s.id");
    let own = seen(None, Sees::Source, "stage.t", "t.id = 1").unwrap();
    assert_eq!(own, "t.id = 1");
}
