//! The catalog after some change: what it comes to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::log::Record;
use super::{Change, ChangeError, Entry, EntryKind, Key};
use crate::catalog::{INFORMATION_SCHEMA, SCHEMA_NAME};

/// All schemas with their tables and views, after one of the changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The number of the last change; nothing is known of a catalog that has none.
    last: Option<u64>,
    /// By name. `public` is always there, and is here only if something is in it.
    schemas: BTreeMap<String, Schema>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Schema {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    entries: BTreeMap<String, Entry>,
}

impl State {
    /// The number of the last change.
    pub(super) fn last(&self) -> Option<u64> {
        self.last
    }

    /// The number that the next change will have.
    pub(super) fn next(&self) -> u64 {
        self.last.map_or(0, |last| last + 1)
    }

    /// What it comes to with the next change.
    pub(super) fn after(&self, record: &Record) -> Self {
        Self { last: Some(self.next()), ..self.with(&record.changes) }
    }

    /// What it would come to with these changes, as part of the next one.
    pub(crate) fn with(&self, changes: &[Change]) -> Self {
        let mut state = self.clone();
        changes.iter().for_each(|change| state.apply(change.clone()));
        state
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::PutSchema { schema, comment } => {
                self.schemas.entry(schema).or_default().comment = comment;
            }
            Change::DropSchema { schema } => drop(self.schemas.remove(&schema)),
            Change::Put { schema, entry } => {
                let entries = &mut self.schemas.entry(schema).or_default().entries;
                entries.insert(entry.name.clone(), entry);
            }
            Change::Drop { schema, name } => {
                if let Some(schema) = self.schemas.get_mut(&schema) {
                    schema.entries.remove(&name);
                }
            }
        }
    }

    /// The names of the schemas, `public` among them.
    pub fn schemas(&self) -> impl Iterator<Item = &str> {
        let named = self.schemas.keys().map(String::as_str).filter(|name| *name != SCHEMA_NAME);
        std::iter::once(SCHEMA_NAME).chain(named)
    }

    /// Whether there is such a schema.
    pub fn has_schema(&self, schema: &str) -> bool {
        schema == SCHEMA_NAME || self.schemas.contains_key(schema)
    }

    /// The entries of a schema, by name.
    pub fn entries(&self, schema: &str) -> impl Iterator<Item = &Entry> {
        self.schemas.get(schema).into_iter().flat_map(|schema| schema.entries.values())
    }

    /// All entries, with the names of their schemas.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &Entry)> {
        let schemas = self.schemas.iter();
        schemas.flat_map(|(name, schema)| {
            schema.entries.values().map(move |entry| (name.as_str(), entry))
        })
    }

    /// The entry of this name.
    pub fn entry(&self, schema: &str, name: &str) -> Option<&Entry> {
        self.schemas.get(schema)?.entries.get(name)
    }

    /// CREATE SCHEMA.
    ///
    /// # Errors
    /// When there is one.
    pub fn create_schema(&self, schema: &str, or_not: bool) -> Result<Vec<Change>, ChangeError> {
        if schema.eq_ignore_ascii_case(INFORMATION_SCHEMA) && !or_not {
            return Err(ChangeError::AlreadyExists(format!(
                "schema '{INFORMATION_SCHEMA}' is there already: it tells of all others"
            )));
        }
        match self.has_schema(schema) || schema.eq_ignore_ascii_case(INFORMATION_SCHEMA) {
            false => Ok(vec![Change::PutSchema { schema: schema.to_owned(), comment: None }]),
            true if or_not => Ok(Vec::new()),
            true => Err(ChangeError::AlreadyExists(format!("schema '{schema}' already exists"))),
        }
    }

    /// DROP SCHEMA. With `cascade` the foreign keys go that refer to its tables.
    ///
    /// # Errors
    /// When there is none, it is `public`, or something is in it that may not go with it.
    pub fn drop_schema(
        &self,
        schema: &str,
        or_not: bool,
        cascade: bool,
    ) -> Result<Vec<Change>, ChangeError> {
        if schema == SCHEMA_NAME {
            return Err(ChangeError::Refused(format!(
                "schema '{SCHEMA_NAME}' holds the tables of --data and cannot be dropped"
            )));
        }
        if !self.has_schema(schema) {
            return match or_not {
                true => Ok(Vec::new()),
                false => Err(no_schema(schema)),
            };
        }
        match self.entries(schema).next() {
            Some(entry) if !cascade => Err(ChangeError::Refused(format!(
                "schema '{schema}' is not empty ('{}' is in it): drop what is in it first, or write CASCADE",
                entry.name
            ))),
            _ => Ok(self.settled(vec![Change::DropSchema { schema: schema.to_owned() }])),
        }
    }

    /// CREATE TABLE or VIEW.
    ///
    /// # Errors
    /// When there is no such schema, or something of that name that may not be replaced.
    pub fn create(
        &self,
        schema: &str,
        entry: &Entry,
        existing: Existing,
    ) -> Result<Vec<Change>, ChangeError> {
        if !self.has_schema(schema) {
            return Err(no_schema(schema));
        }
        let put = || vec![Change::Put { schema: schema.to_owned(), entry: entry.clone() }];
        let Some(old) = self.entry(schema, &entry.name) else { return Ok(put()) };
        let name = format!("{} '{schema}.{}'", old.kind.noun(), entry.name);
        match existing {
            Existing::Keep => Ok(Vec::new()),
            Existing::Replace if old.kind.noun() == entry.kind.noun() => {
                let put = put();
                let mut referring = self.referring(schema, &entry.name);
                let lost = referring.find(|(_, _, key)| {
                    key.reference().is_some_and(|to| entry.key_of(&to.columns).is_none())
                });
                match lost {
                    None => Ok(put),
                    Some((own, table, key)) => Err(ChangeError::Refused(format!(
                        "foreign key '{}' of '{own}.{}' refers to {name}: declare the key that it refers to anew, or drop it first",
                        key.name, table.name
                    ))),
                }
            }
            Existing::Replace => Err(ChangeError::Refused(format!(
                "{name} is there and no {}: drop it first",
                entry.kind.noun()
            ))),
            Existing::Refuse => Err(ChangeError::AlreadyExists(format!("{name} already exists"))),
        }
    }

    /// DROP TABLE or VIEW, of several. With `cascade` the foreign keys go that refer to them.
    ///
    /// # Errors
    /// When there is none of that kind, or a foreign key of a table that stays refers to it.
    pub fn drop_entries(
        &self,
        names: &[(&str, &str)],
        noun: &str,
        or_not: bool,
        cascade: bool,
    ) -> Result<Vec<Change>, ChangeError> {
        let mut changes = Vec::new();
        let mut state = self.clone();
        for (schema, name) in names {
            let drop = state.drop_entry(schema, name, noun, or_not)?;
            state = state.with(&drop);
            changes.extend(drop);
        }
        let stays = |(own, entry, _): &(&str, &Entry, &Key)| {
            !names.iter().any(|(schema, name)| schema == own && *name == entry.name)
        };
        let mut referring = names.iter().flat_map(|(schema, name)| self.referring(schema, name));
        match referring.find(stays) {
            Some((own, table, key)) if !cascade => Err(ChangeError::Refused(format!(
                "foreign key '{}' of '{own}.{}' refers to '{}': drop it first, or write CASCADE",
                key.name,
                table.name,
                key.reference().map_or("", |to| &to.table)
            ))),
            _ => Ok(self.settled(changes)),
        }
    }

    fn drop_entry(
        &self,
        schema: &str,
        name: &str,
        noun: &str,
        or_not: bool,
    ) -> Result<Vec<Change>, ChangeError> {
        let full = format!("{schema}.{name}");
        match self.entry(schema, name) {
            Some(entry) if entry.kind.noun() == noun => {
                Ok(vec![Change::Drop { schema: schema.to_owned(), name: name.to_owned() }])
            }
            Some(entry) => {
                let is = entry.kind.noun();
                Err(ChangeError::Refused(format!(
                    "'{full}' is a {is}, no {noun}: write DROP {}",
                    is.to_uppercase()
                )))
            }
            None if or_not => Ok(Vec::new()),
            None => Err(ChangeError::NotFound(format!("there is no {noun} '{full}'"))),
        }
    }
}

/// What becomes of an entry that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It is an error.
    Refuse,
    /// It stays (IF NOT EXISTS).
    Keep,
    /// It is replaced (OR REPLACE).
    Replace,
}

fn no_schema(schema: &str) -> ChangeError {
    ChangeError::NotFound(format!(
        "there is no schema '{schema}': make it with CREATE SCHEMA, or write one that SHOW SCHEMAS names"
    ))
}

impl EntryKind {
    /// What SQL calls it.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Managed(_) | Self::External(_) => "table",
            Self::View(_) => "view",
        }
    }
}
