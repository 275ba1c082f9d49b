//! Statements that change the catalog, carried out.

use datafusion::common::{Column, ResolvedTableReference, TableReference};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionConfig;
use datafusion::sql::planner::object_name_to_table_reference;
use datafusion::sql::sqlparser::ast::{Ident, ObjectName};
use uuid::Uuid;

use super::keys::name;
use super::{Parameters, Planner, logical};
use crate::catalog::{
    CATALOG_NAME, CatalogStore, Change, ChangeError, Entry, EntryKind, Existing, External,
    SCHEMA_NAME, State, View,
};
use crate::session::Engine;
use crate::statement::{AGAIN_MARK, Ddl, Statement, parse};
use crate::{PlannerError, Result};

impl Planner {
    /// Changes the catalog as a statement asks, for a user and in a session of these settings. It is done when this
    /// gives its answer, and every node sees it then.
    ///
    /// # Errors
    /// `AlreadyExists` and `NotFound` for names; `Invalid` for what cannot be; `Unsupported` where there is no
    /// warehouse; `Unavailable` when the catalog's store does not answer: it is not known then whether it was done.
    pub async fn execute(&self, ddl: &Ddl, config: &SessionConfig, by: &str) -> Result<()> {
        let named = self.engine().named();
        let store = named.store().ok_or_else(no_warehouse)?;
        let made = match ddl {
            Ddl::CreateSchema { name, or_not } => {
                let schema = schema(name, config)?;
                store.change(by, |state| state.create_schema(&schema, *or_not)).await
            }
            Ddl::DropSchemas { names, or_not, cascade } => {
                let schemas = names.iter().map(|name| schema(name, config));
                let schemas = schemas.collect::<Result<Vec<_>>>()?;
                let drop =
                    |state: &State, schema: &String| state.drop_schema(schema, *or_not, *cascade);
                store.change(by, |state| all(state, &schemas, drop)).await
            }
            Ddl::CreateExternal { name, location, format, options, existing } => {
                let name = full(name, config)?;
                let external = External {
                    location: self.engine().allowed(location)?,
                    format: format.clone(),
                    options: options.clone(),
                };
                let entry = entry(&name, by, EntryKind::External(external), None);
                self.create(store, &name, &entry, *existing, config, by).await?
            }
            Ddl::CreateView { name, columns, query, existing, comment } => {
                let name = full(name, config)?;
                let view = view(query, columns, config);
                let entry = entry(&name, by, EntryKind::View(Box::new(view)), comment.clone());
                self.create(store, &name, &entry, *existing, config, by).await?
            }
            Ddl::Alter(alter) => return self.alter(store, alter, config, by).await,
            Ddl::Drop { noun, names, or_not, cascade } => {
                let names = names.iter().map(|name| full(name, config));
                let names = names.collect::<Result<Vec<_>>>()?;
                names.iter().try_for_each(|name| {
                    refuse_files(self.engine(), name, PlannerError::Invalid)
                })?;
                let names: Vec<_> =
                    names.iter().map(|name| (&*name.schema, &*name.table)).collect();
                let drop = |state: &State| state.drop_entries(&names, noun, *or_not, *cascade);
                store.change(by, drop).await
            }
        };
        made.map(drop).map_err(refused)
    }

    /// Makes an entry that can be read.
    async fn create(
        &self,
        store: &CatalogStore,
        name: &ResolvedTableReference,
        entry: &Entry,
        existing: Existing,
        config: &SessionConfig,
        by: &str,
    ) -> Result<Result<std::sync::Arc<State>, ChangeError>> {
        refuse_files(self.engine(), name, PlannerError::AlreadyExists)?;
        let state = store.refresh().await.map_err(|error| PlannerError::from(&error))?;
        let changes = state.create(&name.schema, entry, existing).map_err(refused)?;
        if changes.is_empty() {
            return Ok(Ok(state));
        }
        let mut entry = entry.clone();
        let columns = self.try_out(name, &entry, &state, config).await?;
        if let EntryKind::View(view) = &mut entry.kind {
            view.of = columns;
        }
        let decide = |state: &State| state.create(&name.schema, &entry, existing);
        Ok(store.change(by, decide).await)
    }

    /// Whether an entry can be read, before others find it, and the columns of a view's query.
    async fn try_out(
        &self,
        name: &ResolvedTableReference,
        entry: &Entry,
        state: &State,
        config: &SessionConfig,
    ) -> Result<Vec<String>> {
        let mut session = self.engine().session(config.clone());
        match &entry.kind {
            EntryKind::External(external) => {
                let files = self.engine().files();
                let placed = files.placed(&entry.name, &external.location, &external.options);
                let placed = placed.map_err(|error| PlannerError::from(&error))?;
                let table = files.resolved(&placed, &external.format, config).await;
                table.map(|_| Vec::new()).map_err(|error| PlannerError::from(&error))
            }
            EntryKind::Managed(_) => Ok(Vec::new()),
            EntryKind::View(view) => {
                let Statement::Query(query) = parse(&view.query)? else {
                    return Err(PlannerError::Invalid("a view is made of a query".into()));
                };
                let this = TableReference::from(name.clone());
                if reaches(&session, view, state, &this, &mut Vec::new())? {
                    return Err(PlannerError::Invalid(format!(
                        "view {this} would be made of itself"
                    )));
                }
                let plan = logical(&mut session, query).await?;
                if Parameters::of(&plan)?.count() > 0 {
                    return Err(PlannerError::Invalid(
                        "a view has no parameters: write their values in its query".into(),
                    ));
                }
                named_once(&plan, &view.columns, "view")?;
                Ok(plan.schema().columns().iter().map(Column::flat_name).collect())
            }
        }
    }
}

