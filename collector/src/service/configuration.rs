//! `Configuration`: what agents are to run.

use timberline_proto::id::AgentId;
use timberline_proto::tls::Role;
use timberline_proto::wire::v1::configuration_server::Configuration;
use timberline_proto::wire::v1::{PullRequest, PullResponse};
use tonic::{Request, Response, Status};

use super::caller;
use crate::Collector;
use crate::rollout::Failure;

pub(super) struct ConfigurationService {
    collector: Collector,
}

impl ConfigurationService {
    pub(super) fn new(collector: Collector) -> Self {
        Self { collector }
    }
}

#[tonic::async_trait]
impl Configuration for ConfigurationService {
    async fn pull(&self, request: Request<PullRequest>) -> Result<Response<PullResponse>, Status> {
        let caller = caller::peer(&self.collector, &caller::of(&request), Role::Agent)?;
        let Some(caller) = caller else {
            return Err(Status::unauthenticated("only an agent with a certificate has a group"));
        };
        let asked = request.into_inner();
        let named = AgentId::try_from(&asked.agent_id[..])
            .map_err(|error| Status::invalid_argument(format!("agent_id: {error}")))?;
        caller::is(&self.collector, Some(caller), named)?;
        let (Some(trust), Some(rollouts)) = (self.collector.trust(), self.collector.rollouts()) else {
            return Ok(Response::new(PullResponse::default()));
        };
        let (labels, rollouts) = (trust.labels_of(caller), rollouts.clone());
        let failure = (asked.failed_version != 0).then_some(Failure {
            version: asked.failed_version,
            why: asked.failed_why,
            passing: asked.failed_passing,
        });
        let pulled = tokio::task::spawn_blocking(move || rollouts.pull(caller, &labels, asked.version, failure))
            .await
            .map_err(|error| Status::internal(error.to_string()))?
            .map_err(|error| Status::unavailable(error.to_string()))?;
        let (document, signature) = pulled.signed.unwrap_or_default();
        Ok(Response::new(PullResponse {
            version: pulled.version,
            document: document.into(),
            signature: signature.into(),
        }))
    }
}
