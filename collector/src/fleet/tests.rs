use timberline_proto::api::AgentHealth;
use timberline_proto::wire::v1::Work;

use super::*;

const SECOND: i64 = 1_000_000_000;
const TOLERANCE: Duration = Duration::from_secs(5);

fn fleet() -> Fleet {
    Fleet::with(FleetLimits {
        agents_max: 2,
        agent_timeout: Duration::from_secs(30),
        agent_forget_after: Duration::from_secs(1000),
        loss_error_for: Duration::from_secs(60),
    })
}

/// Seen at its end at `to` seconds, of `size` bytes, so many read and acked.
fn file(path: &str, to: i64, size: u64, read: u64, acked: u64) -> FileStatus {
    FileStatus {
        path: path.into(),
        generation_id: path.as_bytes().to_vec().into(),
        read_to_end_at_unix_nanos: to * SECOND,
        size,
        read,
        acked,
        ..FileStatus::default()
    }
}

fn report(fleet: &Fleet, agent: u8, at: i64, files: Vec<FileStatus>) {
    let report = ReportRequest {
        host: format!("web-{agent}"),
        files,
        sent_at_unix_nanos: at * SECOND,
        ..ReportRequest::default()
    };
    fleet.report_at(AgentId([agent; 16]), report, at * SECOND);
}

fn seen(fleet: &Fleet, at: i64) -> Completeness {
    completeness(&fleet.sources_at(at * SECOND), at * SECOND, TOLERANCE)
}

#[test]
fn the_slowest_source_bounds_what_is_complete_and_the_others_are_counted() {
    let fleet = fleet();
    report(&fleet, 7, 101, vec![file("/a", 100, 5, 5, 5), file("/b", 40, 9, 2, 2)]);
    let found = seen(&fleet, 101);
    assert_eq!((found.sources, found.sources_current, found.lag_bytes), (2, 1, 7));
    assert_eq!(found.complete_to.as_deref(), Some("1970-01-01T00:00:40.000000000Z"));
    assert_eq!(found.current_to.as_deref(), Some("1970-01-01T00:01:40.000000000Z"));
    assert_eq!(
        found.summary,
        "complete to 1970-01-01T00:01:40.000000000Z for 1 of 2 sources"
    );
    assert_eq!((found.behind[0].path.as_str(), found.behind[0].bytes), ("/b", 7));
}

#[test]
fn a_source_never_read_to_its_end_makes_nothing_complete() {
    let fleet = fleet();
    report(&fleet, 1, 1, vec![file("/a", 0, 5, 0, 0)]);
    let found = seen(&fleet, 1);
    assert_eq!((found.complete_to, found.sources_current), (None, 0));
}

#[test]
fn an_end_that_was_seen_counts_only_once_its_bytes_are_acked() {
    let fleet = fleet();
    let to = |fleet: &Fleet| fleet.sources_at(20 * SECOND)[0].complete_to_nanos / SECOND;
    report(&fleet, 1, 10, vec![file("/a", 10, 50, 50, 20)]);
    assert_eq!(to(&fleet), 0);
    // The file grows on, always a little ahead of the acks: the end seen at 10 is acked now.
    report(&fleet, 1, 11, vec![file("/a", 11, 90, 90, 60)]);
    assert_eq!(to(&fleet), 10);
    report(&fleet, 1, 12, vec![file("/a", 12, 120, 120, 100)]);
    assert_eq!(to(&fleet), 11);
    // A report that comes twice, and one without news, change nothing.
    report(&fleet, 1, 12, vec![file("/a", 12, 120, 120, 100)]);
    assert_eq!(to(&fleet), 11);
}

#[test]
fn a_file_without_news_is_complete_to_its_last_look() {
    let fleet = fleet();
    for at in [10, 11, 300] {
        report(&fleet, 1, at, vec![file("/a", at, 50, 50, 50)]);
        assert_eq!(fleet.sources_at(at * SECOND)[0].complete_to_nanos, at * SECOND);
    }
}

#[test]
fn a_silent_agent_holds_back_what_is_complete_until_it_is_forgotten() {
    let fleet = fleet();
    report(&fleet, 1, 10, vec![file("/dead", 10, 5, 5, 5)]);
    report(&fleet, 2, 200, vec![file("/alive", 200, 5, 5, 5)]);
    let found = seen(&fleet, 200);
    assert_eq!((found.sources, found.sources_current, found.agents_silent), (2, 1, 1));
    assert_eq!(found.complete_to.as_deref(), Some("1970-01-01T00:00:10.000000000Z"));
    assert!(!found.behind[0].connected);
    report(&fleet, 2, 1100, vec![file("/alive", 1100, 5, 5, 5)]);
    let found = seen(&fleet, 1100);
    assert_eq!((found.sources, found.sources_current, found.agents_silent), (1, 1, 0));
}

#[test]
fn a_file_rotated_away_and_sent_holds_nothing_back() {
    let fleet = fleet();
    report(&fleet, 1, 10, vec![file("/a", 10, 5, 5, 5), file("/a.1", 9, 9, 9, 9)]);
    report(&fleet, 1, 20, vec![file("/a", 20, 5, 5, 5)]);
    assert_eq!(seen(&fleet, 20).sources, 1);
}

