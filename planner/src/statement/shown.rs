//! What SHOW shows, as queries over `information_schema`.
//!
//! Problem: DataFusion 55 plans `SHOW TABLES` without more, and no SHOW SCHEMAS, DATABASES, CATALOGS, VIEWS or VARIABLES, which
//! clients of Spark and Hive ask for. Here: they are queries, sorted by name. A LIKE takes `*` for `%`, as Spark does.

use datafusion::sql::parser::{DFParser, Statement as DfStatement};
use datafusion::sql::sqlparser::ast::{
    Ident, ObjectName, ShowStatementFilter, ShowStatementFilterPosition, ShowStatementOptions,
    Statement as SqlStatement,
};

use crate::{PlannerError, Result};

/// Writes a SHOW as a query.
///
/// # Errors
/// `Unsupported` for words that are not known, and for what there is not.
pub(super) fn write_out(statement: &mut DfStatement) -> Result<()> {
    let DfStatement::Statement(sql) = &*statement else { return Ok(()) };
    if let Some(query) = query(sql)? {
        let parsed = DFParser::parse_sql(&query)?.pop_front();
        *statement = parsed.ok_or_else(|| PlannerError::Internal("an empty SHOW".into()))?;
    }
    Ok(())
}

fn query(sql: &SqlStatement) -> Result<Option<String>> {
    let query = match sql {
        SqlStatement::ShowTables {
            terse: false,
            history: false,
            extended: false,
            external: false,
            show_options,
            ..
        } => {
            if is_plain(show_options) {
                return Ok(Some("SELECT * FROM information_schema.tables ORDER BY 1, 2, 3".into()));
            }
            let of = of(show_options, &["table_catalog", "table_schema"], "table_name")?;
            format!("SELECT * FROM information_schema.tables{of} ORDER BY 1, 2, 3")
        }
        SqlStatement::ShowViews { terse: false, materialized: false, show_options } => {
            let of = of(show_options, &["table_catalog", "table_schema"], "table_name")?;
            let and = if of.is_empty() { " WHERE" } else { " AND" };
            format!(
                "SELECT * FROM information_schema.tables{of}{and} table_type = 'VIEW' AND table_schema <> 'information_schema' ORDER BY 1, 2, 3"
            )
        }
        SqlStatement::ShowSchemas { terse: false, history: false, show_options }
        | SqlStatement::ShowDatabases { terse: false, history: false, show_options } => {
            let of = of(show_options, &["catalog_name"], "schema_name")?;
            format!("SELECT schema_name FROM information_schema.schemata{of} ORDER BY 1")
        }
        SqlStatement::ShowCatalogs { terse: false, history: false, show_options } => {
            let of = of(show_options, &[], "catalog_name")?;
            format!("SELECT DISTINCT catalog_name FROM information_schema.schemata{of} ORDER BY 1")
        }
        SqlStatement::ShowVariables { filter, .. } => {
            let of = filter.as_ref().map(|filter| named_like(filter, "name")).transpose()?;
            let of = of.map_or_else(String::new, |of| format!(" WHERE {of}"));
            format!("SELECT name, value FROM information_schema.df_settings{of} ORDER BY name")
        }
        _ => return Ok(None),
    };
    Ok(Some(query))
}

fn is_plain(options: &ShowStatementOptions) -> bool {
    options.show_in.is_none() && options.filter_position.is_none()
}

/// The condition: in what, where the last of `places` is the narrowest, and of which names.
fn of(options: &ShowStatementOptions, places: &[&str], name: &str) -> Result<String> {
    if options.starts_with.is_some() || options.limit.is_some() || options.limit_from.is_some() {
        return Err(refused("STARTS WITH and LIMIT"));
    }
    let mut conditions = Vec::new();
    if let Some(place) = options.show_in.as_ref().and_then(|place| place.parent_name.as_ref()) {
        let parts = parts(place)?;
        let from =
            places.len().checked_sub(parts.len()).ok_or_else(|| refused("IN of such a name"))?;
        conditions.extend(
            places[from..]
                .iter()
                .zip(parts)
                .map(|(place, part)| format!("{place} = {}", quoted(&part))),
        );
    }
    match &options.filter_position {
        Some(
            ShowStatementFilterPosition::Infix(filter)
            | ShowStatementFilterPosition::Suffix(filter),
        ) => {
            conditions.push(named_like(filter, name)?);
        }
        None => {}
    }
    Ok(match conditions.is_empty() {
        true => String::new(),
        false => format!(" WHERE {}", conditions.join(" AND ")),
    })
}

fn named_like(filter: &ShowStatementFilter, name: &str) -> Result<String> {
    match filter {
        ShowStatementFilter::Like(pattern) | ShowStatementFilter::NoKeyword(pattern) => {
            Ok(format!("{name} LIKE {}", quoted(&pattern.replace('*', "%"))))
        }
        ShowStatementFilter::ILike(pattern) => Ok(format!("{name} ILIKE {}", quoted(pattern))),
        ShowStatementFilter::Where(_) => Err(refused("WHERE")),
    }
}

fn refused(what: &str) -> PlannerError {
    PlannerError::Unsupported(format!(
        "{what} in SHOW is not supported by this version: select from information_schema"
    ))
}

fn parts(name: &ObjectName) -> Result<Vec<String>> {
    let folded = |ident: &Ident| match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    };
    let parts = name.0.iter().map(|part| part.as_ident().map(folded));
    parts.collect::<Option<_>>().ok_or_else(|| refused("IN of such a name"))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::super::tests::written;

    #[test]
    fn show_is_a_query() {
        for (sql, expected) in [
            (
                "SHOW TABLES LIKE 'n*'",
                "SELECT * FROM information_schema.tables WHERE table_name LIKE 'n%' ORDER BY 1, 2, 3",
            ),
            (
                "SHOW TABLES IN Public",
                "SELECT * FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1, 2, 3",
            ),
            (
                "SHOW TABLES FROM squadron.public",
                "SELECT * FROM information_schema.tables WHERE table_catalog = 'squadron' AND table_schema = 'public' ORDER BY 1, 2, 3",
            ),
            ("SHOW DATABASES", "SELECT schema_name FROM information_schema.schemata ORDER BY 1"),
            (
                "SHOW SCHEMAS LIKE 'p%'",
                "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE 'p%' ORDER BY 1",
            ),
            (
                "SHOW CATALOGS",
                "SELECT DISTINCT catalog_name FROM information_schema.schemata ORDER BY 1",
            ),
        ] {
            assert_eq!(written(sql), expected);
        }
        assert!(written("SHOW VIEWS").contains("table_type = 'VIEW'"));
    }

    #[test]
    fn what_cannot_be_shown_says_so() {
        let refused = parse("SHOW TABLES WHERE a = 1").unwrap_err().to_string();
        assert!(refused.contains("information_schema"), "{refused}");
    }
}
