//! Sessions for the tasks that other nodes send here.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::prelude::SessionConfig;
use datafusion_distributed::{DistributedExt, WorkerQueryContext, WorkerSessionBuilder};

use super::guard::guard_task;
use super::{Channels, carry};
use crate::catalog::DetailedScanCodec;
use crate::deliver::{DeliverCodec, SinkHandle};
use crate::plan::merge::TaskMergeCodec;

/// Builds each task's session from the node's own template.
pub(super) struct WorkerSessions {
    template: SessionState,
    channels: Channels,
    sink: Arc<SinkHandle>,
}

impl WorkerSessions {
    pub(super) fn new(template: SessionState, channels: Channels, sink: Arc<SinkHandle>) -> Self {
        Self { template, channels, sink }
    }

    /// What every task's session has beside what the coordinator's headers say.
    fn equip(&self, config: &mut SessionConfig) {
        config.set_distributed_user_codec(DeliverCodec);
        config.set_distributed_user_codec(DetailedScanCodec);
        config.set_distributed_user_codec(TaskMergeCodec);
        config.set_distributed_channel_resolver(Arc::clone(&self.channels));
        config.set_distributed_worker_plan_rewrite_handler(guard_task);
        config.set_extension(Arc::clone(&self.sink));
    }
}

#[async_trait]
impl WorkerSessionBuilder for WorkerSessions {
    async fn build_session_state(
        &self,
        mut context: WorkerQueryContext,
    ) -> Result<SessionState, DataFusionError> {
        let mut config = context.builder.config().take().unwrap_or_default();
        self.equip(&mut config);
        carry::apply(&mut config, &context.headers)?;
        let mut state = self.template.clone();
        *state.config_mut() = config;
        Ok(state)
    }
}
