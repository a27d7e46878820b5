//! Who calls, and whether it may.

use std::time::{SystemTime, UNIX_EPOCH};

use timberline_proto::id::AgentId;
use timberline_proto::tls::{CertificateFacts, Peer, Role};
use tonic::{Request, Status};

use super::connection::Caller;
use crate::Collector;
use crate::trust::TlsMode;

/// Who is at the other end of the request's connection.
pub(super) fn of<T>(request: &Request<T>) -> Caller {
    request.extensions().get::<Caller>().cloned().unwrap_or_default()
}

/// Whom the caller must be: none if it need not say, because this collector asks nobody.
///
/// # Errors
/// `UNAUTHENTICATED` without a certificate that holds, `PERMISSION_DENIED` with one that is refused or
/// of another role.
pub(super) fn peer(collector: &Collector, caller: &Caller, role: Role) -> Result<Option<AgentId>, Status> {
    let Some(trust) = collector.trust() else {
        return Ok(None);
    };
    let Some(facts) = &caller.certificate else {
        return match trust.mode() {
            TlsMode::Server => Ok(None),
            TlsMode::Mutual => Err(Status::unauthenticated(
                "this collector takes nothing without a certificate: run `timberline enroll` on this machine",
            )),
        };
    };
    let Some(peer) = facts.peer else {
        return Err(Status::permission_denied("this certificate names no machine"));
    };
    if let Some(refusal) = trust.refusal(facts) {
        return Err(Status::permission_denied(refusal.to_string()));
    }
    if is_over(facts) {
        return Err(Status::unauthenticated(format!(
            "the certificate of {peer} is over; it is renewed, or the machine has to be enrolled anew"
        )));
    }
    if peer.role != role {
        return Err(Status::permission_denied(format!(
            "{peer} may not do what {}s do",
            role.name()
        )));
    }
    Ok(Some(peer.id))
}

/// Refuses what one machine says in the name of another, and what anybody without a certificate says in
/// the name of one that enrolled.
///
/// # Errors
/// `PERMISSION_DENIED`
pub(super) fn is(collector: &Collector, caller: Option<AgentId>, named: AgentId) -> Result<(), Status> {
    match (caller, collector.trust()) {
        (Some(caller), _) if caller != named => Err(foreign(caller, named)),
        (None, Some(trust)) if trust.is_machine(named) => Err(Status::permission_denied(format!(
            "agent {named} is enrolled: it is heard by its certificate alone"
        ))),
        _ => Ok(()),
    }
}

/// One machine's word in the name of another.
pub(super) fn foreign(caller: AgentId, named: AgentId) -> Status {
    let caller = Peer {
        role: Role::Agent,
        id: caller,
    };
    Status::permission_denied(format!("{caller} may not speak as {named}"))
}

fn is_over(facts: &CertificateFacts) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX) >= facts.not_after_s
}
