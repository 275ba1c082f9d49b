//! Keys that tables are declared to have, and what refers to what.
//!
//! They are told to clients and looked at by nobody else: nothing enforces them, so no plan may rely on them. What is kept is
//! that they make sense among each other: names are there once in a schema, and a foreign key refers to a key that there is.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{Change, ChangeError, Entry, EntryKind, State};

/// A key of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Its name, which no other key of its schema has.
    pub name: String,
    /// Its columns, in its order.
    pub columns: Vec<String>,
    /// What it says of them.
    pub kind: KeyKind,
}

/// What a key says of its columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// They tell rows apart, and none is NULL.
    Primary,
    /// They tell rows apart.
    Unique,
    /// They name a row of a table.
    Foreign(Reference),
}

/// The key that a foreign key refers to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// The schema of its table.
    pub schema: String,
    /// Its table.
    pub table: String,
    /// Its columns, in the order of those that refer to them.
    pub columns: Vec<String>,
}

/// A key that is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedKey {
    /// Its name; `None`: one is made.
    pub name: Option<String>,
    /// Its columns.
    pub columns: Vec<String>,
    /// What it says of them. A reference without columns is to a primary key.
    pub kind: KeyKind,
}

/// Which key goes.
#[derive(Debug, Clone, Copy)]
pub enum GoingKey<'k> {
    /// The one of this name.
    Named(&'k str),
    /// The primary key.
    Primary,
}

impl Key {
    /// Whether it tells rows apart by just these columns.
    fn is_of(&self, columns: &[String]) -> bool {
        let same = || {
            let own: HashSet<_> = self.columns.iter().collect();
            own.len() == columns.len() && columns.iter().all(|column| own.contains(column))
        };
        !matches!(self.kind, KeyKind::Foreign(_)) && same()
    }

    /// What it refers to, if it is a foreign key.
    pub fn reference(&self) -> Option<&Reference> {
        match &self.kind {
            KeyKind::Foreign(reference) => Some(reference),
            _ => None,
        }
    }

    fn refers_to(&self, schema: &str, table: &str) -> bool {
        self.reference().is_some_and(|to| to.schema == schema && to.table == table)
    }
}

impl Entry {
    /// The key that a reference to its columns means: its primary key before another one.
    pub fn key_of(&self, columns: &[String]) -> Option<&Key> {
        let of = || self.keys.iter().filter(|key| key.is_of(columns));
        of().find(|key| key.kind == KeyKind::Primary).or_else(|| of().next())
    }

    fn primary_key(&self) -> Option<&Key> {
        self.keys.iter().find(|key| key.kind == KeyKind::Primary)
    }
}

impl State {
    /// Whether any table has a key: who does not know of them must not read it.
    pub(super) fn has_keys(&self) -> bool {
        self.all().any(|(_, entry)| !entry.keys.is_empty())
    }

