//! Is it the same file? Whatever the clock, the devices' numbers and the configuration say.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use crate::common::{Bench, numbered, text};

#[test]
fn a16_nothing_that_is_configured_makes_two_files_one() {
    let mut bench = Bench::new(&["**/*.log"]);
    for name in ["log.file.path", "log.file.name", "service.name", "host.name"] {
        bench.config.attributes.insert(name.into(), "the same".into());
    }
    fs::create_dir(bench.log("b")).unwrap();
    let lines = numbered("a16", 0..20);
    for name in ["app.log", "b/app.log"] {
        bench.append(name, text(&lines[..10]));
    }
    bench.start();
    bench.until_lines(20);
    bench.stop();
    bench.append("app.log", text(&lines[10..]));
    bench.start();
    bench.until_lines(30);
    bench.until_quiet();
    assert_eq!(bench.collector.lines().len(), 30);
    assert_eq!(bench.collector.state.lock().unwrap().ends.len(), 2);
}

/// The registry as it would be had the devices other numbers when it was written.
fn renumber_devices(bench: &Bench) {
    for slot in ["registry.0", "registry.1"] {
        let path = bench.config.data_dir.join(slot);
        let Ok(mut bytes) = fs::read(&path) else { continue };
        let mut registry: serde_json::Value = serde_json::from_slice(&bytes[32..]).unwrap();
        for entry in registry["generations"].as_array_mut().unwrap() {
            entry["dev"] = (entry["dev"].as_u64().unwrap() + 77).into();
        }
        let payload = serde_json::to_vec(&registry).unwrap();
        bytes.truncate(32);
        bytes[20..28].copy_from_slice(&(payload.len() as u64).to_le_bytes());
        let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[12..20]), &payload);
        bytes[28..32].copy_from_slice(&crc.to_le_bytes());
        bytes.extend(payload);
        fs::write(path, bytes).unwrap();
    }
}

#[test]
fn a30_a_device_that_has_another_number_after_a_restart_costs_nothing() {
    let mut bench = Bench::new(&["*.log*"]);
    let lines = numbered("a30", 0..60);
    bench.append("a.log", text(&lines[..10]));
    bench.append("b.log", text(&lines[10..20]));
    bench.start();
    bench.until_lines(20);
    bench.until_quiet();
    bench.stop();
    renumber_devices(&bench);
    bench.append("a.log", text(&lines[20..30]));
    bench.rename("a.log", "a.log.1");
    bench.append("a.log", text(&lines[30..40]));
    // Truncated and filled again: its bytes are others, whatever its place.
    bench.truncate("b.log");
    bench.append("b.log", text(&lines[40..]));
    bench.start();
    bench.assert_lines(&lines);
    bench.until_quiet();
    bench.assert_lines(&lines);
}

#[test]
fn a32_clocks_that_jump_lose_nothing_and_an_open_file_is_never_too_old() {
    let mut bench = Bench::new(&["*.log"]);
    bench.config.ignore_older = Duration::from_secs(3600);
    let lines = numbered("a32", 0..50);
    let now = SystemTime::now();
    let day = Duration::from_secs(24 * 3600);
    bench.append("a.log", text(&lines[..10]));
    bench.append("old.log", "too old\n");
    let set = |name: &str, time| File::open(bench.log(name)).unwrap().set_modified(time).unwrap();
    set("old.log", now - 3 * day);
    bench.start();
    bench.until_lines(10);
    for (n, time) in [now - 400 * day, now + 400 * day, SystemTime::UNIX_EPOCH]
        .into_iter()
        .enumerate()
    {
        bench.append("a.log", text(&lines[10 * n + 10..10 * n + 20]));
        File::open(bench.log("a.log")).unwrap().set_modified(time).unwrap();
        bench.until_lines(10 * n + 20);
    }
    bench.until_quiet();
    bench.stop();
    // One that the registry knows is not too old either.
    bench.append("a.log", text(&lines[40..]));
    File::open(bench.log("a.log"))
        .unwrap()
        .set_modified(now - 3 * day)
        .unwrap();
    bench.start();
    bench.assert_lines(&lines);
    bench.until_quiet();
    bench.assert_lines(&lines);
}

#[test]
fn a41_an_input_that_is_taken_out_and_put_back_goes_on_where_it_was() {
    let mut bench = Bench::new(&["a.log", "b.log"]);
    let both = bench.config.tail.clone();
    let lines = numbered("a41", 0..60);
    bench.append("a.log", text(&lines[..10]));
    bench.append("b.log", text(&lines[10..20]));
    bench.start();
    bench.until_lines(20);
    bench.until_quiet();
    bench.stop();
    bench.append("a.log", text(&lines[20..30]));
    bench.append("b.log", text(&lines[30..40]));
    bench.config.tail = vec![both[1].clone()];
    bench.start();
    bench.until_lines(30);
    bench.until_quiet();
    std::thread::sleep(bench.config.rotate_wait * 2);
    assert_eq!(bench.collector.lines().len(), 30, "a.log is not wanted now");
    assert_eq!(bench.status().lost_bytes, 0);
    bench.stop();
    bench.append("a.log", text(&lines[40..50]));
    bench.append("b.log", text(&lines[50..]));
    bench.config.tail = both;
    bench.start();
    bench.assert_lines(&lines);
    bench.until_quiet();
    bench.assert_lines(&lines);
}
