//! What is told of functions is so.

use super::{Planning, request};
use crate::statement::taken::{DATETIME, NUMERIC, SYSTEM, TEXT, name};

#[tokio::test]
async fn every_function_that_is_told_is_taken_and_none_is_the_engines() {
    let planning = Planning::new().await;
    let config = planning.config("local");
    let state = planning.planner.engine().session(config.clone());
    for call in [NUMERIC, TEXT, DATETIME, SYSTEM].concat() {
        // As drivers write them; without the escape, USER has no parentheses.
        let sql = format!("SELECT {{fn {call}}}");
        let planned = planning.planner.plan(&sql, &config, &request()).await;
        assert!(planned.is_ok(), "{sql}: {:?}", planned.err());
        assert!(!state.scalar_functions().contains_key(name(call)), "{call}");
    }
}
