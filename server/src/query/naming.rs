//! A failure as its readers are told of it: of which query it is, at which node, and which nodes it lost.
//!
//! What a lost connection says for itself is a library's words and an address that clients cannot dial. The names of
//! the nodes are known here only.

use std::time::Duration;

use futures::future::join_all;
use squadron_cluster::Member;
use tokio::time::timeout;

use super::Queries;
use super::again::is_loss;
use super::record::Record;
use crate::results::ResultError;

/// A node that was lost has not answered by then. Readers wait for it.
const ANSWER_WITHIN: Duration = Duration::from_millis(500);

impl Queries {
    /// `error` with the nodes that do not answer, if it is for one of those that the query ended.
    pub(super) async fn with_lost_nodes(&self, record: &Record, error: ResultError) -> ResultError {
        if !is_loss(&error) {
            return error;
        }
        let text = error.to_string();
        let lost = self.unanswering(record).await;
        let lost: Vec<String> = lost.into_iter().filter(|node| !text.contains(node)).collect();
        match lost.as_slice() {
            [] => error,
            [one] => error.with_text(format!("{text}; node {one} does not answer")),
            some => error.with_text(format!("{text}; nodes {} do not answer", some.join(", "))),
        }
    }

    /// `error` with the query and the node that ran it.
    pub(super) fn named(&self, record: &Record, error: ResultError) -> ResultError {
        let (text, query) = (error.to_string(), record.opening.query.to_string());
        if text.contains(&query) {
            return error;
        }
        error.with_text(format!("{text} (query {query}, taken by node {})", self.me.node_id))
    }

    /// The nodes of a query that are not members any more, or are not there.
    async fn unanswering(&self, record: &Record) -> Vec<String> {
        let members = self.members();
        let asked = record.nodes().into_iter().filter(|node| *node != self.me.node_id);
        let asked = asked.map(|node| {
            let member = members.get(&node).map(|member| (**member).clone());
            async move {
                let answers = match member {
                    Some(member) => self.answers(&member).await,
                    None => false,
                };
                (!answers).then_some(node)
            }
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    async fn answers(&self, member: &Member) -> bool {
        matches!(timeout(ANSWER_WITHIN, self.peers.sees(member)).await, Ok(Ok(_)))
    }
}
