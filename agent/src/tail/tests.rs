//! What no file on a local disk can be made to do: descriptors that fail or show old attributes, as
//! on a network filesystem. The tailer is driven by hand.

use std::fs::{self, File, OpenOptions};
use std::path::Path;

use tokio::sync::mpsc;

use super::file::Standing;
use super::*;
use crate::config::AgentConfig;
use crate::identity::Stat;
use crate::process::Rules;
use crate::registry;

struct Bench {
    dir: tempfile::TempDir,
    tailer: Tailer,
    batches: mpsc::Receiver<ToShip>,
}

impl Bench {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(set: impl FnOnce(&mut AgentConfig)) -> Self {
        Self::on(tempfile::tempdir().unwrap(), set)
    }

    /// The agent killed, and another one on what it has left.
    fn again(self) -> Self {
        let Self { dir, tailer, .. } = self;
        drop(tailer);
        Self::on(dir, |_| {})
    }

    fn on(dir: tempfile::TempDir, set: impl FnOnce(&mut AgentConfig)) -> Self {
        let mut config = AgentConfig {
            data_dir: dir.path().join("data"),
            tail: vec![format!("{}/*.log", dir.path().display())],
            batch_age_max: Duration::ZERO,
            ..AgentConfig::default()
        };
        set(&mut config);
        let opened = registry::open(&config.data_dir).unwrap();
        let (inputs, globs) = crate::input::inputs(&config).unwrap();
        let (to_ship, batches) = mpsc::channel(64);
        let tailer = Tailer::new(Parts {
            walker: Walker::new(globs, &config.data_dir, &[]),
            watch: None,
            registry: opened.registry,
            first_start: opened.first_start,
            store: opened.store,
            zone: jiff::tz::TimeZone::UTC,
            rules: Rules::default(),
            inbox: Arc::new(Inbox::default()),
            to_ship,
            status: watch::channel(SharedStatus::default()).0,
            outbox: None,
            pods: None,
            inputs: inputs.into_iter().map(Arc::new).collect(),
            config: Arc::new(config),
        });
        Self { dir, tailer, batches }
    }

    fn log(&self) -> std::path::PathBuf {
        self.dir.path().join("a.log")
    }

    /// Walks and reads what is due at `now`; gives the bytes sent.
    fn turn(&mut self, now: Instant) -> Vec<(u64, u64)> {
        self.tailer.scan(now);
        self.tailer.read_round(now);
        let mut ranges = Vec::new();
        while let Ok(ToShip::Batch(batch)) = self.batches.try_recv() {
            ranges.push((batch.start, batch.end));
        }
        ranges
    }

    fn tail(&mut self) -> &mut Tail {
        assert_eq!(self.tailer.tails.len(), 1);
        self.tailer.tails.values_mut().next().unwrap()
    }
}

