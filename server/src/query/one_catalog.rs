//! Whether all nodes keep one catalog: what SQL makes at one of them would else not be there at the others, or be
//! something else of the same name.
//!
//! Asked before anything is changed, and of each process once: a node's warehouse is what it was started with.

use std::collections::HashSet;
use std::time::Duration;

use futures::future::join_all;
use parking_lot::Mutex;
use squadron_cluster::Member;
use squadron_planner::{PlannerError, Result};
use tokio::time::timeout;
use uuid::Uuid;

use super::Queries;

/// A node that has not answered by then is asked again by the next statement: it may be gone, and keep nobody from
/// writing.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// The processes that were seen to keep the catalog of this one, by node id and generation.
#[derive(Debug, Default)]
pub(super) struct Agreed(Mutex<HashSet<(String, u64)>>);

impl Queries {
    /// The id of the catalog that this node keeps.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn catalog_id(&self) -> Result<Option<Uuid>> {
        match self.planner.engine().named().store() {
            Some(store) => store.id().await.map_err(|error| PlannerError::from(&error)),
            None => Ok(None),
        }
    }

    /// Makes sure that the other members keep the catalog that this node does, which is begun if there is none yet.
    ///
    /// # Errors
    /// `Unsupported` where one of them keeps another one, or none; those of the catalog's store.
    pub(super) async fn must_share_catalog(&self) -> Result<()> {
        let engine = self.planner.engine();
        let Some(store) = engine.named().store() else { return Ok(()) };
        let members = self.members();
        let others = members.all().iter().filter(|member| member.node_id != self.me.node_id);
        let unknown: Vec<_> = others.filter(|member| !self.agreed.has(member)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let own = store.begun().await.map_err(|error| PlannerError::from(&error))?.to_string();
        let asked = unknown.iter().map(|member| timeout(ANSWER_WITHIN, self.peers.catalog(member)));
        let mut apart = Vec::new();
        for (member, answer) in unknown.iter().zip(join_all(asked).await) {
            match answer {
                Ok(Ok(Some(id))) if id == own => self.agreed.add(member),
                Ok(Ok(_)) => apart.push(format!("\"{}\"", member.node_id)),
                Ok(Err(error)) => {
                    tracing::warn!(%error, node = member.node_id, "a node did not say which catalog it keeps");
                }
                Err(_) => {
                    tracing::warn!(
                        node = member.node_id,
                        "a node did not say in time which catalog it keeps"
                    );
                }
            }
        }
        match apart.is_empty() {
            true => Ok(()),
            false => Err(PlannerError::Unsupported(format!(
                "nothing was changed: node {} does not see the catalog of this node, which is at {}; start all nodes with \
                 one --warehouse, a folder or an object store that all of them see",
                apart.join(", "),
                store.show()
            ))),
        }
    }
}

impl Agreed {
    fn has(&self, member: &Member) -> bool {
        self.0.lock().contains(&(member.node_id.clone(), member.generation))
    }

    /// Those of earlier processes of the node are not met again.
    fn add(&self, member: &Member) {
        let mut agreed = self.0.lock();
        agreed.retain(|(node, _)| *node != member.node_id);
        agreed.insert((member.node_id.clone(), member.generation));
    }
}
