//! Why a search found nothing: the causes, each with a sentence and a way out.
//!
//! First what is found for this very search, when something in it is changed: another range, a word as
//! a fragment, a condition left out. Then what may keep any record away: retention, damage, the queue,
//! agents and their files. All of it is counted as a histogram is, mostly from summaries, one after the
//! other within `query.explain_time_limit`; what was not looked at then is not said, and the answer
//! says so.
//!
//! | module | causes |
//! |---|---|
//! | [`elsewhere`] | outside the range, clocks that are off |
//! | [`terms`] | words cut differently, phrases apart, fields that are not there, one condition |
//! | [`store`] | retention, damage, nothing stored |
//! | [`sources`] | queued, agents offline, files unread, dead letters, rules, losses |
//! | [`probe`] | counts, and records that are nearest |

mod elsewhere;
mod probe;
mod sources;
mod store;
mod terms;
#[cfg(test)]
mod tests;

use timberline_proto::api::{Cause, CauseCode, ExplainAnswer, ExplainRequest, Way};
use timberline_proto::query::ast::{Query, Search};
use timberline_proto::query::parse;

use self::probe::Probe;
use super::reader::{blocking, range};
use super::{ReadError, Reader};

/// Tests of one filter that are looked at, one by one, at most.
const TERMS_MAX: usize = 8;

impl Reader {
    /// Why a search finds nothing.
    ///
    /// # Errors
    /// [`ReadError`]: also of SQL, which has no filter of its own.
    pub async fn explain(&self, request: ExplainRequest) -> Result<ExplainAnswer, ReadError> {
        let search = match parse(&request.query)? {
            Query::Search(search) => super::lower::fold_wheres(search),
            Query::Sql(_) => {
                return Err(ReadError::BadRequest(
                    "SQL has no search to explain: give a search".to_owned(),
                ));
            }
        };
        self.check_search(&search)?;
        let range = range(request.from.as_deref(), request.to.as_deref())?;
        let limit = self.options().explain_time_limit;
        let task = self.begin_for(None, limit, "query.explain_time_limit").await?;
        let reader = self.clone();
        blocking(move || {
            let mut probe = Probe::new(&reader, &task.running, range, &search.filter)?;
            let mut causes = Vec::new();
            elsewhere::find(&mut probe, &search, &mut causes);
            terms::find(&mut probe, &search, &mut causes);
            // These tell of everything there is.
            if reader.limits.is_none() {
                store::find(&mut probe, &search, &mut causes);
                sources::find(&mut probe, &mut causes);
            }
            // Those of one kind stay in their order.
            causes.sort_by_key(|cause| rank(cause.code));
            Ok(ExplainAnswer {
                causes,
                complete: probe.complete,
                elapsed_ms: task.running.progress().elapsed_ms,
            })
        })
        .await
    }
}

/// The likeliest first.
fn rank(code: CauseCode) -> u8 {
    match code {
        CauseCode::NothingStored => 0,
        CauseCode::NoSuchField => 1,
        CauseCode::WordCut => 2,
        CauseCode::PhraseApart => 3,
        CauseCode::ClockSkew => 4,
        CauseCode::OutsideRange => 5,
        CauseCode::OneTerm => 6,
        CauseCode::Queued => 7,
        CauseCode::Expired => 8,
        CauseCode::Damaged => 9,
        CauseCode::AgentOffline => 10,
        CauseCode::FileUnread => 11,
        CauseCode::Unshipped => 12,
        CauseCode::DeadLetters => 13,
        CauseCode::DroppedByRule => 14,
        CauseCode::Lost => 15,
    }
}

fn cause(code: CauseCode, message: String, records: Option<u64>, way: Option<Way>) -> Cause {
    Cause {
        code,
        message,
        records,
        way,
    }
}

/// `1 line`, `5 lines`.
fn counted(n: u64, one: &str, many: &str) -> String {
    match n {
        1 => format!("1 {one}"),
        _ => format!("{} {many}", grouped(n)),
    }
}

fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The search with another filter, as text.
fn text_with(search: &Search, filter: timberline_proto::query::ast::Filter) -> String {
    let search = Search {
        filter,
        ..search.clone()
    };
    search.to_string()
}
