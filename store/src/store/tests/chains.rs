//! Chains of agents' lines: what comes to the store, and what `verify agent` says of it.

use std::collections::BTreeMap;

use bytes::Bytes;
use rusqlite::Connection;
use timberline_proto::batch::{BatchBuilder, BatchMeta, ChainState, Chained, Dropped, NewRecord};
use timberline_proto::id::{AgentId, GenerationId};

use super::*;
use crate::integrity::verify::{
    AgentHead, AgentOptions, ChainStanding, Report, Verdict, VerifyOptions, verify_agent, verify_store,
};

const FILE: GenerationId = GenerationId([2; 16]);

/// An agent that ships one file.
struct Agent {
    at: u64,
    line: usize,
    state: ChainState,
    chains: bool,
}

impl Agent {
    fn new() -> Self {
        Self {
            at: 0,
            line: 0,
            state: ChainState::default(),
            chains: true,
        }
    }

    /// The next lines, as the agent ships them.
    fn ship(&mut self, lines: usize) -> Bytes {
        self.ship_but(lines, |_| {})
    }

    /// The same, as somebody changed it on the way: what is chained is what the agent read.
    fn ship_but(&mut self, lines: usize, change: impl Fn(&mut Vec<String>)) -> Bytes {
        let read: Vec<String> = (0..lines).map(|n| format!("line {}", self.line + n)).collect();
        let mut sent = read.clone();
        change(&mut sent);
        let range = (
            self.at,
            self.at + read.iter().map(|line| line.len() as u64 + 1).sum::<u64>(),
        );
        let mut meta = self.meta(range);
        if self.chains {
            let chained = self.builder(&read).chained(&meta, self.state, [6; 16]);
            self.state = chained.end();
            meta.chain = Some(chained);
        }
        let bytes = self.builder(&sent).finish(&meta, 1);
        (self.at, self.line) = (range.1, self.line + lines);
        bytes
    }

    fn builder(&self, lines: &[String]) -> BatchBuilder {
        let (mut builder, mut at) = (BatchBuilder::new(), self.at);
        for line in lines {
            let len = line.len() as u32 + 1;
            builder.push(&NewRecord {
                time_nanos: NOW,
                time_parsed: true,
                line: line.as_bytes(),
                place: Some((at, len)),
                ..NewRecord::default()
            });
            at += u64::from(len);
        }
        builder
    }

    fn meta(&self, range: (u64, u64)) -> BatchMeta {
        BatchMeta {
            stream: BTreeMap::from([
                ("host.name".into(), "web-1".into()),
                ("log.file.path".into(), "/var/log/app.log".into()),
            ]),
            agent: Some(AgentId([1; 16])),
            generation: Some(FILE),
            range,
            eol_bytes: 1,
            observed_nanos: NOW,
            ..BatchMeta::default()
        }
    }

    /// The last word.
    fn close(&self) -> Bytes {
        let mut meta = self.meta((self.at, self.at));
        meta.chain = Some(Chained::empty(self.state, true));
        BatchBuilder::new().finish(&meta, 1)
    }

    /// Bytes that a rule dropped.
    fn drop_bytes(&mut self, bytes: u64) -> Bytes {
        let mut meta = self.meta((self.at, self.at + bytes));
        meta.dropped = vec![Dropped {
            start: self.at,
            end: self.at + bytes,
            reason: "rule:noise".into(),
        }];
        meta.chain = Some(Chained::empty(self.state, false));
        self.at += bytes;
        BatchBuilder::new().finish(&meta, 1)
    }

    fn head(&self) -> AgentHead {
        AgentHead {
            generation: FILE,
            start: 0,
            acked: self.at,
            value: self.state.value,
            path: "/var/log/app.log".into(),
        }
    }
}

/// Publishes each of these by itself, in runs of the store.
fn publish(bench: &Bench, batches: &[Bytes]) {
    for batch in batches {
        bench.queue.append_bytes(0, batch);
        let store = bench.open();
        wait_until("the batch to be taken", || store.stats().batches > 0);
        assert!(store.shutdown(PATIENCE));
    }
}

fn check_with(bench: &Bench, agent: &AgentOptions) -> Report {
    let options = VerifyOptions {
        data: bench.dir.path().join("store"),
        ..VerifyOptions::default()
    };
    verify_agent(&options, agent)
}

fn word_of(agent: &Agent) -> AgentOptions {
    AgentOptions {
        heads: vec![agent.head()],
        ..AgentOptions::default()
    }
}

#[track_caller]
fn check(report: &Report, verdict: Verdict, standing: ChainStanding, word: &str) {
    assert_eq!(report.verdict(), verdict, "{report}");
    assert_eq!(report.chains.len(), 1, "{report}");
    assert_eq!(report.chains[0].standing, standing, "{report}");
    assert!(report.to_string().contains(word), "{word:?} is not in:\n{report}");
}

