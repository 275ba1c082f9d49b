//! Keys, and what refers to them.

use super::*;

/// A table with these keys: `(name, columns, what it refers to)`, of which the first is its primary key.
fn table(name: &str) -> Entry {
    Entry {
        kind: EntryKind::Managed(Managed { folder: format!("tables/{name}") }),
        ..view(name, "SELECT 1")
    }
}

fn names(columns: &[&str]) -> Vec<String> {
    columns.iter().map(|name| (*name).to_owned()).collect()
}

fn primary(columns: &[&str]) -> WantedKey {
    WantedKey { name: None, columns: names(columns), kind: KeyKind::Primary }
}

fn unique(columns: &[&str]) -> WantedKey {
    WantedKey { kind: KeyKind::Unique, ..primary(columns) }
}

fn foreign(columns: &[&str], table: &str, referred: &[&str]) -> WantedKey {
    let (schema, table) = ("public".to_owned(), table.to_owned());
    let reference = Reference { schema, table, columns: names(referred) };
    WantedKey { kind: KeyKind::Foreign(reference), ..primary(columns) }
}

fn made(state: &State, name: &str, keys: &[WantedKey]) -> Result<Vec<Change>, ChangeError> {
    made_in(state, "public", name, keys, Existing::Refuse)
}

fn made_in(
    state: &State,
    schema: &str,
    name: &str,
    keys: &[WantedKey],
    existing: Existing,
) -> Result<Vec<Change>, ChangeError> {
    let entry = state.with_keys(schema, &table(name), keys)?;
    state.create(schema, &entry, existing)
}

/// A state in which these tables were made, one after the other.
fn state(tables: &[(&str, &[WantedKey])]) -> State {
    tables.iter().fold(State::default(), |state, (name, keys)| {
        let changes = made(&state, name, keys).unwrap();
        state.with(&changes)
    })
}

/// The names of a table's keys.
fn keys(state: &State, table: &str) -> Vec<String> {
    let entry = state.entry("public", table).unwrap();
    entry.keys.iter().map(|key| key.name.clone()).collect()
}

/// `u (x, y)`, and `t`, which refers to it.
fn two() -> State {
    let (u, t) = ([primary(&["x", "y"]), unique(&["z"])], [foreign(&["a", "b"], "u", &[])]);
    state(&[("u", &u), ("t", &t)])
}

fn refusal(changes: Result<Vec<Change>, ChangeError>) -> String {
    changes.unwrap_err().to_string()
}

#[test]
fn names_are_made_once_in_a_schema() {
    let u = [foreign(&["a"], "u", &[]), primary(&["a"]), unique(&["b"]), unique(&["b"])];
    let state = state(&[("u", &u)]);
    assert_eq!(keys(&state, "u"), ["u_pk", "u_b_key", "u_b_key2", "u_a_fk"]);
    let taken = WantedKey { name: Some("u_pk".into()), ..primary(&["a"]) };
    assert!(refusal(made(&state, "t", std::slice::from_ref(&taken))).contains("'u_pk'"));
    // The names of one that is replaced are free.
    made_in(&state, "public", "u", &[taken], Existing::Replace).unwrap();
}

#[test]
fn a_reference_has_the_columns_of_a_key() {
    let state = two();
    let to = state.entry("public", "t").unwrap().keys[0].reference().unwrap();
    assert_eq!(to.columns, ["x", "y"]);
    for columns in [&["y", "x"][..], &["x", "y"]] {
        made(&state, "v", &[foreign(&["a", "b"], "u", columns)]).unwrap();
    }
    for (wanted, why) in [
        (foreign(&["a"], "nope", &[]), "there is no table"),
        (foreign(&["a"], "t", &[]), "no primary key"),
        (foreign(&["a"], "u", &["x"]), "no PRIMARY KEY or UNIQUE"),
        (foreign(&["a"], "u", &[]), "a foreign key of 1 columns"),
        (foreign(&["a", "b"], "u", &["z"]), "a foreign key of 2 columns"),
    ] {
        let refused = refusal(made(&state, "v", &[wanted]));
        assert!(refused.contains(why), "{refused}");
    }
}

#[test]
fn a_table_has_one_primary_key() {
    let refused = refusal(two().add_key("public", "u", &primary(&["z"])));
    assert!(refused.contains("has a primary key already"), "{refused}");
}

#[test]
fn what_is_referred_to_is_dropped_with_what_refers_to_it_only() {
    let state = two();
    let drop = |names: &[(&str, &str)], cascade| state.drop_entries(names, "table", false, cascade);
    let refused = refusal(drop(&[("public", "u")], false));
    assert!(
        refused.contains("'t_a_b_fk' of 'public.t'") && refused.contains("CASCADE"),
        "{refused}"
    );
    let after = state.with(&drop(&[("public", "u")], true).unwrap());
    assert!(keys(&after, "t").is_empty() && after.entry("public", "u").is_none());
    let after = state.with(&drop(&[("public", "u"), ("public", "t")], false).unwrap());
    assert_eq!(after.entries("public").count(), 0);
}

