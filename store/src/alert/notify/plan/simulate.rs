//! Messages of the past: what would have been sent for these transitions.

use timberline_proto::alert::Transition;

use super::state::PlanState;
use super::{Nanos, Planner, Surroundings};
use crate::alert::notify::message::Message;

/// All messages up to `until`, in order, the first `messages_max` of them; and how many there are.
pub fn simulate<'a>(
    planner: &Planner,
    transitions: impl IntoIterator<Item = &'a Transition>,
    around: Surroundings<'_>,
    until: Nanos,
    messages_max: usize,
) -> (Vec<Message>, u64) {
    let (mut kept, mut count) = (Vec::new(), 0);
    replay(planner, transitions, around, until, |message| {
        count += 1;
        if kept.len() < messages_max {
            kept.push(message);
        }
    });
    (kept, count)
}

/// Gives all messages up to `until` to `take`, in order. Each transition counts from when it was decided;
/// `transitions` are in that order.
pub fn replay<'a>(
    planner: &Planner,
    transitions: impl IntoIterator<Item = &'a Transition>,
    around: Surroundings<'_>,
    until: Nanos,
    mut take: impl FnMut(Message),
) {
    let mut state = PlanState::default();
    let mut clock = Nanos::MIN;
    let mut run_to = |state: &mut PlanState, clock: &mut Nanos, to: Nanos| {
        while let Some(at) = planner.next_wake(state).filter(|at| *at <= to) {
            *clock = at.max(*clock);
            planner.due(state, around, *clock).into_iter().for_each(&mut take);
            state.drop_told();
            state.take_changed();
        }
    };
    for transition in transitions {
        let at = transition.decided_at_nanos.max(clock);
        if at > until {
            break;
        }
        run_to(&mut state, &mut clock, at.saturating_sub(1));
        clock = at;
        planner.apply(&mut state, transition, at);
    }
    run_to(&mut state, &mut clock, until);
}
