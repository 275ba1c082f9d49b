//! What a half-typed word may become: a table, a column of the tables at hand, or a keyword.

use datafusion::arrow::datatypes::SchemaRef;

use crate::client::Table;

const KEYWORDS: &[&str] = &[
    "ALL",
    "ALTER",
    "ANALYZE",
    "AND",
    "AS",
    "ASC",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "COUNT",
    "CREATE",
    "CROSS",
    "DESC",
    "DESCRIBE",
    "DISTINCT",
    "DROP",
    "ELSE",
    "END",
    "EXCEPT",
    "EXISTS",
    "EXPLAIN",
    "EXTRACT",
    "FALSE",
    "FROM",
    "FULL",
    "GROUP",
    "HAVING",
    "ILIKE",
    "IN",
    "INNER",
    "INSERT",
    "INTERSECT",
    "INTERVAL",
    "INTO",
    "IS",
    "JOIN",
    "LEFT",
    "LIKE",
    "LIMIT",
    "NOT",
    "NULL",
    "NULLS",
    "OFFSET",
    "ON",
    "OR",
    "ORDER",
    "OUTER",
    "OVER",
    "PARTITION",
    "RIGHT",
    "SELECT",
    "SET",
    "SHOW",
    "TABLE",
    "TABLES",
    "THEN",
    "TRUE",
    "UNION",
    "USING",
    "VALUES",
    "VIEW",
    "WHEN",
    "WHERE",
    "WITH",
];

/// Words that a table's name follows.
const BEFORE_TABLE: &[&str] = &["from", "join", "into", "table", "describe", "\\d", "update"];

/// The tables of the server, as last listed.
#[derive(Default)]
pub(super) struct Names {
    pub(super) tables: Vec<Table>,
}

impl Names {
    pub(super) fn new(tables: Vec<Table>) -> Self {
        Self { tables }
    }

    /// The table of that name, quoted or not, in any case if that is unique enough to be first.
    pub(super) fn find(&self, name: &str) -> Option<&Table> {
        let name = name.rsplit('.').next().unwrap_or(name).trim_matches('"');
        let exact = self.tables.iter().find(|table| table.name == name);
        exact.or_else(|| self.tables.iter().find(|t| t.name.eq_ignore_ascii_case(name)))
    }

    /// Where the word before `position` begins, and what it may become.
    pub(super) fn complete(&self, line: &str, position: usize) -> (usize, Vec<String>) {
        let before = &line[..position];
        let start = before.rfind(|c: char| !is_name(c)).map_or(0, |at| at + width(before, at));
        let (context, word) = before.split_at(start);
        if let Some(owner) = context.strip_suffix('.') {
            let owner = owner.rsplit(|c: char| !is_name(c) && c != '"').next().unwrap_or(owner);
            return (start, matching(word, self.find(owner).map(columns).unwrap_or_default()));
        }
        let previous = context.split_whitespace().next_back().unwrap_or_default();
        if BEFORE_TABLE.iter().any(|w| previous.eq_ignore_ascii_case(w)) {
            return (start, matching(word, self.table_names()));
        }
        (start, matching(word, self.anything(line)))
    }

    fn table_names(&self) -> Vec<String> {
        self.tables.iter().map(|table| quoted(&table.name)).collect()
    }

    /// Columns come of the tables that the statement names; there may be thousands of others.
    fn anything(&self, line: &str) -> Vec<String> {
        let named = |t: &&Table| line.split(|c| !is_name(c)).any(|word| word == t.name);
        let mut all: Vec<_> = self.tables.iter().filter(named).flat_map(columns).collect();
        all.extend(self.table_names());
        all.extend(KEYWORDS.iter().map(ToString::to_string));
        all
    }
}

fn columns(table: &Table) -> Vec<String> {
    let columns: &SchemaRef = &table.columns;
    columns.fields().iter().map(|field| quoted(field.name())).collect()
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn width(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(0, char::len_utf8)
}

/// As SQL wants it: what is not a plain lower-case name stands in quotes.
fn quoted(name: &str) -> String {
    let plain = name.chars().all(|c| is_name(c) && !c.is_uppercase());
    match plain && !name.starts_with(|c: char| c.is_ascii_digit()) {
        true => name.to_owned(),
        false => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// Without regard to case; an empty word becomes anything.
fn matching(word: &str, candidates: Vec<String>) -> Vec<String> {
    let word = word.to_lowercase();
    let fits = |c: &String| c.trim_start_matches('"').to_lowercase().starts_with(&word);
    let mut fitting: Vec<_> = candidates.into_iter().filter(fits).collect();
    fitting.sort();
    fitting.dedup();
    fitting
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    fn table(name: &str, columns: &[&str]) -> Table {
        let fields = columns.iter().map(|c| Field::new(*c, DataType::Int64, true));
        let columns = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let (catalog, schema, kind) = (None, None, "TABLE".to_owned());
        Table { catalog, schema, name: name.to_owned(), kind, columns }
    }

    fn check(line: &str, words: &[&str]) {
        let names = Names::new(vec![
            table("lineitem", &["l_orderkey", "l_tax"]),
            table("nation", &["n_name"]),
            table("Odd One", &["Total"]),
        ]);
        assert_eq!(names.complete(line, line.len()).1, words, "{line}");
    }

    #[test]
    fn tables_follow_from_and_join() {
        check("select * from li", &["lineitem"]);
        check("select * from nation join ", &["\"Odd One\"", "lineitem", "nation"]);
        check("\\d na", &["nation"]);
    }

    #[test]
    fn columns_follow_their_table_and_a_dot() {
        check("select lineitem.l_t", &["l_tax"]);
        check("select nobody.x", &[]);
    }

    #[test]
    fn elsewhere_the_columns_of_named_tables_and_keywords_are_offered() {
        check(
            "select * from lineitem where l",
            &["LEFT", "LIKE", "LIMIT", "l_orderkey", "l_tax", "lineitem"],
        );
        check("select n_", &[]);
        check("sel", &["SELECT"]);
    }

    #[test]
    fn the_word_is_replaced_from_its_start() {
        let names = Names::new(vec![table("nation", &[])]);
        assert_eq!(names.complete("select 'ä' from nat", 20), (17, vec!["nation".to_owned()]));
    }
}
