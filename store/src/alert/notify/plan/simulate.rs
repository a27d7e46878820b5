//! Messages of the past: what would have been sent for these transitions.

use timberline_proto::alert::Transition;

use super::state::PlanState;
use super::{Nanos, Planner, Surroundings};
use crate::alert::notify::message::Message;

/// All messages up to `until`, in order. Each transition counts from when it was decided; `transitions` are
/// in that order. At most `messages_max` are given back; the count is of all.
pub fn simulate<'a>(
    planner: &Planner,
    transitions: impl IntoIterator<Item = &'a Transition>,
    around: Surroundings<'_>,
    until: Nanos,
    messages_max: usize,
) -> (Vec<Message>, u64) {
    let mut state = PlanState::default();
    let mut kept = Vec::new();
    let mut count = 0;
    let mut take = |messages: Vec<Message>| {
        count += messages.len() as u64;
        let room = messages_max.saturating_sub(kept.len());
        kept.extend(messages.into_iter().take(room));
    };
    let mut ran_to = Nanos::MIN;
    let mut run_to = |state: &mut PlanState, to: Nanos| {
        while let Some(at) = planner.next_wake(state).filter(|at| *at <= to) {
            ran_to = ran_to.max(at);
            take(planner.due(state, around, ran_to));
            state.drop_told();
            state.take_changed();
        }
    };
    let mut clock = Nanos::MIN;
    for transition in transitions {
        let at = transition.decided_at_nanos.max(clock);
        if at > until {
            break;
        }
        run_to(&mut state, at.saturating_sub(1));
        clock = at;
        planner.apply(&mut state, transition, at);
    }
    run_to(&mut state, until);
    (kept, count)
}
