//! What of the catalogs is told, in which order, and in which shape.

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::prelude::{SessionConfig, SessionContext};

use super::*;
use crate::flight::metadata::fixture::{dotted, view_of_catalogs};

fn check(catalog: Option<&str>, pattern: Option<&str>, expected: &[&str]) {
    let command = CommandGetDbSchemas {
        catalog: catalog.map(Into::into),
        db_schema_filter_pattern: pattern.map(Into::into),
    };
    let found = db_schemas(&view_of_catalogs(), &command).unwrap();
    assert_eq!(found.schema(), db_schemas_schema());
    assert_eq!(dotted(&found), expected, "{command:?}");
}

#[test]
fn catalogs_come_in_order() {
    let found = catalogs(&view_of_catalogs()).unwrap();
    assert_eq!(dotted(&found), ["attic", "lake"]);
    assert_eq!(found.schema(), catalogs_schema());
}

#[test]
fn schemas_come_by_catalog_and_name() {
    check(None, None, &["attic.main", "lake.main", "lake.r_w", "lake.raw"]);
}

#[test]
fn a_catalog_is_compared_as_it_is() {
    check(Some("attic"), None, &["attic.main"]);
    check(Some("%"), None, &[]);
    check(Some("Attic"), None, &[]);
    check(Some(""), None, &[]);
}

#[test]
fn a_schema_is_compared_as_a_pattern() {
    check(None, Some("r%"), &["lake.r_w", "lake.raw"]);
    check(None, Some("r_w"), &["lake.r_w", "lake.raw"]);
    check(None, Some(r"r\_w"), &["lake.r_w"]);
    check(Some("lake"), Some("main"), &["lake.main"]);
    check(None, Some(""), &[]);
    check(None, Some("SELECT '%_\\' FROM (("), &[]);
}

#[test]
fn a_session_with_information_schema_shows_it_in_every_catalog() {
    let config = SessionConfig::new().with_information_schema(true);
    let view = CatalogView::from(&SessionContext::new_with_config(config).state());
    let found = db_schemas(&view, &CommandGetDbSchemas::default()).unwrap();
    assert_eq!(dotted(&found), ["datafusion.information_schema", "datafusion.public"]);

    let view = CatalogView::from(&SessionContext::new().state());
    let found = db_schemas(&view, &CommandGetDbSchemas::default()).unwrap();
    assert_eq!(dotted(&found), ["datafusion.public"]);
}

#[test]
fn the_schemas_are_those_of_the_spec() {
    let catalog = Field::new("catalog_name", DataType::Utf8, false);
    assert_eq!(*catalogs_schema(), Schema::new(vec![catalog]));
    let catalog = Field::new("catalog_name", DataType::Utf8, true);
    let schema = Field::new("db_schema_name", DataType::Utf8, false);
    assert_eq!(*db_schemas_schema(), Schema::new(vec![catalog, schema]));
}
