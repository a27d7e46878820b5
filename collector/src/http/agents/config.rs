//! `GET` and `POST /api/v1/agents/config`: what groups of machines run

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use timberline_proto::api::enrollment::{GroupInfo, GroupList, NewGroupConfig};

use super::{Operator, Refused, answer_error, trust};
use crate::Collector;
use crate::rollout::{PushError, Rollouts};

pub(super) async fn list(_: Operator, State(collector): State<Collector>) -> Result<Json<GroupList>, Refused> {
    Ok(Json(rollouts(&collector)?.groups()))
}

pub(super) async fn set(
    operator: Operator,
    State(collector): State<Collector>,
    Json(wanted): Json<NewGroupConfig>,
) -> Result<Json<GroupInfo>, Refused> {
    let (trust, rollouts) = (trust(&collector)?, rollouts(&collector)?);
    let internal = |message| answer_error(StatusCode::INTERNAL_SERVER_ERROR, "internal", message);
    let work = move || {
        let info = rollouts.set(
            &wanted,
            collector.fleet(),
            &trust.labels(),
            collector.options().agent_timeout,
        )?;
        trust.note_push(&info, &operator.0)?;
        Ok::<_, PushError>(info)
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(info)) => Ok(Json(info)),
        Ok(Err(PushError::Bad(message))) => Err(answer_error(StatusCode::BAD_REQUEST, "bad_request", message)),
        Ok(Err(PushError::Failed(error))) => Err(internal(error.to_string())),
        Err(error) => Err(internal(error.to_string())),
    }
}

fn rollouts(collector: &Collector) -> Result<Rollouts, Refused> {
    trust(collector)?;
    let rollouts = collector.rollouts().cloned();
    rollouts.ok_or_else(|| {
        answer_error(
            StatusCode::CONFLICT,
            "unavailable",
            "no configuration is pushed here".to_owned(),
        )
    })
}