/// A store that took these batches.
fn taken(make: impl FnOnce(&mut Agent) -> Vec<Bytes>) -> (Bench, Agent) {
    let (bench, mut agent) = (Bench::new(1), Agent::new());
    let batches = make(&mut agent);
    publish(&bench, &batches);
    (bench, agent)
}

fn catalog(bench: &Bench) -> Connection {
    Connection::open(bench.dir.path().join("store/catalog.sqlite")).unwrap()
}

#[test]
fn a_file_that_is_closed_is_whole_and_one_that_is_open_needs_its_agents_word() {
    let (bench, agent) = taken(|agent| vec![agent.ship(3), agent.drop_bytes(50), agent.ship(1)]);
    let alone = check_with(&bench, &AgentOptions::default());
    check(&alone, Verdict::Incomplete, ChainStanding::Open, "still open");
    let so_far = AgentOptions {
        so_far: true,
        ..AgentOptions::default()
    };
    check(
        &check_with(&bench, &so_far),
        Verdict::Intact,
        ChainStanding::Open,
        "whole so far",
    );
    let report = check_with(&bench, &word_of(&agent));
    check(
        &report,
        Verdict::Intact,
        ChainStanding::Whole,
        "whole: /var/log/app.log of web-1",
    );
    assert_eq!(
        (report.chains[0].lines, report.chains[0].found, report.chains[0].begun),
        (4, 4, 1)
    );
    publish(&bench, &[agent.close(), agent.close()]);
    let report = check_with(&bench, &AgentOptions::default());
    check(&report, Verdict::Intact, ChainStanding::Whole, "whole");
    assert!(report.chains[0].closed);
}

#[test]
fn a_batch_that_never_came_is_missed_with_its_lines_and_bytes() {
    let (bench, agent) = taken(|agent| {
        let (first, _lost, last) = (agent.ship(3), agent.ship(2), agent.ship(1));
        vec![first, last]
    });
    let report = check_with(&bench, &word_of(&agent));
    check(
        &report,
        Verdict::Missing,
        ChainStanding::Missing,
        "2 lines, bytes 21 to 35, were shipped",
    );

    let (bench, agent) = taken(|agent| {
        let (_lost, second) = (agent.ship(3), agent.ship(2));
        vec![second]
    });
    let report = check_with(&bench, &word_of(&agent));
    check(&report, Verdict::Missing, ChainStanding::Missing, "the first 3 lines");

    let (bench, agent) = taken(|agent| {
        let (first, _lost) = (agent.ship(3), agent.ship(2));
        vec![first]
    });
    let report = check_with(&bench, &word_of(&agent));
    check(&report, Verdict::CutShort, ChainStanding::CutShort, "up to byte 35");
}

#[test]
fn a_line_that_is_changed_left_out_or_added_on_the_way_is_noticed() {
    let changes: [fn(&mut Vec<String>); 2] = [|lines| lines[1] = "LINE 1".into(), |lines| lines.swap(0, 2)];
    for change in changes {
        let (bench, agent) = taken(|agent| vec![agent.ship(1), agent.ship_but(3, change), agent.ship(1)]);
        let report = check_with(&bench, &word_of(&agent));
        check(
            &report,
            Verdict::Altered,
            ChainStanding::Altered,
            "lines 2 to 4 (bytes 7 to 28) are not what the agent shipped",
        );
    }
    // A batch of lines that the agent never read, with a chain that fits them.
    let (bench, agent) = taken(|agent| {
        let mut other = Agent::new();
        other.line = 7;
        let forged = other.ship(3);
        agent.ship(3);
        vec![forged, agent.ship(1)]
    });
    let report = check_with(&bench, &word_of(&agent));
    check(
        &report,
        Verdict::Altered,
        ChainStanding::Altered,
        "the chain does not go on there",
    );
    // The same at the end, which its agent alone can tell.
    let (bench, agent) = taken(|agent| {
        let mut other = Agent::new();
        other.line = 7;
        agent.ship(3);
        vec![other.ship(3)]
    });
    let report = check_with(&bench, &word_of(&agent));
    check(
        &report,
        Verdict::Altered,
        ChainStanding::Altered,
        "the chain that its agent knows has another value",
    );
    // And one whose chain was taken off.
    let (bench, agent) = taken(|agent| {
        let first = agent.ship(3);
        agent.chains = false;
        let stripped = agent.ship(2);
        agent.chains = true;
        vec![first, stripped, agent.ship(1)]
    });
    let report = check_with(&bench, &word_of(&agent));
    check(
        &report,
        Verdict::Altered,
        ChainStanding::Altered,
        "the chain does not go on there",
    );
}

