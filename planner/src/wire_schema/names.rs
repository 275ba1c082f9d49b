//! Columns of one name are numbered, for readers that take each name once (polars).

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::{FieldRef, Fields};

/// The same fields; those of a name that another before them has are given a number that no column has.
pub(super) fn unique(fields: &Fields) -> Fields {
    let given: HashSet<&str> = fields.iter().map(|field| field.name().as_str()).collect();
    let mut taken = HashSet::new();
    let named = |field: &FieldRef| {
        if taken.insert(field.name().clone()) {
            return Arc::clone(field);
        }
        let names = (1..).map(|number| format!("{}_{number}", field.name()));
        let free = |name: &String| !given.contains(name.as_str()) && !taken.contains(name);
        // There is a number for each.
        let name = { names }.find(free).unwrap_or_default();
        taken.insert(name.clone());
        Arc::new(field.as_ref().clone().with_name(name))
    };
    fields.iter().map(named).collect()
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{DataType, Field};

    use super::*;

    fn check(names: &[&str], expected: &[&str]) {
        let fields = names.iter().map(|name| Field::new(*name, DataType::Null, true));
        let fields = unique(&fields.collect());
        let found: Vec<_> = fields.iter().map(|field| field.name().as_str()).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn names_that_are_there_once_stay() {
        check(&["a", "b", "A"], &["a", "b", "A"]);
    }

    #[test]
    fn repeated_ones_are_numbered_past_those_that_are_there() {
        check(&["a", "a", "a_1", "a"], &["a", "a_2", "a_1", "a_3"]);
    }
}
