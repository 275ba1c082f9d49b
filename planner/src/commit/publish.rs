//! A proposal becomes the next version of its table, or makes way for another one.

use std::sync::Arc;

use async_trait::async_trait;
use deltalake::kernel::Action;
use uuid::Uuid;

use super::actions::{actions, id_of};
use super::conflict::conflict;
use super::{NotDone, Proposal};
use crate::catalog::delta::{DeltaLog, DeltaTable};
use crate::catalog::ours::{Ours, Unmade, make, pause};
use crate::catalog::{CatalogError, Scheme};
use crate::{PlannerError, Result};

/// How often the next number is tried for when others are first.
const MOST_TRIES: u32 = 100;

/// Every so many versions the log is written together, as Delta's own default has it.
const TOGETHER: u64 = 10;

/// Makes a proposal the next version of its table, unless it should have seen another that came first.
///
/// # Errors
/// When the store does not answer: it is not known then whether the version was made.
pub(crate) async fn publish(proposal: &Proposal) -> Result<std::result::Result<(), NotDone>> {
    let id = Uuid::now_v7();
    let actions = actions(proposal, id);
    let mut seen = proposal.read.version;
    for attempt in 0..MOST_TRIES {
        match conflicts(proposal, &mut seen).await {
            Ok(None) => {}
            Ok(Some(why)) => return Ok(Err(NotDone::Conflict(why))),
            Err(error) => return Ok(Err(NotDone::failed(&error))),
        }
        match write(&proposal.table, seen + 1, &actions, id).await? {
            Ok(true) => {
                checkpoint(&proposal.table, seen + 1);
                return Ok(Ok(()));
            }
            Ok(false) => pause(attempt).await,
            Err(failed) => return Ok(Err(failed)),
        }
    }
    Ok(Err(NotDone::Conflict("others write the table all the time".into())))
}

/// Makes the first version of a new table, where nobody else makes one.
///
/// # Errors
/// As [`publish`].
pub(crate) async fn publish_first(
    table: &Arc<DeltaTable>,
    actions: &[Action],
    id: Uuid,
) -> Result<std::result::Result<(), NotDone>> {
    Ok(match write(table, 0, actions, id).await? {
        Ok(true) => Ok(()),
        Ok(false) => {
            let there = PlannerError::Internal("a new table is there already".into());
            Err(NotDone::Failed(there))
        }
        Err(failed) => Err(failed),
    })
}

/// Looks at the versions after `seen`, which becomes the newest.
async fn conflicts(
    proposal: &Proposal,
    seen: &mut u64,
) -> std::result::Result<Option<String>, CatalogError> {
    let log = proposal.table.log();
    while let Some(actions) = log.read(*seen + 1).await? {
        if let Some(why) = conflict(&actions, proposal.depends, &proposal.removes) {
            return Ok(Some(why));
        }
        *seen += 1;
    }
    Ok(None)
}

/// A version to be.
struct Version<'v> {
    log: &'v DeltaLog,
    number: u64,
    actions: &'v [Action],
    id: Uuid,
}

#[async_trait]
impl Ours for Version<'_> {
    fn scheme(&self) -> Scheme {
        self.log.location().scheme()
    }

    async fn create(&self) -> std::result::Result<bool, CatalogError> {
        self.log.write(self.number, self.actions).await
    }

    async fn is_ours(&self) -> std::result::Result<Option<bool>, CatalogError> {
        let there = self.log.read(self.number).await?;
        let id = self.id.to_string();
        Ok(there.map(|there| id_of(&there) == Some(id.as_str())))
    }
}

/// Makes a version; false where it is another's.
async fn write(
    table: &Arc<DeltaTable>,
    number: u64,
    actions: &[Action],
    id: Uuid,
) -> Result<std::result::Result<bool, NotDone>> {
    match make(&Version { log: table.log(), number, actions, id }).await {
        Ok(made) => Ok(Ok(made)),
        Err(Unmade::Not(error)) => Ok(Err(NotDone::failed(&error))),
        Err(Unmade::Unknown(error)) => Err(PlannerError::Internal(format!(
            "it is not known whether the statement was carried out: version {number} of the table was sent to its store, \
             which has not answered since; look at the table before you run the statement again ({error})"
        ))),
    }
}

/// In the background: that it fails does no harm.
fn checkpoint(table: &Arc<DeltaTable>, version: u64) {
    if !version.is_multiple_of(TOGETHER) {
        return;
    }
    let written = Arc::clone(table);
    table.tasks.spawn(async move {
        if let Err(error) = written.log().checkpoint().await {
            tracing::warn!(%error, "the log of a table could not be written together");
        }
    });
}
