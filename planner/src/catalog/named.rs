//! What a session's statements find by name: the tables of files, and what the store says was made.
//!
//! ```text
//! SessionCatalog "squadron" ─┬─ public ─┬─ tables found in --data   (FilesCatalog)
//!   (one statement, one      │          └─ tables and views made    (CatalogStore)
//!    state of the store)     └─ sales  ─── tables and views made
//! ```
//!
//! A view is planned anew for each statement that names it, in the session of that statement, but for the schema in which
//! its names are looked for: that is its maker's.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProviderList, SchemaProvider, TableProvider,
};
use datafusion::common::{Column, Result, TableReference, plan_err};
use datafusion::datasource::{TableType, ViewTable};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::prelude::{SessionConfig, col};
use parking_lot::Mutex;

use super::delta::{DeltaScan, DeltaTables, Snapshot};
use super::error::CatalogError;
use super::files::table::FilesTable;
use super::files::{Entry as FilesEntry, FilesCatalog, Found};
use super::location::DataLocation;
use super::store::{CatalogStore, Entry, EntryKind, External, Key, State, View};
use super::{CATALOG_NAME, SCHEMA_NAME};
use crate::plan::logical;
use crate::statement::{Statement, parse};

/// Views of views of views: more of them are a circle, or a mistake.
const DEEPEST: usize = 32;

/// All that has a name in the catalog of a node. Cloning it is cheap and shares everything.
#[derive(Debug, Clone)]
pub struct Named {
    files: FilesCatalog,
    store: Option<Arc<CatalogStore>>,
    /// The external tables that were asked for, by the ids and names of their entries, with what is known of their files.
    externals: Arc<Mutex<HashMap<String, Arc<FilesEntry>>>>,
    /// The Delta tables among all of them.
    tables: Arc<DeltaTables>,
    /// What the queries of views are planned in.
    template: Arc<OnceLock<SessionState>>,
}

impl Named {
    /// The tables of files, and what this store says was made.
    pub fn new(files: FilesCatalog, store: Option<Arc<CatalogStore>>) -> Self {
        let tables = Arc::new(DeltaTables::new(Arc::clone(files.runtime())));
        Self { files, store, externals: Arc::default(), tables, template: Arc::default() }
    }

    /// Has the queries of views planned in sessions like this one.
    pub(crate) fn plan_views_in(&self, template: SessionState) {
        // A second one would be the same.
        let _ = self.template.set(template);
    }

    /// The tables of files.
    pub fn files(&self) -> &FilesCatalog {
        &self.files
    }

    /// Where what was made is kept.
    pub fn store(&self) -> Option<&Arc<CatalogStore>> {
        self.store.as_ref()
    }

    /// The Delta tables that this node has looked at.
    pub(crate) fn tables(&self) -> &DeltaTables {
        &self.tables
    }

    /// Whether a name is told by memory alone: that of a table of files, which nobody makes or drops by SQL.
    pub fn is_of_files(&self, schema: &str, table: &str) -> bool {
        schema == SCHEMA_NAME && self.files.knows(table)
    }

    /// A DataFusion catalog for one statement of a session with this configuration.
    pub fn for_session(&self, config: &SessionConfig) -> Arc<dyn CatalogProvider> {
        let state = self.store.as_ref().map(|store| store.known()).unwrap_or_default();
        let (named, config, pinned) = (self.clone(), config.clone(), Arc::default());
        Arc::new(SessionCatalog { named, state, config, depth: 0, pinned })
    }

    /// The entry of an external table's files.
    fn external(&self, entry: &Entry, external: &External) -> Result<Arc<FilesEntry>> {
        let mut externals = self.externals.lock();
        // One that has another name by now is told by that.
        let key = format!("{} {}", entry.id, entry.name);
        if let Some(known) = externals.get(&key) {
            return Ok(Arc::clone(known));
        }
        let found = self.files.placed(&entry.name, &external.location, &external.options)?;
        externals.insert(key, Arc::clone(&found));
        Ok(found)
    }

    /// The plan of a view's query, as part of a statement that sees `of`.
    async fn view(&self, view: &View, of: &SessionCatalog) -> Result<LogicalPlan> {
        if of.depth >= DEEPEST {
            return plan_err!("views refer to each other in a circle, or more than {DEEPEST} deep");
        }
        let Some(template) = self.template.get() else {
            return plan_err!("views are not planned here");
        };
        let config = of.config.clone();
        let config = config.with_default_catalog_and_schema(&view.catalog, &view.schema);
        let catalogs = MemoryCatalogProviderList::new();
        let deeper = SessionCatalog { config: config.clone(), depth: of.depth + 1, ..of.clone() };
        catalogs.register_catalog(CATALOG_NAME.to_owned(), Arc::new(deeper));
        let mut state = template.clone();
        state.register_catalog_list(Arc::new(catalogs));
        *state.config_mut() = config;
        state.mark_start_execution();
        let Statement::Query(query) = parse(&view.query)? else {
            return plan_err!("a view is a query: {}", view.query);
        };
        let plan = logical(&mut state, query).await?;
        renamed(columns_of(plan, &view.of)?, &view.columns)
    }
}