/// What was found in files is not made or dropped by SQL.
pub(super) fn refuse_files(
    engine: &Engine,
    name: &ResolvedTableReference,
    refused: fn(String) -> PlannerError,
) -> Result<()> {
    match engine.files().place_of(&name.table) {
        Some(place) if &*name.schema == SCHEMA_NAME => Err(refused(format!(
            "table '{}.{}' is that of the files at {place}: it comes and goes with them",
            name.schema, name.table
        ))),
        _ => Ok(()),
    }
}

/// The changes for several names: each is decided on after those before it.
fn all<T>(
    state: &State,
    names: &[T],
    decide: impl Fn(&State, &T) -> Result<Vec<Change>, ChangeError>,
) -> Result<Vec<Change>, ChangeError> {
    let mut state = state.clone();
    let mut changes = Vec::new();
    for name in names {
        let next = decide(&state, name)?;
        state = state.with(&next);
        changes.extend(next);
    }
    Ok(changes)
}

/// The views that a view is made of, and what those are made of: whether `this` is among them.
fn reaches(
    session: &datafusion::execution::SessionState,
    view: &View,
    state: &State,
    this: &TableReference,
    seen: &mut Vec<TableReference>,
) -> Result<bool> {
    let Statement::Query(query) = parse(&view.query)? else { return Ok(false) };
    for reference in session.resolve_table_references(&query)? {
        let reference = reference.resolve(&view.catalog, &view.schema);
        let entry = state.entry(&reference.schema, &reference.table);
        let reference = TableReference::from(reference);
        if reference == *this {
            return Ok(true);
        }
        if seen.contains(&reference) {
            continue;
        }
        seen.push(reference);
        let Some(EntryKind::View(inner)) = entry.map(|entry| &entry.kind) else { continue };
        if reaches(session, inner, state, this, seen)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether columns can be told apart by name, and are as many as were named.
pub(super) fn named_once(plan: &LogicalPlan, names: &[String], what: &str) -> Result<()> {
    // Those of one name are told apart within a plan.
    let written =
        |name: &str| name.split_once(AGAIN_MARK).map_or(name, |(name, _)| name).to_owned();
    let own: Vec<_> = plan.schema().fields().iter().map(|field| written(field.name())).collect();
    if !names.is_empty() && names.len() != own.len() {
        return Err(PlannerError::Invalid(format!(
            "{} columns are named, and the query has {}",
            names.len(),
            own.len()
        )));
    }
    let names = if names.is_empty() { &own } else { names };
    let twice = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name));
    match twice {
        Some((_, name)) => Err(PlannerError::Invalid(format!(
            "the {what} would have two columns '{name}': give one of them another name with AS"
        ))),
        None => Ok(()),
    }
}

fn entry(
    name: &ResolvedTableReference,
    by: &str,
    kind: EntryKind,
    comment: Option<String>,
) -> Entry {
    let (id, owner) = (Uuid::now_v7().to_string(), by.to_owned());
    Entry { name: name.table.to_string(), id, owner, comment, keys: Vec::new(), kind }
}

fn view(query: &str, columns: &[Ident], config: &SessionConfig) -> View {
    let catalog = &config.options().catalog;
    View {
        query: query.to_owned(),
        columns: columns.iter().map(|ident| name(ident, config)).collect(),
        of: Vec::new(),
        catalog: catalog.default_catalog.clone(),
        schema: catalog.default_schema.clone(),
    }
}

/// A table's whole name.
pub(super) fn full(name: &ObjectName, config: &SessionConfig) -> Result<ResolvedTableReference> {
    let options = config.options();
    let normalize = options.sql_parser.enable_ident_normalization;
    let reference = object_name_to_table_reference(name.clone(), normalize)?;
    let catalog = &options.catalog;
    let full = reference.resolve(&catalog.default_catalog, &catalog.default_schema);
    in_catalog(&full.catalog)?;
    Ok(full)
}

/// A schema's name: `schema` or `catalog.schema`.
fn schema(name: &ObjectName, config: &SessionConfig) -> Result<String> {
    let normalize = config.options().sql_parser.enable_ident_normalization;
    match object_name_to_table_reference(name.clone(), normalize)? {
        TableReference::Bare { table } => Ok(table.to_string()),
        TableReference::Partial { schema, table } => {
            in_catalog(&schema)?;
            Ok(table.to_string())
        }
        TableReference::Full { .. } => Err(PlannerError::Invalid(format!(
            "'{name}' is no name of a schema: write schema, or {CATALOG_NAME}.schema"
        ))),
    }
}

pub(super) fn in_catalog(catalog: &str) -> Result<()> {
    match catalog == CATALOG_NAME {
        true => Ok(()),
        false => Err(PlannerError::NotFound(format!(
            "there is no catalog '{catalog}': all there is is in '{CATALOG_NAME}'"
        ))),
    }
}

pub(super) fn no_warehouse() -> PlannerError {
    PlannerError::Unsupported(
        "this node keeps no catalog: start it with --warehouse, a place that all nodes share"
            .into(),
    )
}

pub(super) fn refused(error: ChangeError) -> PlannerError {
    match error {
        ChangeError::AlreadyExists(text) => PlannerError::AlreadyExists(text),
        ChangeError::NotFound(text) => PlannerError::NotFound(text),
        ChangeError::Refused(text) => PlannerError::Invalid(text),
        ChangeError::Contended => PlannerError::Unavailable(error.to_string()),
        ChangeError::Unknown(_) => PlannerError::Internal(error.to_string()),
        ChangeError::Store(error) => PlannerError::from(&error),
    }
}
