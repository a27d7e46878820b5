//! Files packed with gzip by rotation: what was read before is not read again.

use std::fs;
use std::io::Write;
use std::time::Duration;

use timberline_agent::StartAt;

use crate::common::{Bench, append, gzip, numbered, text};

fn bench() -> Bench {
    Bench::new(&["*.log*"])
}

impl Bench {
    /// As gzip does it: the packed file is whole before the plain one goes.
    fn pack(&self, name: &str) {
        let plain = fs::read(self.log(name)).unwrap();
        let mut file = fs::File::create(self.log(&format!("{name}.gz"))).unwrap();
        for piece in gzip(&plain).chunks(40) {
            file.write_all(piece).unwrap();
        }
        self.remove(name);
    }

    /// Nothing more comes, also not after a restart.
    fn assert_stays(&mut self, lines: &[String]) {
        self.assert_lines(lines);
        std::thread::sleep(self.config.rotate_wait * 3);
        self.assert_lines(lines);
        self.until_quiet();
        assert_eq!(self.status().lost_bytes, 0);
        self.stop();
        self.start();
        self.until_quiet();
        std::thread::sleep(self.config.rotate_wait * 2);
        self.assert_lines(lines);
    }
}

#[test]
fn a10_a_file_that_was_read_and_then_packed_is_not_read_again() {
    for open_files_max in [1, 64] {
        let mut bench = bench();
        bench.config.open_files_max = open_files_max;
        let lines = numbered("a10", 0..80);
        bench.append("app.log", text(&lines[..40]));
        bench.append("other.log", text(&lines[40..50]));
        bench.start();
        bench.until_lines(50);
        bench.rename("app.log", "app.log.1");
        bench.append("app.log", text(&lines[50..60]));
        bench.until_lines(60);
        bench.pack("app.log.1");
        bench.append("app.log", text(&lines[60..70]));
        bench.append("other.log", text(&lines[70..]));
        bench.assert_stays(&lines);
        // Renamed as the next rotation does it.
        bench.rename("app.log.1.gz", "app.log.2.gz");
        bench.assert_stays(&lines);
    }
}

#[test]
fn a11_of_a_file_packed_while_lines_were_unread_only_those_are_read() {
    for stopped in [true, false] {
        let mut bench = bench();
        bench.config.batch_records_max = 10;
        bench.config.in_flight_max = 1;
        let lines = numbered("a11", 0..100);
        bench.append("app.log", text(&lines[..40]));
        bench.start();
        bench.until_lines(40);
        bench.until_quiet();
        if stopped {
            bench.stop();
        } else {
            bench.collector.faults(|faults| faults.hold = true);
        }
        bench.append("app.log", text(&lines[40..90]));
        bench.rename("app.log", "app.log.1");
        bench.pack("app.log.1");
        bench.append("app.log", text(&lines[90..]));
        if stopped {
            bench.start();
        }
        bench.collector.faults(|faults| faults.hold = false);
        bench.assert_stays(&lines);
        let ends = bench.collector.state.lock().unwrap().ends.len();
        assert_eq!(ends, 2, "the packed file is the generation that was read before");
    }
}

#[test]
fn a12_a_packed_file_that_is_still_written_is_read_once_it_is_whole() {
    let mut bench = bench();
    let lines = numbered("a12", 0..3000);
    let packed = gzip(text(&lines).as_bytes());
    bench.start();
    for piece in packed.chunks(packed.len() / 5 + 1) {
        append(&bench.log("app.log.1.gz"), piece);
        std::thread::sleep(bench.config.rotate_wait / 4);
    }
    bench.assert_stays(&lines);
}

#[test]
fn a12_of_a_packed_file_cut_short_the_whole_lines_are_read_and_more_when_it_is_mended() {
    let mut bench = bench();
    let lines = numbered("a12", 0..3000);
    let packed = gzip(text(&lines).as_bytes());
    append(&bench.log("app.log.1.gz"), &packed[..packed.len() / 2]);
    bench.append("b.log", "beside\n");
    bench.start();
    bench.until_lines(100);
    bench.until_status("read to its end", |status| {
        status.batches_pending == 0 && status.records_acked > 100
    });
    let some = bench.collector.lines().len();
    assert!(some < 3000, "{some}");
    append(&bench.log("app.log.1.gz"), &packed[packed.len() / 2..]);
    bench.until_lines(3001);
    bench.until_quiet();
    assert_eq!(bench.collector.lines().len(), 3001);
}

#[test]
fn a12_a_packed_file_that_unpacks_to_too_much_is_named_and_holds_nothing_up() {
    let mut bench = bench();
    bench.append("b.log", "beside\n");
    bench.config.gzip_bytes_max = 1000;
    append(&bench.log("a.log.gz"), gzip(&[b'x'; 5000]));
    bench.start();
    let named =
        |file: &timberline_agent::FileState| file.error.as_ref().is_some_and(|why| why.contains("gzip_bytes_max"));
    bench.until_status("the refusal", |status| status.files.iter().any(named));
    bench.append("b.log", "more beside\n");
    bench.assert_lines(&["beside", "more beside"]);
}