/// A plan with these of its columns alone, if any are named.
fn columns_of(plan: LogicalPlan, names: &[String]) -> Result<LogicalPlan> {
    let columns = plan.schema().columns();
    if names.is_empty() || columns.iter().map(Column::flat_name).eq(names.iter().cloned()) {
        return Ok(plan);
    }
    // What is calculated may be called otherwise by the settings of another session.
    let unnamed = |at: usize| {
        let there = columns.get(at).filter(|_| columns.len() == names.len());
        there.filter(|column| column.relation.is_none())
    };
    let found = names.iter().enumerate().map(|(at, name)| {
        match column(&columns, name)?.or_else(|| unnamed(at)) {
            Some(column) => Ok(col(column.clone())),
            None => {
                plan_err!("the view's query has no column '{name}' any more: make the view anew")
            }
        }
    });
    let found = found.collect::<Result<Vec<_>>>()?;
    LogicalPlanBuilder::from(plan).project(found)?.build()
}

/// The column of this name, with its table or, as older entries have it, without.
fn column<'c>(columns: &'c [Column], name: &str) -> Result<Option<&'c Column>> {
    let full = columns.iter().find(|column| column.flat_name() == name);
    let mut own = columns.iter().filter(|column| column.name == name);
    match (full, own.next(), own.next()) {
        (Some(column), ..) | (None, Some(column), None) => Ok(Some(column)),
        (None, Some(_), Some(_)) => plan_err!(
            "the view's query has two columns '{name}' by now: make the view anew, and name its columns"
        ),
        _ => Ok(None),
    }
}

/// A plan whose columns have these names, if there are any.
fn renamed(plan: LogicalPlan, names: &[String]) -> Result<LogicalPlan> {
    if names.is_empty() {
        return Ok(plan);
    }
    let columns = plan.schema().columns();
    if columns.len() != names.len() {
        return plan_err!("{} columns are named, and the query has {}", names.len(), columns.len());
    }
    let named = columns.into_iter().zip(names).map(|(column, name)| col(column).alias(name));
    LogicalPlanBuilder::from(plan).project(named)?.build()
}

/// The catalog `squadron` for one statement.
#[derive(Debug, Clone)]
struct SessionCatalog {
    named: Named,
    /// What was made, as this statement sees it.
    state: Arc<State>,
    config: SessionConfig,
    /// Views of views.
    depth: usize,
    /// What this statement reads of each table, however often it is named, and in however many plans.
    pinned: Arc<Pinned>,
}

/// One state of each table.
#[derive(Debug, Default)]
struct Pinned {
    /// The versions of Delta tables, by location.
    versions: tokio::sync::Mutex<HashMap<String, Arc<Snapshot>>>,
    /// The listings of others.
    listings: tokio::sync::Mutex<HashMap<Place, Arc<FilesTable>>>,
}

/// Where the name of a table of files is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Place {
    /// Among those of `--data`, by name.
    Data(String),
    /// In the store, by the id of its entry.
    External(String),
}

impl SessionCatalog {
    /// A Delta table of this name.
    async fn delta(
        &self,
        name: TableReference,
        location: &DataLocation,
    ) -> Result<Arc<dyn TableProvider>> {
        let table = self.named.tables.at(location)?;
        let mut pinned = self.pinned.versions.lock().await;
        let key = location.key();
        let snapshot = match pinned.get(&key) {
            Some(snapshot) => Arc::clone(snapshot),
            None => {
                let snapshot = table.newest().await?;
                pinned.insert(key, Arc::clone(&snapshot));
                snapshot
            }
        };
        Ok(Arc::new(DeltaScan::new(table, snapshot, name, &self.config)))
    }
}

impl SessionCatalog {
    /// A table of files, as it was `found` when the statement first named it.
    async fn files(
        &self,
        place: Place,
        name: TableReference,
        found: impl Future<Output = Result<Option<Found>>> + Send,
    ) -> Result<Option<Arc<dyn TableProvider>>> {
        let mut listings = self.pinned.listings.lock().await;
        if let Some(known) = listings.get(&place) {
            return Ok(Some(Arc::clone(known) as _));
        }
        match found.await? {
            None => Ok(None),
            Some(Found::Delta(location)) => self.delta(name, &location).await.map(Some),
            Some(Found::Files(table)) => {
                let table = Arc::new(table);
                listings.insert(place, Arc::clone(&table));
                Ok(Some(table))
            }
        }
    }
}