fn append(path: &Path, text: &str) {
    use std::io::Write;
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn a30_a_stale_descriptor_is_given_up_and_the_file_opened_again_after_a_wait() {
    let mut bench = Bench::new();
    append(&bench.log(), "one\n");
    let now = Instant::now();
    assert_eq!(bench.turn(now), [(0, 4)]);
    append(&bench.log(), "two\n");
    // Reading through it fails, as it does with ESTALE.
    bench.tail().file = Some(OpenOptions::new().append(true).open(bench.log()).unwrap());
    assert!(bench.turn(now).is_empty());
    let (error, retry_at) = (bench.tail().error.clone(), bench.tail().retry_at);
    assert!(error.is_some() && retry_at.unwrap() > now, "{error:?}");
    assert!(bench.turn(now).is_empty(), "not before its time");
    assert_eq!(bench.turn(retry_at.unwrap()), [(4, 8)]);
    assert_eq!(bench.tail().error, None);
}

#[test]
fn a08_lines_before_a_hole_whose_end_cannot_be_read_stay_in_their_file_s_batch() {
    let mut bench = Bench::new();
    append(&bench.log(), "one\n");
    let now = Instant::now();
    assert_eq!(bench.turn(now), [(0, 4)]);
    // Where the hole ends is asked of the file system, and then read through a descriptor that fails.
    let failing = OpenOptions::new().append(true).open(bench.log()).unwrap();
    let mut tally = super::push::Tally::default();
    let to = crate::lines::Place { offset: 2, part: 0 };
    assert!(tally.skip_hole(&failing, to, 4).is_none());
    assert!(tally.dropped.is_empty(), "{:?}", tally.dropped);
}

#[test]
fn a30_a_size_that_is_out_of_date_is_no_truncation() {
    let mut bench = Bench::new();
    append(&bench.log(), "one\ntwo\n");
    let now = Instant::now();
    assert_eq!(bench.turn(now), [(0, 8)]);
    let generation = bench.tail().generation;
    // What an attribute cache shows: the file as it was.
    let before = bench.dir.path().join("before");
    fs::write(&before, "one\n").unwrap();
    bench.tail().file = Some(File::open(&before).unwrap());
    append(&bench.log(), "three\n");
    let (inode, btime) = (bench.tail().inode, bench.tail().btime);
    let stale = Stat {
        inode,
        btime,
        ..Stat::from(&fs::metadata(&before).unwrap())
    };
    bench.tailer.observe(generation, &stale, now);
    assert_eq!(bench.turn(now), [(8, 14)]);
    // And where reading finds it so.
    append(&bench.log(), "four\n");
    bench.tail().file = Some(File::open(&before).unwrap());
    let mut sent = bench.turn(now);
    sent.extend(bench.turn(now));
    assert_eq!(sent, [(14, 19)]);
    assert_eq!(bench.tail().generation, generation);
}

#[test]
fn a04_a_file_renamed_while_the_first_walk_is_at_it_is_not_taken_for_truncated() {
    let mut bench = Bench::new();
    append(&bench.log(), "one\n");
    let now = Instant::now();
    assert_eq!(bench.turn(now), [(0, 4)]);
    let generation = bench.tail().generation;
    assert!(bench.tailer.save(now));
    let mut bench = bench.again();
    // The walk has seen the file under its name; before it is opened, another one has that.
    let found = crate::scan::Found {
        path: bench.log(),
        stat: Stat::from(&fs::metadata(bench.log()).unwrap()),
    };
    let rotated = bench.dir.path().join("a.log.1");
    fs::rename(bench.log(), &rotated).unwrap();
    append(&bench.log(), "two\n");
    assert!(bench.tailer.restore(&found, now), "it is for the next walk");
    append(&rotated, "three\n");
    bench.turn(now);
    let tail = &bench.tailer.tails[&generation];
    assert!(matches!(tail.standing, Standing::Away { .. }), "{:?}", tail.standing);
    assert_eq!(tail.path, rotated);
}

#[test]
fn a30_a_file_whose_device_is_numbered_anew_while_it_is_followed_goes_on() {
    let mut bench = Bench::new();
    append(&bench.log(), "one\n");
    let now = Instant::now();
    assert_eq!(bench.turn(now), [(0, 4)]);
    let generation = bench.tail().generation;
    // As if it had been followed on the device as it was numbered before.
    let inode = bench.tail().inode;
    let before = Inode {
        dev: inode.dev + 1,
        ..inode
    };
    bench.tail().inode = before;
    bench.tailer.live.remove(&inode);
    bench.tailer.live.insert(before, generation);
    append(&bench.log(), "two\n");
    let mut sent = bench.turn(now);
    sent.extend(bench.turn(now));
    assert_eq!(sent, [(4, 8)]);
    assert_eq!((bench.tail().generation, bench.tail().inode), (generation, inode));
}

#[test]
fn a05_a_file_whose_copy_was_seen_first_is_not_counted_as_lost_when_it_is_truncated() {
    let mut bench = Bench::new();
    let (file, copy) = (bench.dir.path().join("app.log"), bench.dir.path().join("app-1.log"));
    let now = Instant::now();
    // A walk saw the file empty and, written and copied meanwhile, the copy.
    append(&copy, "one\ntwo\n");
    assert_eq!(bench.turn(now), [(0, 8)]);
    append(&file, "one\ntwo\n");
    assert!(bench.turn(now).is_empty(), "held back: it equals the copy");
    fs::write(&file, "").unwrap();
    bench.turn(now);
    append(&file, "three\n");
    bench.turn(now);
    let mut later = now + bench.tailer.config.rotate_wait * 2;
    let mut sent = bench.turn(later);
    later += bench.tailer.config.rotate_wait * 2;
    sent.extend(bench.turn(later));
    assert_eq!(bench.tailer.counts.lost_bytes, 0);
    assert_eq!(bench.tailer.tails.len(), 2);
}

#[test]
fn a_file_waits_a_named_time_for_what_is_said_of_its_pod_and_no_longer() {
    let config = crate::kubernetes::KubernetesConfig {
        wait_max: Duration::from_secs(3),
        ..Default::default()
    };
    let pods = Arc::new(Pods::new(&config));
    let mut bench = Bench::with(|config| config.tail = vec![config.tail[0].replace("*.log", "pods/*/*/*.log")]);
    bench.tailer.pods = Some(pods.clone());
    let log = |uid: &str| bench.dir.path().join(format!("pods/shop_p_{uid}/main/0.log"));
    let (unknown, known) = (log("u1"), log("u2"));
    for (path, text) in [(&unknown, "one\n"), (&known, "three\n")] {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        append(path, text);
    }
    let pod = |uid: &str| {
        serde_json::json!({
            "metadata": {"name": "p", "namespace": "shop", "uid": uid, "labels": {"app": "checkout"}},
            "spec": {"containers": [{"name": "main", "image": "checkout:1"}]},
        })
    };
    pods.put_json(pod("u2"));
    let now = Instant::now();
    assert_eq!(bench.turn(now), [(0, 6)], "the one that is known");
    let label = |bench: &Bench, path: &Path| {
        let tail = bench.tailer.tails.values().find(|tail| tail.path == path).unwrap();
        tail.stream.get("k8s.pod.label.app").cloned()
    };
    assert_eq!(label(&bench, &known).as_deref(), Some("checkout"));
    assert!(bench.turn(now + Duration::from_millis(2900)).is_empty(), "it waits");
    assert_eq!(bench.turn(now + Duration::from_secs(3)), [(0, 4)]);
    assert_eq!(label(&bench, &unknown), None);
    // What is said later holds for what is read from then on.
    pods.put_json(pod("u1"));
    append(&unknown, "two\n");
    assert_eq!(bench.turn(now + Duration::from_secs(4)), [(4, 8)]);
    assert_eq!(label(&bench, &unknown).as_deref(), Some("checkout"));
}

#[test]
fn a44_an_event_waits_for_more_lines_by_the_clock_and_no_longer() {
    let mut bench = Bench::with(|config| {
        config.files.push(crate::input::FileInput {
            tail: config.tail.clone(),
            multiline: Some(crate::input::MultilineConfig {
                indent: true,
                timeout: Duration::from_secs(5),
                ..Default::default()
            }),
            ..Default::default()
        });
    });
    append(&bench.log(), "one\n two\nthree\n");
    let now = Instant::now();
    assert_eq!(bench.turn(now), [(0, 9)]);
    assert!(bench.tail().waiting && bench.tail().read_to_end_at == 0);
    assert!(bench.turn(now + Duration::from_secs(4)).is_empty(), "it waits");
    // What comes begins the wait anew.
    append(&bench.log(), " four\n");
    let grown = now + Duration::from_secs(4);
    assert!(bench.turn(grown).is_empty());
    assert!(bench.turn(grown + Duration::from_millis(4900)).is_empty(), "it waits");
    let over = grown + Duration::from_secs(5);
    assert_eq!(bench.turn(over), [(9, 21)]);
    assert!(!bench.tail().waiting && bench.tail().read_to_end_at > 0);
    // A last line without its end waits on.
    append(&bench.log(), "five\n si");
    assert!(bench.turn(over).is_empty());
    assert_eq!(bench.turn(over + Duration::from_secs(5)), [(21, 26)]);
    append(&bench.log(), "x\nseven\n");
    assert_eq!(bench.turn(over + Duration::from_secs(6)), [(26, 31)]);
}
