//! Where notifications tell of everything, walks are rare, and what is new is read as soon as before.

use std::fs;
use std::time::{Duration, Instant};

use crate::common::{Bench, append, numbered, text};

/// What notifications bring comes within this, also on a busy machine; walks alone would take an hour.
const SOON: Duration = Duration::from_secs(200);

fn bench() -> Bench {
    let mut bench = Bench::new(&["**/*.log"]);
    bench.config.scan_interval = Duration::from_secs(3600);
    bench
}

#[test]
fn what_grows_appears_and_is_renamed_is_read_though_no_walk_is_due() {
    let mut bench = bench();
    let lines = numbered("told", 0..7);
    bench.append("a.log", text(&lines[..1]));
    bench.start();
    bench.until_lines(1);
    let begin = Instant::now();
    bench.append("a.log", text(&lines[1..2]));
    bench.until_lines(2);
    bench.append("b.log", text(&lines[2..3]));
    bench.until_lines(3);
    // A directory that nothing watched when its first file was made.
    fs::create_dir_all(bench.log("new/deep")).unwrap();
    append(&bench.log("new/deep/c.log"), text(&lines[3..4]));
    bench.until_lines(4);
    append(&bench.log("new/deep/d.log"), text(&lines[4..5]));
    bench.until_lines(5);
    bench.rename("a.log", "a.rotated");
    bench.append("a.log", text(&lines[5..6]));
    bench.until_lines(6);
    // Empty at first, as a logger leaves it that has nothing to say yet.
    bench.append("e.log", "");
    bench.append("e.log", text(&lines[6..]));
    bench.assert_lines(&lines);
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
}

#[test]
fn a_directory_made_anew_again_and_again_hides_none_of_its_files() {
    let mut bench = bench();
    bench.append("a.log", "first\n");
    bench.start();
    bench.until_lines(1);
    let lines = numbered("anew", 0..40);
    let begin = Instant::now();
    for (n, line) in lines.iter().enumerate() {
        let dir = bench.log(&format!("d{n}"));
        fs::create_dir(&dir).unwrap();
        // Now and then the walk that finds the directory is over before the file is there.
        std::thread::sleep(Duration::from_millis(n as u64 % 5 * 7));
        append(&dir.join("x.log"), format!("{line}\n"));
    }
    bench.assert_lines(&[vec!["first".to_owned()], lines].concat());
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
}

#[test]
fn many_files_at_rest_are_seldom_walked_but_where_a_link_leads_elsewhere() {
    let mut bench = Bench::new(&["**/*.log"]);
    let lines = numbered("many", 0..3000);
    for (n, line) in lines.iter().enumerate() {
        let dir = bench.log(&format!("d{}", n % 20));
        fs::create_dir_all(&dir).unwrap();
        append(&dir.join(format!("{n}.log")), format!("{line}\n"));
    }
    bench.start();
    bench.until_lines(3000);
    bench.until_quiet();
    let walks = || bench.status().walks;
    // With a pause of four times what a walk takes there would be a dozen and more.
    let is_rare = || {
        let before = walks();
        std::thread::sleep(Duration::from_secs(2));
        walks() <= before + 1
    };
    crate::common::until("walks to be rare", is_rare, || format!("{} walks", walks()));
    append(&bench.log("d7/new.log"), "new\n");
    bench.until_lines(3001);
    // A link leads to where nothing is told of, so walks come as usual.
    let elsewhere = bench.dir.path().join("elsewhere.log");
    fs::write(&elsewhere, "linked\n").unwrap();
    std::os::unix::fs::symlink(&elsewhere, bench.log("d7/link.log")).unwrap();
    bench.until_lines(3002);
    append(&elsewhere, "more\n");
    bench.until_lines(3003);
    let before = walks();
    bench.until_status("walks as usual", |status| status.walks > before + 3);
}
