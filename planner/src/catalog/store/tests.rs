//! Several nodes and one catalog.

use std::path::PathBuf;

use futures::future::join_all;

use super::*;
use crate::catalog::store::state::Existing;

mod keys;

struct Warehouse(tempfile::TempDir);

impl Warehouse {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn location(&self) -> DataLocation {
        self.0.path().to_str().unwrap().parse().unwrap()
    }

    /// A node over it.
    async fn node(&self) -> CatalogStore {
        CatalogStore::open(&self.location(), &RuntimeEnv::default()).await.unwrap()
    }

    fn files(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.0.path().join("_catalog")) else {
            return Vec::new();
        };
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }
}

fn view(name: &str, query: &str) -> Entry {
    let (catalog, schema) = ("squadron".to_owned(), "public".to_owned());
    let view = View { query: query.into(), columns: Vec::new(), of: Vec::new(), catalog, schema };
    Entry {
        name: name.into(),
        id: "id".into(),
        owner: "alice".into(),
        comment: None,
        keys: Vec::new(),
        kind: EntryKind::View(Box::new(view)),
    }
}

async fn create_schema(node: &CatalogStore, name: &str) -> Result<Arc<State>, ChangeError> {
    node.change("alice", |state| state.create_schema(name, false)).await
}

async fn create_view(
    node: &CatalogStore,
    name: &str,
    existing: Existing,
) -> Result<Arc<State>, ChangeError> {
    let entry = view(name, "SELECT 1");
    node.change("alice", |state| state.create("public", &entry, existing)).await
}

fn names(state: &State) -> Vec<String> {
    state.schemas().map(str::to_owned).collect()
}

#[tokio::test]
async fn nothing_is_written_before_something_is_changed() {
    let warehouse = Warehouse::new();
    let node = warehouse.node().await;
    assert_eq!(names(&node.known()), ["public"]);
    assert!(warehouse.files().is_empty());
}

#[tokio::test]
async fn a_change_is_seen_by_every_node_and_after_a_restart() {
    let warehouse = Warehouse::new();
    let (one, other) = (warehouse.node().await, warehouse.node().await);
    create_schema(&one, "sales").await.unwrap();
    assert_eq!(names(&other.known()), ["public"]);
    assert_eq!(names(&other.refresh().await.unwrap()), ["public", "sales"]);
    assert_eq!(names(&warehouse.node().await.known()), ["public", "sales"]);
}

#[tokio::test]
async fn of_many_who_make_the_same_one_does() {
    let warehouse = Warehouse::new();
    let nodes = join_all((0..8).map(|_| warehouse.node())).await;
    let made = join_all(nodes.iter().map(|node| create_schema(node, "sales"))).await;
    let refused = made.iter().filter(|made| matches!(made, Err(ChangeError::AlreadyExists(_))));
    assert_eq!((made.iter().filter(|made| made.is_ok()).count(), refused.count()), (1, 7));
}

#[tokio::test]
async fn many_who_make_different_ones_all_do() {
    let warehouse = Warehouse::new();
    let nodes = join_all((0..8).map(|_| warehouse.node())).await;
    let names: Vec<_> = (0..nodes.len()).map(|number| format!("s{number}")).collect();
    let made = nodes.iter().zip(&names).map(|(node, name)| create_schema(node, name));
    for made in join_all(made).await {
        made.unwrap();
    }
    let known = nodes[0].refresh().await.unwrap();
    assert!(names.iter().all(|name| known.has_schema(name)));
}

#[tokio::test]
async fn a_node_that_starts_late_reads_what_was_written_together() {
    let warehouse = Warehouse::new();
    let node = warehouse.node().await;
    for number in 0..TOGETHER + 3 {
        create_schema(&node, &format!("s{number}")).await.unwrap();
    }
    let state = |path: &&PathBuf| path.to_str().unwrap().ends_with(".state.json");
    assert_eq!(warehouse.files().iter().filter(state).count(), 1);
    // The changes before are not needed any more.
    let first = warehouse.files()[0].clone();
    std::fs::remove_file(first).unwrap();
    assert_eq!(warehouse.node().await.known(), node.known());
}

#[tokio::test]
async fn a_draft_that_a_crash_left_does_no_harm() {
    let warehouse = Warehouse::new();
    let node = warehouse.node().await;
    create_schema(&node, "sales").await.unwrap();
    std::fs::write(warehouse.0.path().join("_catalog/.draft-1"), "{\"for").unwrap();
    assert_eq!(warehouse.node().await.known(), node.known());
}

#[tokio::test]
async fn what_cannot_be_read_is_named() {
    let warehouse = Warehouse::new();
    create_schema(&warehouse.node().await, "sales").await.unwrap();
    let file = warehouse.files()[1].clone();
    for (text, why) in [
        ("", "EOF"),
        (
            "{\"format\":9,\"id\":\"67e55044-10b1-426f-9247-bb680e5fe0c8\",\"by\":\"\",\"changes\":[]}",
            "format 9",
        ),
    ] {
        std::fs::write(&file, text).unwrap();
        let error = CatalogStore::open(&warehouse.location(), &RuntimeEnv::default()).await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains(file.to_str().unwrap()) && error.contains(why), "{error}");
    }
}

#[tokio::test]
async fn what_is_there_is_kept_replaced_or_refused_as_asked() {
    let warehouse = Warehouse::new();
    let node = warehouse.node().await;
    create_view(&node, "v", Existing::Refuse).await.unwrap();
    let refused = create_view(&node, "v", Existing::Refuse).await.unwrap_err();
    assert_eq!(refused.to_string(), "view 'public.v' already exists");
    let before = warehouse.files().len();
    create_view(&node, "v", Existing::Keep).await.unwrap();
    assert_eq!(warehouse.files().len(), before, "nothing was changed");
    create_view(&node, "v", Existing::Replace).await.unwrap();
    assert_eq!(warehouse.files().len(), before + 1);
}

#[tokio::test]
async fn a_schema_with_something_in_it_is_dropped_by_cascade_only() {
    let warehouse = Warehouse::new();
    let node = warehouse.node().await;
    create_schema(&node, "sales").await.unwrap();
    let entry = view("v", "SELECT 1");
    node.change("alice", |state| state.create("sales", &entry, Existing::Refuse)).await.unwrap();
    let drop =
        |cascade| node.change("alice", move |state| state.drop_schema("sales", false, cascade));
    assert!(drop(false).await.unwrap_err().to_string().contains("CASCADE"));
    assert!(!drop(true).await.unwrap().has_schema("sales"));
    assert!(matches!(drop(true).await, Err(ChangeError::NotFound(_))));
}

#[tokio::test]
async fn a_view_is_no_table() {
    let warehouse = Warehouse::new();
    let node = warehouse.node().await;
    create_view(&node, "v", Existing::Refuse).await.unwrap();
    let drop = |noun| {
        node.change("alice", move |state| {
            state.drop_entries(&[("public", "v")], noun, false, false)
        })
    };
    assert!(drop("table").await.unwrap_err().to_string().contains("DROP VIEW"));
    drop("view").await.unwrap();
    assert!(matches!(drop("view").await, Err(ChangeError::NotFound(_))));
}