    /// The foreign keys of other tables that refer to this one, with their schemas and tables.
    pub(crate) fn referring<'s>(
        &'s self,
        schema: &'s str,
        table: &'s str,
    ) -> impl Iterator<Item = (&'s str, &'s Entry, &'s Key)> {
        let others = self.all().filter(move |(own, entry)| (*own, &*entry.name) != (schema, table));
        others.flat_map(move |(own, entry)| {
            let keys = entry.keys.iter().filter(move |key| key.refers_to(schema, table));
            keys.map(move |key| (own, entry, key))
        })
    }

    /// An entry that also has these keys. It has the place of one of its name.
    ///
    /// # Errors
    /// For a name that another key of the schema has, a second primary key, and a reference to what is no key.
    pub fn with_keys(
        &self,
        schema: &str,
        entry: &Entry,
        wanted: &[WantedKey],
    ) -> Result<Entry, ChangeError> {
        let mut entry = entry.clone();
        // A table may refer to its own key.
        let (foreign, own): (Vec<_>, Vec<_>) =
            wanted.iter().partition(|wanted| matches!(wanted.kind, KeyKind::Foreign(_)));
        for wanted in own.into_iter().chain(foreign) {
            let name = self.key_name(schema, &entry, wanted)?;
            if wanted.kind == KeyKind::Primary
                && let Some(there) = entry.primary_key()
            {
                return Err(ChangeError::AlreadyExists(format!(
                    "'{schema}.{}' has a primary key already, '{}': drop it first",
                    entry.name, there.name
                )));
            }
            let kind = match &wanted.kind {
                KeyKind::Foreign(to) => {
                    KeyKind::Foreign(self.referred(schema, &entry, to, wanted.columns.len())?)
                }
                kind => kind.clone(),
            };
            entry.keys.push(Key { name, columns: wanted.columns.clone(), kind });
        }
        Ok(entry)
    }

    /// A reference with all of its columns, of so many.
    fn referred(
        &self,
        schema: &str,
        entry: &Entry,
        to: &Reference,
        count: usize,
    ) -> Result<Reference, ChangeError> {
        let full = format!("{}.{}", to.schema, to.table);
        let is_own = to.schema == schema && to.table == entry.name;
        let table = if is_own { Some(entry) } else { self.entry(&to.schema, &to.table) };
        let table = table.filter(|table| !matches!(table.kind, EntryKind::View(_)));
        let table = table.ok_or_else(|| {
            ChangeError::NotFound(format!(
                "there is no table '{full}' that SQL has made: a foreign key refers to one with a key"
            ))
        })?;
        let columns = match to.columns.is_empty() {
            true => table.primary_key().map(|key| key.columns.clone()),
            false => table.key_of(&to.columns).map(|_| to.columns.clone()),
        };
        let columns = columns.ok_or_else(|| {
            let of = match to.columns.as_slice() {
                [] => "primary key".to_owned(),
                columns => format!("PRIMARY KEY or UNIQUE of just ({})", columns.join(", ")),
            };
            ChangeError::Refused(format!(
                "'{full}' has no {of}, which the foreign key would refer to: declare it first"
            ))
        })?;
        match columns.len() == count {
            true => Ok(Reference { columns, ..to.clone() }),
            false => Err(ChangeError::Refused(format!(
                "a foreign key of {count} columns cannot refer to {} of '{full}'",
                columns.len()
            ))),
        }
    }

    /// Names are there once in a schema, as the tables of `information_schema` take them.
    fn key_name(
        &self,
        schema: &str,
        entry: &Entry,
        wanted: &WantedKey,
    ) -> Result<String, ChangeError> {
        let others = self.entries(schema).filter(|other| other.name != entry.name);
        let keys = others.chain([entry]).flat_map(|entry| &entry.keys);
        let taken: HashSet<_> = keys.map(|key| key.name.as_str()).collect();
        if let Some(name) = &wanted.name {
            return match taken.contains(name.as_str()) {
                true => Err(ChangeError::AlreadyExists(format!(
                    "there is a key '{name}' in schema '{schema}' already: give this one another name"
                ))),
                false => Ok(name.clone()),
            };
        }
        let (table, columns) = (&entry.name, wanted.columns.join("_"));
        let made = match &wanted.kind {
            KeyKind::Primary => format!("{table}_pk"),
            KeyKind::Unique => format!("{table}_{columns}_key"),
            KeyKind::Foreign(_) => format!("{table}_{columns}_fk"),
        };
        let numbered = (2_usize..).map(|number| format!("{made}{number}"));
        let mut names = std::iter::once(made.clone()).chain(numbered);
        Ok(names.find(|name| !taken.contains(name.as_str())).unwrap_or(made))
    }

    /// The table of this name.
    ///
    /// # Errors
    /// When there is none, or something else has the name.
    pub fn table(&self, schema: &str, name: &str) -> Result<&Entry, ChangeError> {
        match self.entry(schema, name) {
            Some(Entry { kind: EntryKind::View(_), .. }) => {
                Err(ChangeError::Refused(format!("'{schema}.{name}' is a view, no table")))
            }
            Some(table) => Ok(table),
            None => Err(ChangeError::NotFound(format!("there is no table '{schema}.{name}'"))),
        }
    }

    /// ALTER TABLE … ADD of a key.
    ///
    /// # Errors
    /// As [`State::table`] and [`State::with_keys`].
    pub fn add_key(
        &self,
        schema: &str,
        table: &str,
        wanted: &WantedKey,
    ) -> Result<Vec<Change>, ChangeError> {
        let entry = self.table(schema, table)?;
        let entry = self.with_keys(schema, entry, std::slice::from_ref(wanted))?;
        Ok(vec![Change::Put { schema: schema.to_owned(), entry }])
    }

    /// ALTER TABLE … DROP CONSTRAINT or PRIMARY KEY. With `cascade` the foreign keys go that refer to it.
    ///
    /// # Errors
    /// When there is none, or foreign keys refer to it.
    pub fn drop_key(
        &self,
        schema: &str,
        table: &str,
        going: GoingKey<'_>,
        or_not: bool,
        cascade: bool,
    ) -> Result<Vec<Change>, ChangeError> {
        let mut entry = self.table(schema, table)?.clone();
        let goes = |key: &Key| match going {
            GoingKey::Named(name) => key.name == name,
            GoingKey::Primary => key.kind == KeyKind::Primary,
        };
        let Some(at) = entry.keys.iter().position(goes) else {
            let named = match going {
                GoingKey::Named(name) => format!("key '{name}'"),
                GoingKey::Primary => "primary key".to_owned(),
            };
            return match or_not {
                true => Ok(Vec::new()),
                false => Err(ChangeError::NotFound(format!("'{schema}.{table}' has no {named}"))),
            };
        };
        let gone = entry.keys.remove(at);
        let mut changes = vec![Change::Put { schema: schema.to_owned(), entry: entry.clone() }];
        if gone.reference().is_some() {
            return Ok(changes);
        }
        // Its own among them, of which none is left without a key.
        let dangling = self.with(&changes).dangling();
        match dangling.first() {
            Some((own, other, key)) if !cascade => Err(ChangeError::Refused(format!(
                "foreign key '{key}' of '{own}.{other}' refers to '{}': drop it first, or write CASCADE",
                gone.name
            ))),
            _ => {
                changes.extend(self.with(&changes).without(&dangling));
                Ok(changes)
            }
        }
    }

    /// ALTER TABLE … RENAME TO. What refers to it does so by its new name.
    ///
    /// # Errors
    /// As [`State::table`]; when something has that name.
    pub fn rename(&self, schema: &str, table: &str, to: &str) -> Result<Vec<Change>, ChangeError> {
        let entry = self.table(schema, table)?;
        if let Some(there) = self.entry(schema, to) {
            return Err(ChangeError::AlreadyExists(format!(
                "{} '{schema}.{to}' already exists",
                there.kind.noun()
            )));
        }
        let redirected = |entry: &Entry| {
            let mut entry = entry.clone();
            for key in &mut entry.keys {
                if key.refers_to(schema, table)
                    && let KeyKind::Foreign(reference) = &mut key.kind
                {
                    to.clone_into(&mut reference.table);
                }
            }
            entry
        };
        let renamed = Entry { name: to.to_owned(), ..redirected(entry) };
        let mut changes = vec![
            Change::Drop { schema: schema.to_owned(), name: table.to_owned() },
            Change::Put { schema: schema.to_owned(), entry: renamed },
        ];
        for (own, other, _) in self.referring(schema, table) {
            let put = Change::Put { schema: own.to_owned(), entry: redirected(other) };
            if !changes.contains(&put) {
                changes.push(put);
            }
        }
        Ok(changes)
    }

    /// Changes after which no foreign key refers to what is gone once these are made.
    pub(super) fn settled(&self, changes: Vec<Change>) -> Vec<Change> {
        let after = self.with(&changes);
        let dangling = after.dangling();
        changes.into_iter().chain(after.without(&dangling)).collect()
    }

    /// Foreign keys that refer to nothing: their schemas, tables and names.
    pub(super) fn dangling(&self) -> Vec<(String, String, String)> {
        let refers = |key: &Key| {
            key.reference().is_none_or(|to| {
                let table = self.entry(&to.schema, &to.table);
                table.is_some_and(|table| table.key_of(&to.columns).is_some())
            })
        };
        let of = |(schema, entry): (&str, &Entry)| {
            let keys = entry.keys.iter().filter(|key| !refers(key));
            let name = |key: &Key| (schema.to_owned(), entry.name.clone(), key.name.clone());
            keys.map(name).collect::<Vec<_>>()
        };
        self.all().flat_map(of).collect()
    }

    /// The changes after which these keys are gone.
    fn without(&self, gone: &[(String, String, String)]) -> Vec<Change> {
        let of = |(schema, entry): (&str, &Entry)| {
            let goes = |key: &Key| {
                gone.iter().any(|(own, table, name)| {
                    own == schema && *table == entry.name && *name == key.name
                })
            };
            let mut left = entry.clone();
            left.keys.retain(|key| !goes(key));
            let changed = left.keys.len() < entry.keys.len();
            changed.then(|| Change::Put { schema: schema.to_owned(), entry: left })
        };
        self.all().filter_map(of).collect()
    }
}
