//! Sessions for the tasks that other nodes send here.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::error::DataFusionError;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SessionState, SessionStateBuilder, TaskContext};
use datafusion::prelude::SessionConfig;
use datafusion_distributed::{
    DistributedExt, WorkerPlanRewriteEvent, WorkerQueryContext, WorkerSessionBuilder,
};

use super::guard::guard_task;
use super::share::Shares;
use super::{Channels, carry};
use crate::catalog::DetailedScanCodec;
use crate::deliver::{DeliverCodec, SinkHandle};
use crate::plan::merge::TaskMergeCodec;
use crate::write::WriteCodec;

/// Builds each task's session from the node's own template.
pub(super) struct WorkerSessions {
    pub(super) template: SessionState,
    /// Those of the template.
    pub(super) functions: Arc<TaskContext>,
    pub(super) channels: Channels,
    pub(super) sink: Arc<SinkHandle>,
    pub(super) live: LiveTasks,
    pub(super) shares: Arc<Shares>,
}

/// Counts the sessions of tasks that are still there: each holds a clone.
#[derive(Debug, Clone, Default)]
pub(super) struct LiveTasks(Arc<()>);

/// Held by every clone of one task's settings.
#[expect(dead_code, reason = "counted for as long as it is held")]
struct LiveTask(LiveTasks);

impl LiveTasks {
    /// Tasks whose plan, or anything else of theirs, is still held.
    pub(super) fn count(&self) -> usize {
        // Besides the engine and what builds the sessions.
        Arc::strong_count(&self.0).saturating_sub(2)
    }
}

impl WorkerSessions {
    /// What every task's session has beside what the coordinator's headers say.
    fn equip(&self, config: &mut SessionConfig, runtime: &Arc<RuntimeEnv>) {
        config.set_distributed_user_codec(DeliverCodec);
        config.set_distributed_user_codec(DetailedScanCodec);
        config.set_distributed_user_codec(TaskMergeCodec);
        config.set_distributed_user_codec(WriteCodec);
        config.set_distributed_channel_resolver(Arc::clone(&self.channels));
        let runtime = Arc::clone(runtime);
        let functions = Arc::clone(&self.functions);
        let guard =
            move |event: WorkerPlanRewriteEvent<'_>| guard_task(event, &functions, &runtime);
        config.set_distributed_worker_plan_rewrite_handler(guard);
        config.set_extension(Arc::clone(&self.sink));
        config.set_extension(Arc::new(LiveTask(self.live.clone())));
    }
}

#[async_trait]
impl WorkerSessionBuilder for WorkerSessions {
    async fn build_session_state(
        &self,
        mut context: WorkerQueryContext,
    ) -> Result<SessionState, DataFusionError> {
        let mut config = context.builder.config().take().unwrap_or_default();
        let mut state = self.template.clone();
        if let Some(query) = carry::query(&context.headers) {
            let runtime = self.shares.of(query);
            state = SessionStateBuilder::from(state).with_runtime_env(runtime).build();
        }
        self.equip(&mut config, state.runtime_env());
        carry::apply(&mut config, &context.headers)?;
        *state.config_mut() = config;
        Ok(state)
    }
}
