//! A proposal becomes the next version of its table, or makes way for another one.

use std::sync::Arc;
use std::time::Duration;

use deltalake::kernel::Action;
use rand::Rng;
use tokio::time::sleep;
use uuid::Uuid;

use super::actions::{actions, id_of};
use super::conflict::conflict;
use super::{Proposal, Published};
use crate::catalog::delta::DeltaTable;
use crate::{PlannerError, Result};

/// How often the next number is tried for when others are first.
const MOST_TRIES: u32 = 100;

/// How often a store is asked that does not answer.
const MOST_ASKED: u32 = 6;

/// Longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Every so many versions the log is written together, as Delta's own default has it.
const TOGETHER: u64 = 10;

/// Makes a proposal the next version of its table, unless it should have seen another that came first.
///
/// # Errors
/// `Unavailable` when the store does not answer: it is not known then whether the version was made.
pub(crate) async fn publish(proposal: &Proposal) -> Result<Published> {
    let id = Uuid::now_v7();
    let actions = actions(proposal, id);
    let mut seen = proposal.read.version;
    for attempt in 0..MOST_TRIES {
        if let Some(why) = conflicts(proposal, &mut seen).await? {
            return Ok(Published::Conflict(why));
        }
        if write(&proposal.table, seen + 1, &actions, id).await? {
            checkpoint(&proposal.table, seen + 1);
            return Ok(Published::Done);
        }
        pause(attempt).await;
    }
    Ok(Published::Conflict("others write the table all the time".into()))
}

/// Makes the first version of a new table, where nobody else makes one.
///
/// # Errors
/// As [`publish`].
pub(crate) async fn publish_first(
    table: &Arc<DeltaTable>,
    actions: &[Action],
    id: Uuid,
) -> Result<()> {
    match write(table, 0, actions, id).await? {
        true => Ok(()),
        false => Err(PlannerError::Internal("a new table is there already".into())),
    }
}

/// Looks at the versions after `seen`, which becomes the newest.
async fn conflicts(proposal: &Proposal, seen: &mut u64) -> Result<Option<String>> {
    let log = proposal.table.log();
    while let Some(actions) = log.read(*seen + 1).await? {
        if let Some(why) = conflict(&actions, proposal.depends, &proposal.removes) {
            return Ok(Some(why));
        }
        *seen += 1;
    }
    Ok(None)
}

/// Makes a version; false where it is another's. A store that does not answer is asked again for the same number: it makes
/// it then, or has made it.
async fn write(
    table: &Arc<DeltaTable>,
    version: u64,
    actions: &[Action],
    id: Uuid,
) -> Result<bool> {
    let log = table.log();
    let mut asked = 0;
    loop {
        let error = match log.write(version, actions).await {
            Ok(true) => return Ok(true),
            // One that was asked twice by its own client says that it is there already.
            Ok(false) => match log.read(version).await {
                Ok(there) => return Ok(there.is_some_and(|there| is(&there, id))),
                Err(error) => error,
            },
            Err(error) => error,
        };
        asked += 1;
        if asked >= MOST_ASKED {
            return Err(PlannerError::Internal(format!(
                "it is not known whether the statement was carried out: version {version} of the table was sent to its store, \
                 which has not answered since; look at the table before you run the statement again ({error})"
            )));
        }
        tracing::warn!(%error, version, "a version of a table is sent again");
        pause(asked).await;
    }
}

fn is(actions: &[Action], id: Uuid) -> bool {
    id_of(actions) == Some(id.to_string().as_str())
}

/// Longer after each try, and not as long as others wait.
async fn pause(attempt: u32) {
    let most = Duration::from_millis(10 << attempt.min(10)).min(LONGEST_PAUSE);
    let pause = rand::rng().random_range(0..=most.as_millis() as u64);
    sleep(Duration::from_millis(pause)).await;
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
