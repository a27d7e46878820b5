//! Calls beside the stream: ends of generations, reports.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use timberline_proto::id::GenerationId;
use timberline_proto::wire::v1::{GenerationEndsRequest, GenerationEndsResponse};

use super::super::session::{self, id_bytes};
use super::{CALL_TIMEOUT, Session, Shipper};
use crate::inbox::News;

/// Generations asked for at once.
const ASK_MAX: usize = 1000;
/// Above so many files, reports become rarer in proportion.
const REPORT_FILES: u32 = 1000;

/// What a call beside the stream gave.
pub(super) enum Aside {
    /// In this topic.
    Ends(Arc<str>, Result<GenerationEndsResponse, tonic::Status>),
    Reported(Result<(), tonic::Status>),
}

impl Shipper {
    /// Asks for the ends of generations, one call at a time.
    pub(super) fn ask(&self, session: &mut Session) {
        if session.asking {
            return;
        }
        let Some((topic, _)) = self.asked.first().cloned() else {
            return;
        };
        session.asking = true;
        let mut request = tonic::Request::new(GenerationEndsRequest {
            agent_id: id_bytes(self.agent.0),
            topic: topic.to_string(),
            generation_ids: self
                .asked
                .iter()
                .take_while(|asked| asked.0 == topic)
                .take(ASK_MAX)
                .map(|(_, generation)| id_bytes(generation.0))
                .collect(),
        });
        request.set_timeout(CALL_TIMEOUT);
        let mut client = session.client.clone();
        session.asides.spawn(async move {
            let answer = client.generation_ends(request).await;
            if answer.is_err() {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            Aside::Ends(topic, answer.map(tonic::Response::into_inner))
        });
    }

    pub(super) fn report(&self, session: &mut Session, now: Instant) {
        if now < session.report_at {
            return;
        }
        let status = self.status.borrow().clone();
        let rarer = (status.files.len() as u32).div_ceil(REPORT_FILES).max(1);
        session.report_at = now + self.config.report_interval.max(Duration::from_millis(10)) * rarer;
        if std::mem::replace(&mut session.reporting, true) {
            return;
        }
        let nanos = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos() as i64);
        let mut request = tonic::Request::new(session::report(&self.config, &status, nanos));
        request.set_timeout(CALL_TIMEOUT);
        let mut client = session.client.clone();
        session
            .asides
            .spawn(async move { Aside::Reported(client.report(request).await.map(drop)) });
    }

    pub(super) fn aside(&mut self, session: &mut Session, aside: Result<Aside, tokio::task::JoinError>) {
        match aside {
            Ok(Aside::Ends(topic, answer)) => {
                session.asking = false;
                match answer {
                    Ok(answer) => self.ends(&topic, &answer),
                    Err(status) => tracing::debug!(%status, "generation ends not told; asked again"),
                }
            }
            Ok(Aside::Reported(answer)) => {
                session.reporting = false;
                if let Err(status) = answer {
                    tracing::debug!(%status, "report not taken");
                }
            }
            Err(error) => {
                (session.asking, session.reporting) = (false, false);
                tracing::debug!(%error, "a call ended");
            }
        }
    }

    pub(super) fn ends(&mut self, topic: &Arc<str>, answer: &GenerationEndsResponse) {
        for end in &answer.ends {
            let Ok(generation) = GenerationId::try_from(&end.generation_id[..]) else {
                continue;
            };
            if self.asked.remove(&(topic.clone(), generation)) {
                self.news(&News::End {
                    generation,
                    end: end.known.then_some(end.end),
                });
            }
        }
    }
}