#[test]
fn a_clock_that_is_wrong_makes_no_source_late() {
    let fleet = fleet();
    let report = ReportRequest {
        files: vec![file("/a", 100, 5, 5, 5)],
        sent_at_unix_nanos: 101 * SECOND,
        ..ReportRequest::default()
    };
    fleet.report_at(AgentId([1; 16]), report, 4000 * SECOND);
    assert_eq!(seen(&fleet, 4000).sources_current, 1);
}

#[test]
fn more_agents_than_are_remembered_push_out_the_most_silent_and_answers_stay_small() {
    let fleet = fleet();
    for agent in 1..=3u8 {
        let files = (0..50).map(|n| file(&format!("/{n}"), 0, 9, 0, 0)).collect();
        report(&fleet, agent, i64::from(agent), files);
    }
    let found = seen(&fleet, 3);
    assert_eq!((found.sources, found.behind.len()), (100, BEHIND_MAX));
    assert!(found.behind.iter().all(|lag| lag.host != "web-1"));
}

#[test]
fn an_agent_is_as_the_worst_of_it_is_and_says_why() {
    let fleet = fleet();
    let now = now_nanos() / SECOND;
    let state = |fleet: &Fleet| fleet.states(TOLERANCE).remove(0);
    // Its end was last seen 40 seconds ago, and nothing has come since.
    report(&fleet, 1, now, vec![file("/a", now - 40, 100, 100, 100)]);
    assert_eq!((state(&fleet).health, state(&fleet).reason), (AgentHealth::Ok, None));
    let behind = file("/a", now - 40, 900, 200, 100);
    report(&fleet, 1, now + 1, vec![file("/b", now, 9, 9, 9), behind.clone()]);
    let lagging = state(&fleet);
    assert_eq!(
        (lagging.health, lagging.files_behind, lagging.lag_bytes),
        (AgentHealth::Lagging, 1, 800)
    );
    let why = lagging.reason.unwrap();
    assert!(
        why.starts_with("1 of 2 files are behind, /a the most: by 800 bytes"),
        "{why}"
    );
    let failed = FileStatus {
        error: "permission denied".into(),
        ..file("/c", 0, 0, 0, 0)
    };
    report(&fleet, 1, now + 2, vec![behind, failed]);
    assert_eq!(state(&fleet).health, AgentHealth::Error);
    assert_eq!(
        state(&fleet).reason.unwrap(),
        "1 of 2 files cannot be read: /c: permission denied"
    );
    let lost = ReportRequest {
        work: Some(Work {
            lost_bytes: 5,
            ..Work::default()
        }),
        ..ReportRequest::default()
    };
    fleet.report_at(AgentId([2; 16]), lost, now_nanos() - 31 * SECOND);
    let silent = fleet.agent_files(AgentId([2; 16]), TOLERANCE).unwrap().state;
    assert_eq!(
        (silent.health, silent.reason.as_deref()),
        (AgentHealth::Silent, Some("no report for 31 s"))
    );
}

#[test]
fn a_rate_follows_what_is_read_and_fades_when_nothing_is() {
    let fleet = fleet();
    let rate = |fleet: &Fleet| fleet.agent_files(AgentId([1; 16]), TOLERANCE).unwrap().files[0].rate_bytes_per_second;
    for second in 0..60 {
        report(&fleet, 1, 100 + second, vec![file("/a", 0, 0, second as u64 * 5000, 0)]);
    }
    assert!((4900.0..5001.0).contains(&rate(&fleet)), "{}", rate(&fleet));
    // The same report twice, and a clock set back, change nothing.
    let before = rate(&fleet);
    report(&fleet, 1, 159, vec![file("/a", 0, 0, 59 * 5000, 0)]);
    report(&fleet, 1, 50, vec![file("/a", 0, 0, 60 * 5000, 0)]);
    assert!((rate(&fleet) - before).abs() < 1.0);
    for second in 160..260 {
        report(&fleet, 1, second, vec![file("/a", 0, 0, 60 * 5000, 0)]);
    }
    assert!(rate(&fleet) < 10.0, "{}", rate(&fleet));
}

#[test]
fn a_loss_is_an_error_for_a_while_and_stays_in_the_totals() {
    let fleet = fleet();
    let now = now_nanos() / SECOND;
    let report = |at: i64, lost_bytes, dead_letter_records| {
        let report = ReportRequest {
            work: Some(Work {
                lost_bytes,
                dead_letter_records,
                ..Work::default()
            }),
            ..ReportRequest::default()
        };
        fleet.report_at(AgentId([1; 16]), report, at * SECOND);
        let state = fleet.states(TOLERANCE).remove(0);
        (state.health, state.lost_bytes, state.dead_letter_records)
    };
    // It lost something 90 seconds ago, and nothing since.
    report(now - 90, 5, 0);
    assert_eq!(report(now, 5, 0), (AgentHealth::Ok, 5, 0));
    assert_eq!(report(now, 6, 0), (AgentHealth::Error, 6, 0));
    // So it is for what was refused for good, and for an agent that was started anew.
    report(now - 80, 6, 2);
    assert_eq!(report(now, 6, 2), (AgentHealth::Ok, 6, 2));
    assert_eq!(report(now, 0, 0), (AgentHealth::Ok, 0, 0));
    assert_eq!(report(now, 1, 0), (AgentHealth::Error, 1, 0));
}
