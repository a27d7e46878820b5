//! Who is told when nobody takes it up.

use super::*;

fn escalating() -> NotifyOptions {
    let mut options = options();
    let step = |seconds, target: &str| EscalationOptions {
        after: Duration::from_secs(seconds),
        targets: vec![target.to_owned()],
    };
    options.routes = vec![RouteOptions {
        escalation: vec![step(100, "web"), step(500, "boss")],
        ..RouteOptions::default()
    }];
    options
}

#[test]
fn who_is_next_is_told_until_somebody_takes_it_up() {
    let mut stage = Stage::new(&escalating());
    stage.apply(&fires("disk", "a", 0));
    assert_eq!(
        told(&stage.run_to(200 * SECOND)),
        ["firing ops 1/0 @30", "escalation web 1/0 @130"]
    );
    let id = stage.open().remove(0);
    stage
        .planner
        .acknowledge(&mut stage.state, &id, Some("ann"), 200 * SECOND);
    assert_eq!(told(&stage.run_to(3_000 * SECOND)), [""; 0]);
    stage.apply(&resolves("disk", "a", 3_000 * SECOND));
    let resolved = told(&stage.run_to(4_000 * SECOND));
    assert_eq!(
        resolved.iter().filter(|told| told.starts_with("resolved")).count(),
        2,
        "ops and web, not boss: {resolved:?}"
    );
}

#[test]
fn every_step_is_reached_if_nobody_does_and_each_incident_has_its_own_time() {
    let mut stage = Stage::new(&escalating());
    stage.apply(&fires("disk", "a", 0));
    let messages = stage.run_to(320 * SECOND);
    assert_eq!(messages.len(), 2);
    stage.apply(&fires("disk", "b", 320 * SECOND));
    let told = told(&stage.run_to(700 * SECOND));
    // b is told at 330 and escalated at 430; a's second step is at 530.
    assert_eq!(
        told,
        [
            "firing ops 2/0 @330",
            "escalation web 2/0 @430",
            "escalation boss 1/0 @530"
        ]
    );
}

#[test]
fn what_is_resolved_in_time_is_not_escalated() {
    let mut stage = Stage::new(&escalating());
    stage.apply(&fires("disk", "a", 0));
    stage.run_to(50 * SECOND);
    stage.apply(&resolves("disk", "a", 60 * SECOND));
    assert_eq!(told(&stage.run_to(3_000 * SECOND)), ["resolved ops 0/1 @330"]);
}
