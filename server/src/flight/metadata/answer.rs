//! All metadata commands behind two functions, so that no command is answered in one RPC and
//! unimplemented in the next: ADBC's GetObjects fails half-way on a server that does that.

use arrow_flight::sql::Command;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::execution::SessionState;
use squadron_planner::catalog::declared_keys;
use squadron_planner::wire_schema::Wire;

use super::*;
use crate::flight::sql_info::{sql_info, sql_info_schema};

/// The schema of the answer to a metadata command, known before the answer is made; `None` for
/// a command of another kind.
pub fn answer_schema(command: &Command) -> Option<SchemaRef> {
    use Command::*;
    Some(match command {
        CommandGetCatalogs(_) => catalogs_schema(),
        CommandGetDbSchemas(_) => db_schemas_schema(),
        CommandGetTables(it) => tables_schema(it.include_schema),
        CommandGetTableTypes(_) => table_types_schema(),
        CommandGetSqlInfo(_) => sql_info_schema(),
        CommandGetXdbcTypeInfo(_) => xdbc_type_info_schema(),
        CommandGetPrimaryKeys(_) => primary_keys_schema(),
        CommandGetImportedKeys(_) | CommandGetExportedKeys(_) | CommandGetCrossReference(_) => {
            foreign_keys_schema()
        }
        _ => return None,
    })
}

/// The answer to a metadata command, as `session` sees things; `None` for a command of another
/// kind. Its schema is that of [`answer_schema`].
pub async fn answer(
    command: &Command,
    session: &SessionState,
    wire: Wire,
) -> Option<Result<RecordBatch>> {
    use Command::*;
    let view = CatalogView::from(session);
    let keys = || declared_keys(session.catalog_list().as_ref());
    Some(match command {
        CommandGetCatalogs(_) => catalogs(&view),
        CommandGetDbSchemas(it) => db_schemas(&view, it),
        CommandGetTables(it) => tables(&view, it, wire).await,
        CommandGetTableTypes(_) => table_types(),
        CommandGetSqlInfo(it) => sql_info(it, session),
        CommandGetXdbcTypeInfo(it) => xdbc_type_info(it),
        CommandGetPrimaryKeys(it) => primary_keys(&keys(), it),
        CommandGetImportedKeys(it) => imported_keys(&keys(), it),
        CommandGetExportedKeys(it) => exported_keys(&keys(), it),
        CommandGetCrossReference(it) => cross_reference(&keys(), it),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use arrow_flight::sql;
    use datafusion::prelude::{SessionConfig, SessionContext};

    use super::*;

    #[tokio::test]
    async fn every_command_has_an_answer_in_its_schema() {
        let config = SessionConfig::new().with_information_schema(true);
        let session = SessionContext::new_with_config(config).state();
        let with_columns = sql::CommandGetTables { include_schema: true, ..Default::default() };
        for command in [
            Command::CommandGetCatalogs(Default::default()),
            Command::CommandGetDbSchemas(Default::default()),
            Command::CommandGetTables(Default::default()),
            Command::CommandGetTables(with_columns),
            Command::CommandGetTableTypes(Default::default()),
            Command::CommandGetSqlInfo(Default::default()),
            Command::CommandGetXdbcTypeInfo(Default::default()),
            Command::CommandGetPrimaryKeys(Default::default()),
            Command::CommandGetImportedKeys(Default::default()),
            Command::CommandGetExportedKeys(Default::default()),
            Command::CommandGetCrossReference(Default::default()),
        ] {
            let schema = answer_schema(&command).unwrap();
            let found = answer(&command, &session, Wire::default()).await;
            assert_eq!(found.unwrap().unwrap().schema(), schema, "{command:?}");
        }
    }

    #[tokio::test]
    async fn other_commands_have_none() {
        let session = SessionContext::new().state();
        let command = Command::CommandStatementQuery(Default::default());
        assert!(answer_schema(&command).is_none());
        let found = answer(&command, &session, Wire::default()).await;
        assert!(found.is_none());
    }
}