#[test]
fn a_table_that_refers_to_itself_is_dropped() {
    let state = state(&[("u", &[primary(&["a"]), foreign(&["b"], "u", &[])])]);
    state.drop_entries(&[("public", "u")], "table", false, false).unwrap();
}

#[test]
fn a_schema_is_dropped_with_the_foreign_keys_that_refer_to_it() {
    let state = State::default();
    let state = state.with(&state.create_schema("s", false).unwrap());
    let state =
        state.with(&made_in(&state, "s", "u", &[primary(&["x"])], Existing::Refuse).unwrap());
    let mut to = foreign(&["a"], "u", &[]);
    if let KeyKind::Foreign(reference) = &mut to.kind {
        reference.schema = "s".into();
    }
    let state = state.with(&made(&state, "t", &[to]).unwrap());
    let after = state.with(&state.drop_schema("s", false, true).unwrap());
    assert!(keys(&after, "t").is_empty());
}

#[test]
fn what_is_referred_to_is_replaced_by_what_has_the_key() {
    let state = two();
    let replaced = |keys: &[WantedKey]| made_in(&state, "public", "u", keys, Existing::Replace);
    assert!(refusal(replaced(&[])).contains("declare the key"));
    assert!(refusal(replaced(&[primary(&["x"])])).contains("declare the key"));
    let after = state.with(&replaced(&[unique(&["y", "x"])]).unwrap());
    assert!(after.dangling().is_empty());
}

#[test]
fn a_key_is_dropped_with_what_refers_to_it_only() {
    let state = two();
    let drop = |going, or_not, cascade| state.drop_key("public", "u", going, or_not, cascade);
    assert!(refusal(drop(GoingKey::Primary, false, false)).contains("CASCADE"));
    let after = state.with(&drop(GoingKey::Primary, false, true).unwrap());
    assert_eq!((keys(&after, "u"), keys(&after, "t")), (vec!["u_z_key".to_owned()], vec![]));
    let after = state.with(&drop(GoingKey::Named("u_z_key"), false, false).unwrap());
    assert_eq!((keys(&after, "u").len(), keys(&after, "t").len()), (1, 1));
    assert!(refusal(drop(GoingKey::Named("nope"), false, false)).contains("no key 'nope'"));
    assert!(drop(GoingKey::Named("nope"), true, false).unwrap().is_empty());
    // Another one of the same columns is enough for what refers to it.
    let state = state.with(&state.add_key("public", "u", &unique(&["x", "y"])).unwrap());
    let after =
        state.with(&state.drop_key("public", "u", GoingKey::Primary, false, false).unwrap());
    assert_eq!(keys(&after, "t").len(), 1);
}

#[test]
fn what_refers_to_a_table_follows_its_name() {
    let own = [primary(&["x"]), foreign(&["y"], "u", &[])];
    let state = state(&[("u", &own), ("t", &[foreign(&["a"], "u", &[])])]);
    let after = state.with(&state.rename("public", "u", "v").unwrap());
    assert!(after.entry("public", "u").is_none() && after.dangling().is_empty());
    assert_eq!(keys(&after, "v"), ["u_pk", "u_y_fk"]);
    assert_eq!(keys(&after, "t").len(), 1);
    assert!(refusal(state.rename("public", "u", "t")).contains("already exists"));
    assert!(refusal(state.rename("public", "nope", "v")).contains("no table"));
}

#[tokio::test]
async fn keys_are_there_after_a_restart() {
    let warehouse = Warehouse::new();
    let node = warehouse.node().await;
    node.change("alice", |state| made(state, "u", &[primary(&["x"])])).await.unwrap();
    node.change("alice", |state| made(state, "t", &[foreign(&["a"], "u", &[])])).await.unwrap();
    assert_eq!(warehouse.node().await.known(), node.known());
    for number in 0..TOGETHER {
        create_schema(&node, &format!("s{number}")).await.unwrap();
    }
    assert_eq!(warehouse.node().await.known(), node.known());
}

/// Those who know of none would forget them when they write all together.
#[tokio::test]
async fn changes_with_keys_are_for_who_knows_of_them() {
    let warehouse = Warehouse::new();
    let node = warehouse.node().await;
    node.change("alice", |state| made(state, "u", &[])).await.unwrap();
    node.change("alice", |state| state.add_key("public", "u", &unique(&["x"]))).await.unwrap();
    let format = |file: &PathBuf| {
        let record: serde_json::Value =
            serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        record["format"].as_u64().unwrap()
    };
    let formats: Vec<_> = warehouse.files().iter().map(format).collect();
    assert_eq!(formats, [1, 1, 2]);
    for number in 0..TOGETHER {
        create_schema(&node, &format!("s{number}")).await.unwrap();
    }
    let state = |path: &&PathBuf| path.to_str().unwrap().ends_with(".state.json");
    assert_eq!(warehouse.files().iter().filter(state).count(), 0);
}

/// As catalogs were written before there were keys.
#[test]
fn an_entry_without_keys_is_read() {
    let text = r#"{"name":"t","id":"1","owner":"a","managed":{"folder":"tables/1"}}"#;
    let entry: Entry = serde_json::from_str(text).unwrap();
    assert!(entry.keys.is_empty());
    assert_eq!(serde_json::to_string(&entry).unwrap(), text);
}