#[test]
fn an_agent_that_was_killed_begins_to_count_anew_and_one_that_does_not_chain_is_no_fault() {
    let (bench, agent) = taken(|agent| {
        let first = agent.ship(3);
        agent.state = ChainState::default();
        vec![first, agent.ship(2)]
    });
    let report = check_with(&bench, &word_of(&agent));
    check(&report, Verdict::Intact, ChainStanding::Whole, "counted anew 1 times");

    let (bench, _) = taken(|agent| {
        agent.chains = false;
        vec![agent.ship(3), agent.ship(2)]
    });
    let report = check_with(&bench, &AgentOptions::default());
    check(&report, Verdict::Intact, ChainStanding::NotChained, "not chained");
    // And was replaced by one that does.
    let (bench, agent) = taken(|agent| {
        agent.chains = false;
        let before = agent.ship(3);
        agent.chains = true;
        vec![before, agent.ship(2)]
    });
    let report = check_with(&bench, &word_of(&agent));
    check(
        &report,
        Verdict::Intact,
        ChainStanding::Whole,
        "2 lines chained, 5 records stored",
    );
}

#[test]
fn parts_of_a_batch_that_was_divided_are_one_unit_and_the_chain_goes_on_behind_them() {
    let (bench, agent) = taken(|agent| {
        let whole = timberline_proto::batch::LogBatch::parse(&agent.ship(4), 1 << 20).unwrap();
        let records: Vec<_> = whole.records().collect();
        let part = |from: usize, to: usize, range| {
            let mut builder = BatchBuilder::new();
            records[from..to].iter().for_each(|record| builder.push(&record.into()));
            builder.finish(&whole.meta_of(range), 1)
        };
        vec![part(0, 1, (0, 7)), part(1, 4, (7, 28)), agent.ship(1)]
    });
    let report = check_with(&bench, &word_of(&agent));
    check(&report, Verdict::Intact, ChainStanding::Whole, "came in parts");
}

#[test]
fn chains_that_are_edited_or_taken_away_are_noticed_also_by_verify_store() {
    let edits = [
        (
            "UPDATE integrity_chains SET block = CAST(substr(block, 1, length(block) - 1) || x'00' AS BLOB)",
            Verdict::Altered,
        ),
        (
            "DELETE FROM integrity_chains WHERE seq = (SELECT min(seq) FROM integrity_chains)",
            Verdict::Missing,
        ),
        (
            "INSERT INTO integrity_chains SELECT 1000, topic, partition, tier, first, block FROM integrity_chains LIMIT 1",
            Verdict::Altered,
        ),
    ];
    for (sql, verdict) in edits {
        let (bench, _) = taken(|agent| vec![agent.ship(3), agent.ship(2)]);
        catalog(&bench).execute_batch(sql).unwrap();
        assert_eq!(check_with(&bench, &AgentOptions::default()).verdict(), verdict, "{sql}");
        let options = VerifyOptions {
            data: bench.dir.path().join("store"),
            ..VerifyOptions::default()
        };
        let report = verify_store(&options);
        assert_eq!(report.verdict(), verdict, "{sql}: {report}");
    }
}

#[test]
fn blocks_of_many_publications_become_one_and_a_file_one_link() {
    let (bench, mut agent) = (Bench::new(1), Agent::new());
    let store = bench.open();
    for _ in 0..64 {
        bench.queue.append_bytes(0, &agent.ship(2));
        wait_until("the batch to be taken", || {
            store.stats().live_rows > 0 && store.live().queued_records() == 0
        });
        store.flush().unwrap();
    }
    store.enforce_retention().unwrap();
    assert!(store.shutdown(PATIENCE));
    drop(store);
    let blocks: i64 = catalog(&bench)
        .query_row("SELECT count(*) FROM integrity_chains", [], |row| row.get(0))
        .unwrap();
    assert_eq!(blocks, 1);
    publish(&bench, &[agent.ship(2)]);
    let report = check_with(&bench, &word_of(&agent));
    check(
        &report,
        Verdict::Intact,
        ChainStanding::Whole,
        "130 lines chained, 130 records stored",
    );
}

#[test]
fn what_a_policy_removed_is_said_to_be_and_the_rest_is_whole() {
    let (mut bench, mut agent) = (Bench::new(1), Agent::new());
    bench.options.retention_age = Some(Duration::from_secs(10 * 86_400));
    publish(&bench, &[agent.ship(3)]);
    bench.clock.0.fetch_add(20 * DAY, Ordering::Relaxed);
    let store = bench.open();
    store.enforce_retention().unwrap();
    assert!(store.shutdown(PATIENCE));
    let report = check_with(&bench, &word_of(&agent));
    check(&report, Verdict::Intact, ChainStanding::Removed, "3 not any more");
}

#[test]
fn a_row_that_is_taken_out_of_a_split_is_named_with_its_file_and_bytes() {
    let (bench, agent) = taken(|agent| vec![agent.ship(5)]);
    super::integrity::forge_first(&bench, |rows, _| drop(rows.remove(2)));
    let report = check_with(&bench, &word_of(&agent));
    check(
        &report,
        Verdict::Missing,
        ChainStanding::Missing,
        "1 of 5 lines are missing, bytes 14 to 21",
    );
}
