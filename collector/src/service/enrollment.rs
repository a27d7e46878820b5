//! `Enrollment`: a token for a certificate, and a certificate for a newer one.

use bytes::Bytes;
use timberline_proto::id::AgentId;
use timberline_proto::wire::v1::enrollment_server::Enrollment;
use timberline_proto::wire::v1::{EnrollRequest, EnrollResponse, RenewRequest};
use tonic::{Request, Response, Status};

use super::caller;
use crate::Collector;
use crate::rollout::Rollouts;
use crate::trust::{Application, IssueError, IssuedCertificate, Refusal, Trust};

pub(super) struct EnrollmentService {
    collector: Collector,
}

impl EnrollmentService {
    pub(super) fn new(collector: Collector) -> Self {
        Self { collector }
    }

    /// By whom pushed configurations are signed.
    fn key(&self) -> Bytes {
        let key = self.collector.rollouts().map(Rollouts::public_key);
        Bytes::copy_from_slice(key.unwrap_or_default())
    }

    fn trust(&self) -> Result<Trust, Status> {
        let trust = self.collector.trust().cloned();
        trust.ok_or_else(|| {
            Status::failed_precondition(
                "this collector speaks plain text and enrolls nobody: set `server.grpc_tls.mode`",
            )
        })
    }
}

#[tonic::async_trait]
impl Enrollment for EnrollmentService {
    async fn enroll(&self, request: Request<EnrollRequest>) -> Result<Response<EnrollResponse>, Status> {
        let trust = self.trust()?;
        let caller = caller::of(&request);
        let request = request.into_inner();
        let application = Application {
            token_id: request.token_id.to_vec(),
            token_secret: request.token_secret.to_vec(),
            id: AgentId::try_from(&request.id[..]).map_err(|error| Status::invalid_argument(format!("id: {error}")))?,
            certificate_request: request.certificate_request.to_vec(),
            host: request.host,
        };
        let version = request.version;
        answer(self.key(), move || {
            let issued = trust.enroll(caller.address, caller.certificate.as_deref(), &application)?;
            tracing::info!(machine = %application.id, host = application.host, version, "a machine was enrolled");
            Ok(issued)
        })
        .await
    }

    async fn renew(&self, request: Request<RenewRequest>) -> Result<Response<EnrollResponse>, Status> {
        let trust = self.trust()?;
        let caller = caller::of(&request);
        let Some(facts) = caller.certificate else {
            return Err(Status::unauthenticated(
                "only a certificate can be renewed; enroll to get one",
            ));
        };
        let request = request.into_inner();
        answer(self.key(), move || {
            trust.renew(caller.address, &facts, &request.certificate_request)
        })
        .await
    }
}

/// Signing is quick, writing the list may not be.
async fn answer(
    configuration_key: Bytes,
    work: impl FnOnce() -> Result<IssuedCertificate, IssueError> + Send + 'static,
) -> Result<Response<EnrollResponse>, Status> {
    let issued = tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Status::internal(error.to_string()))?;
    match issued {
        Ok(issued) => Ok(Response::new(EnrollResponse {
            certificate_pem: issued.certificate_pem,
            authorities_pem: issued.authorities_pem,
            labels: issued.labels.into_iter().collect(),
            configuration_key,
        })),
        Err(IssueError::Refused(refusal)) => Err(status(&refusal)),
        Err(IssueError::Failed(error)) => {
            tracing::error!(%error, "no certificate could be issued");
            Err(Status::internal(
                "the collector cannot issue certificates now; its log says why",
            ))
        }
    }
}

fn status(refusal: &Refusal) -> Status {
    let message = refusal.to_string();
    match refusal {
        Refusal::UnknownToken | Refusal::ExpiredToken | Refusal::RevokedToken => Status::unauthenticated(message),
        Refusal::UsedUp | Refusal::TooManyAttempts | Refusal::TooManyCertificates(_) | Refusal::Full(_) => {
            Status::resource_exhausted(message)
        }
        Refusal::Enrolled(_) => Status::already_exists(message),
        Refusal::Revoked(_) | Refusal::RefusedCertificate(_) => Status::permission_denied(message),
        Refusal::BadRequest(_) => Status::invalid_argument(message),
    }
}
