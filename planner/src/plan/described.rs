//! DESCRIBE in the types of SQL, and SHOW CREATE.
//!
//! Problem: DataFusion 55 describes columns by types of Arrow (`Utf8View`) that no result has, and its SHOW CREATE TABLE shows
//! a definition for nothing. Here: columns have the types that results tell, under the names that CAST and CREATE TABLE take; views and
//! tables are shown as the statements that make them ([`shown`](super::shown)), and whatever no statement made is refused.

use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::common::{ResolvedTableReference, TableReference};
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Ident, ObjectName, ShowCreateObject, Statement as SqlStatement,
};

use super::shown::{self, type_name};
use crate::catalog::delta::DeltaScan;
use crate::catalog::{EntryKind, entry_of};
use crate::wire_schema::Wire;
use crate::{PlannerError, Result};

mod of_tables;

/// The same plan, or what DESCRIBE tells of one.
pub(super) fn in_sql(plan: LogicalPlan, wire: Wire) -> Result<LogicalPlan> {
    let LogicalPlan::DescribeTable(describe) = plan else { return Ok(plan) };
    let told = wire.schema(&describe.schema);
    let fields = || told.fields().iter().zip(describe.schema.fields());
    let nullable = |own: &Arc<Field>| if own.is_nullable() { "YES" } else { "NO" };
    rows([
        ("column_name", fields().map(|(field, _)| field.name().clone()).collect()),
        ("data_type", fields().map(|(field, _)| type_name(field.data_type())).collect()),
        ("is_nullable", fields().map(|(_, own)| nullable(own).to_owned()).collect()),
    ])
}

fn rows<const N: usize>(columns: [(&str, Vec<String>); N]) -> Result<LogicalPlan> {
    let fields = columns.iter().map(|(name, _)| Field::new(*name, DataType::Utf8, false));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let columns = columns.map(|(_, values)| Arc::new(StringArray::from(values)) as _);
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns.into())?;
    let table = Arc::new(MemTable::try_new(schema, vec![vec![batch]])?);
    let told = LogicalPlanBuilder::scan("described", provider_as_source(table), None)?;
    Ok(told.build()?)
}

/// What SHOW CREATE shows; `None` for any other statement.
///
/// # Errors
/// `NotFound` for a name that nothing has, `Unsupported` for what no statement made.
pub(super) async fn shown(
    state: &SessionState,
    statement: &DfStatement,
) -> Result<Option<LogicalPlan>> {
    let DfStatement::Statement(sql) = statement else { return Ok(None) };
    if let Some((what, name)) = of_tables::asked(sql) {
        return of_tables::told(state, what, &name).await.map(Some);
    }
    let SqlStatement::ShowCreate {
        obj_type: ShowCreateObject::Table | ShowCreateObject::View,
        obj_name,
    } = sql.as_ref()
    else {
        return Ok(None);
    };
    let name = reference(obj_name);
    let (name, table, schema) = found(state, name).await?;
    let entry = entry_of(schema.as_ref(), &name.table);
    let made = entry.as_ref().map(|entry| (entry, &entry.kind));
    let statement = match (made, table.get_table_definition(), table.downcast_ref::<DeltaScan>()) {
        (_, Some(query), _) => shown::view(&name, &table.schema(), query),
        (Some((_, EntryKind::External(external))), ..) => shown::external(&name, external),
        (Some((entry, _)), _, Some(scan)) => shown::table(&name, entry, scan),
        _ => {
            return Err(PlannerError::Unsupported(format!(
                "SHOW CREATE of {name}: it is of files that were found, and no statement made it; DESCRIBE shows its columns"
            )));
        }
    };
    Ok(Some(rows([("name", vec![name.table.to_string()]), ("statement", vec![statement])])?))
}

/// What has a name, and where.
///
/// # Errors
/// `NotFound` where nothing has it.
async fn found(
    state: &SessionState,
    name: TableReference,
) -> Result<(ResolvedTableReference, Arc<dyn TableProvider>, Arc<dyn SchemaProvider>)> {
    let catalog = &state.config().options().catalog;
    let name = name.resolve(&catalog.default_catalog, &catalog.default_schema);
    let missing = || PlannerError::NotFound(format!("there is no table or view '{name}'"));
    let schema = state.catalog_list().catalog(&name.catalog);
    let schema = schema.and_then(|catalog| catalog.schema(&name.schema)).ok_or_else(missing)?;
    let table = schema.table(&name.table).await?.ok_or_else(missing)?;
    Ok((name, table, schema))
}

fn reference(name: &ObjectName) -> TableReference {
    let folded = |ident: &Ident| match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    };
    let parts: Vec<_> = name.0.iter().filter_map(|part| part.as_ident().map(folded)).collect();
    match parts.as_slice() {
        [catalog, schema, table] => {
            TableReference::full(catalog.as_str(), schema.as_str(), table.as_str())
        }
        [schema, table] => TableReference::partial(schema.as_str(), table.as_str()),
        parts => TableReference::bare(parts.join(".")),
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::Planned;
    use crate::plan::tests::{Planning, request};

    async fn refusal(sql: &str) -> String {
        let planning = Planning::new().await;
        let planned = planning.planner.plan(sql, &planning.config("local"), &request()).await;
        planned.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[tokio::test]
    async fn columns_are_described() {
        let planning = Planning::new().await;
        let config = planning.config("distributed");
        let planned = planning.planner.plan("DESCRIBE t", &config, &request()).await.unwrap();
        let Planned::Query(plan) = planned else { panic!("a query") };
        let names: Vec<_> = plan.schema.fields().iter().map(|field| field.name()).collect();
        assert_eq!(names, ["column_name", "data_type", "is_nullable"]);
    }

    #[tokio::test]
    async fn what_no_statement_made_is_refused() {
        assert!(refusal("SHOW CREATE TABLE t").await.contains("DESCRIBE"));
        assert!(refusal("SHOW CREATE VIEW nope").await.contains("no table or view"));
    }
}