impl CatalogProvider for SessionCatalog {
    fn schema_names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.state.schemas().map(str::to_owned).collect();
        names.extend(self.named.files.other_schemas().into_iter().map(|(name, _)| name));
        names.sort();
        names.dedup();
        names
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        if self.state.has_schema(name) {
            return Some(Arc::new(SessionSchema { of: self.clone(), name: name.to_owned() }));
        }
        let others = self.named.files.other_schemas().into_iter();
        others.filter(|(other, _)| other == name).map(|(_, schema)| schema).next()
    }
}

/// One of its schemas.
#[derive(Debug)]
pub(super) struct SessionSchema {
    of: SessionCatalog,
    name: String,
}

impl SessionSchema {
    /// Its tables' keys, each with its table and what it refers to.
    pub(super) fn keys(&self) -> impl Iterator<Item = (String, Key, Option<Key>)> {
        let state = &self.of.state;
        let entries = state.entries(&self.name);
        entries.flat_map(move |entry| {
            entry.keys.iter().map(move |key| {
                let referred = key.reference().and_then(|to| {
                    let table = state.entry(&to.schema, &to.table)?;
                    table.key_of(&to.columns).cloned()
                });
                (entry.name.clone(), key.clone(), referred)
            })
        })
    }

    fn has_files(&self) -> bool {
        self.name == SCHEMA_NAME
    }

    pub(super) fn entry(&self, name: &str) -> Option<&Entry> {
        self.of.state.entry(&self.name, name)
    }

    async fn made(&self, entry: &Entry) -> Result<Arc<dyn TableProvider>> {
        let SessionCatalog { named, config, .. } = &self.of;
        match &entry.kind {
            EntryKind::Managed(managed) => {
                let Some(store) = named.store() else {
                    return plan_err!("a table of a warehouse, and there is none");
                };
                self.of.delta(self.reference(&entry.name), &store.place_of(managed)).await
            }
            EntryKind::External(external) => {
                let files = named.external(entry, external)?;
                let found = async {
                    Ok(Some(named.files.resolved(&files, &external.format, config).await?))
                };
                let place = Place::External(entry.id.clone());
                let table = self.of.files(place, self.reference(&entry.name), found).await?;
                table.map_or_else(|| plan_err!("{}: no files", entry.name), Ok)
            }
            EntryKind::View(view) => {
                let plan = named
                    .view(view, &self.of)
                    .await
                    .map_err(|error| error.context(format!("view {}.{}", self.name, entry.name)))?;
                Ok(Arc::new(ViewTable::new(plan, Some(view.query.clone()))))
            }
        }
    }

    fn reference(&self, name: &str) -> TableReference {
        TableReference::full(CATALOG_NAME, self.name.clone(), name)
    }

    /// A name that stands for two things stands for neither.
    fn twice(&self, entry: &Entry) -> CatalogError {
        CatalogError::DuplicateTable {
            table: entry.name.clone(),
            first: self.of.named.files.place_of(&entry.name).unwrap_or_default(),
            second: format!("CREATE {}", entry.kind.noun().to_uppercase()),
        }
    }
}

#[async_trait]
impl SchemaProvider for SessionSchema {
    fn table_names(&self) -> Vec<String> {
        let made = self.of.state.entries(&self.name).map(|entry| entry.name.clone());
        let files = if self.has_files() { self.of.named.files.names() } else { Vec::new() };
        let mut names: Vec<_> = made.chain(files).collect();
        names.sort();
        names.dedup();
        names
    }

    /// An unknown name is no error: it may be a table function or a common table expression.
    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let files = &self.of.named.files;
        match self.entry(name) {
            Some(entry) if self.has_files() && files.knows(name) => Err(self.twice(entry).into()),
            Some(entry) => self.made(entry).await.map(Some),
            None if self.has_files() => {
                let found = async { Ok(files.table(name, &self.of.config).await?) };
                let place = Place::Data(name.to_owned());
                self.of.files(place, self.reference(name), found).await
            }
            None => Ok(None),
        }
    }

    /// Without looking at files: a broken table is listed like any other.
    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        Ok(match self.entry(name).map(|entry| &entry.kind) {
            Some(EntryKind::View(_)) => Some(TableType::View),
            Some(EntryKind::Managed(_) | EntryKind::External(_)) => Some(TableType::Base),
            None => self.table_exist(name).then_some(TableType::Base),
        })
    }

    fn table_exist(&self, name: &str) -> bool {
        self.entry(name).is_some() || (self.has_files() && self.of.named.files.knows(name))
    }
}
