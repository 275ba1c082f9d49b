//! The keys that a session's tables are declared to have, for who tells them to clients.

use datafusion::catalog::{CatalogProviderList, SchemaProvider};

use super::named::SessionSchema;
use super::store::{Entry, Key};
use super::tolerant::TolerantSchema;

/// A key, and of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredKey {
    /// The catalog of its table, and of the one that it refers to.
    pub catalog: String,
    /// The schema of its table.
    pub schema: String,
    /// Its table.
    pub table: String,
    /// The key.
    pub key: Key,
    /// Of a foreign key, the one that it refers to.
    pub referred: Option<Key>,
}

/// All keys of these catalogs, as far as they can be seen, in the order of their catalogs, schemas, tables and names.
pub fn declared_keys(catalogs: &dyn CatalogProviderList) -> Vec<DeclaredKey> {
    let mut keys = Vec::new();
    for catalog in catalogs.catalog_names() {
        let Some(provider) = catalogs.catalog(&catalog) else { continue };
        for schema in provider.schema_names() {
            let Some(found) = provider.schema(&schema) else { continue };
            let Some(session) = of_session(found.as_ref()) else { continue };
            for (table, key, referred) in session.keys() {
                let (catalog, schema) = (catalog.clone(), schema.clone());
                keys.push(DeclaredKey { catalog, schema, table, key, referred });
            }
        }
    }
    keys.sort_by(|one, other| place(one).cmp(&place(other)));
    keys
}

fn place(key: &DeclaredKey) -> [&str; 4] {
    [&key.catalog, &key.schema, &key.table, &key.key.name]
}

/// What the catalog says of a table or a view that SQL has made.
pub(crate) fn entry_of(schema: &dyn SchemaProvider, name: &str) -> Option<Entry> {
    of_session(schema)?.entry(name).cloned()
}

/// What SQL has made is all that has keys.
fn of_session(schema: &dyn SchemaProvider) -> Option<&SessionSchema> {
    match schema.downcast_ref::<TolerantSchema>() {
        Some(tolerant) => of_session(tolerant.inner()),
        None => schema.downcast_ref::<SessionSchema>(),
    }
}