#[test]
fn a_packed_file_that_was_never_read_is_read_from_its_start_and_on_when_members_are_appended() {
    let mut bench = bench();
    let lines = numbered("gz", 0..60);
    append(&bench.log("old.log.3.gz"), gzip(text(&lines[..20]).as_bytes()));
    append(&bench.log("older.log.4.gz"), gzip(text(&lines[20..40]).as_bytes()));
    bench.start();
    bench.until_lines(40);
    bench.until_quiet();
    append(&bench.log("old.log.3.gz"), gzip(text(&lines[40..]).as_bytes()));
    bench.assert_stays(&lines);
    bench.until_status("nothing unpacked is kept", |status| status.open_files == 0);
}

#[test]
fn a10_an_agent_that_comes_to_follow_packed_files_reads_none_again_that_it_has_read_as_plain_ones() {
    let mut bench = bench();
    bench.config.gzip = false;
    let lines = numbered("a10", 0..60);
    bench.append("app.log", text(&lines[..20]));
    bench.start();
    bench.until_lines(20);
    bench.rename("app.log", "app.log.1");
    bench.append("app.log", text(&lines[20..40]));
    bench.until_lines(40);
    bench.pack("app.log.1");
    // Nothing is known of the packed one any more.
    bench.until_status("the plain one forgotten", |status| {
        status.files.iter().all(|file| !file.path.ends_with("app.log.1"))
    });
    bench.until_quiet();
    bench.stop();
    // Of what is packed while it is stopped the registry knows to where it was read.
    bench.append("app.log", text(&lines[40..50]));
    bench.rename("app.log", "app.log.2");
    bench.pack("app.log.2");
    bench.config.gzip = true;
    bench.start();
    // Killed before all of them are looked at, perhaps.
    bench.kill();
    bench.start();
    bench.until_lines(50);
    append(&bench.log("app.log.1.gz"), gzip(text(&lines[50..55]).as_bytes()));
    bench.until_lines(55);
    // From now on one that is not known was not read under another name.
    append(&bench.log("other.log.1.gz"), gzip(text(&lines[55..]).as_bytes()));
    bench.assert_stays(&lines);
}

#[test]
fn a10_a_packed_file_beside_its_plain_one_hides_none_that_is_packed_while_the_agent_is_stopped() {
    let mut bench = bench();
    bench.config.gzip = false;
    let lines = numbered("a10", 0..60);
    bench.append("app.log.1", text(&lines[..20]));
    bench.start();
    bench.until_lines(20);
    bench.stop();
    // As `gzip -k` leaves it.
    append(&bench.log("app.log.1.gz"), gzip(text(&lines[..20]).as_bytes()));
    bench.config.gzip = true;
    bench.start();
    bench.until_quiet();
    // The registry is written once more after the packed one was looked at.
    bench.append("app.log", text(&lines[20..40]));
    bench.until_lines(40);
    bench.until_quiet();
    bench.stop();
    append(&bench.log("other.log.1.gz"), gzip(text(&lines[40..]).as_bytes()));
    bench.start();
    bench.until_lines(60);
    bench.assert_stays(&lines);
}

#[test]
fn packed_files_of_the_first_start_are_begun_where_start_at_says() {
    for start_at in [StartAt::Head, StartAt::Tail] {
        let mut bench = bench();
        bench.config.start_at = start_at;
        let lines = numbered("first", 0..60);
        for n in 0..3 {
            append(
                &bench.log(&format!("app.log.{n}.gz")),
                gzip(text(&lines[n * 10..n * 10 + 10]).as_bytes()),
            );
        }
        bench.append("app.log", text(&lines[30..40]));
        bench.start();
        bench.until_quiet();
        // What is packed later is read whole.
        append(&bench.log("later.log.1.gz"), gzip(text(&lines[40..50]).as_bytes()));
        bench.append("app.log", text(&lines[50..]));
        let skipped = if start_at == StartAt::Tail { 40 } else { 0 };
        bench.assert_stays(&lines[skipped..]);
    }
}

#[test]
fn packed_files_not_written_for_longer_than_ignore_older_are_left_alone() {
    let mut bench = bench();
    bench.config.ignore_older = Duration::from_secs(3600);
    append(&bench.log("old.log.1.gz"), gzip(b"old\n"));
    let old = std::time::SystemTime::now() - Duration::from_secs(7200);
    fs::File::options()
        .append(true)
        .open(bench.log("old.log.1.gz"))
        .unwrap()
        .set_modified(old)
        .unwrap();
    append(&bench.log("new.log.1.gz"), gzip(b"new\n"));
    bench.start();
    bench.until_quiet();
    bench.assert_lines(&["new"]);
    assert!(
        bench
            .status()
            .files
            .iter()
            .any(|file| file.left_out && file.path.ends_with("old.log.1.gz"))
    );
}

#[test]
fn packed_files_are_left_alone_if_they_are_not_asked_for() {
    let mut bench = bench();
    bench.config.gzip = false;
    append(&bench.log("old.log.gz"), gzip(b"packed\n"));
    bench.append("a.log", "plain\n");
    bench.start();
    bench.until_lines(1);
    bench.until_status("the packed file named", |status| {
        status.files.iter().any(|file| file.left_out && file.error.is_some())
    });
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(bench.collector.lines(), [b"plain"]);
}
