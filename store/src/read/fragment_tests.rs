//! Fragments, wildcards, phrases and regexes cut out of the lines themselves, across the borders of
//! tokens or within: what is found is what a loop over the lines finds.

use proptest::prelude::*;
use serde_json::json;

use super::fixture::{Fixture, TestRow, in_every_state};
use super::histogram::filter_of;
use super::tests::{ask, expected_ids, request, runtime};

const BASE_NANOS: i64 = 1_700_000_000_000_000_000;

/// A line of one of some kinds, its slots filled from `n` and `seed`.
fn line(kind: u8, n: u64, seed: u64) -> (i64, String) {
    let time = BASE_NANOS + n as i64 * 1_000_003_000;
    let stamp = super::time::rfc3339(time);
    let (a, b, c) = (seed % 256, seed / 7 % 256, seed % 1000);
    let id = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let line = match kind {
        0 => format!("{stamp} Received block blk_-{id} src: /10.251.{a}.{b}:5{c:04} dest: /10.250.{b}.17:50010"),
        1 => format!("{stamp} conn{} from u4{c}7 took {}.{a:03}s", n % 5, seed % 40),
        2 => format!(
            "{{\"time\":\"{stamp}\",\"user\":\"u{c}\",\"msg\":\"took\\n{a} of \\\"{b}\\\" \\u00e4x{c}\",\"ip\":\"10.251.{a}.{b}\",\"n\":{c}}}"
        ),
        3 => format!(
            "level=info id={id:016x}{id:016x} path=/api/v{}/items/{c} Ärger=x{a}_y{b}",
            n % 3
        ),
        4 => format!(
            "plain words only, kind {}",
            ["Alpha", "beta-Gamma", "dELTA_x"][(n % 3) as usize]
        ),
        5 => return of_a_whole_second(n, c),
        _ => format!("ſtraße {c}K \u{212a}elvin №{a} u4{b}",),
    };
    (time, line)
}

/// A line with a time of names: the month and the day stand in no other place.
fn of_a_whole_second(n: u64, c: u64) -> (i64, String) {
    let (minute, second) = (13 + (20 + n) / 60, (20 + n) % 60);
    let line = match n % 3 {
        0 => format!("Nov 14 22:{minute:02}:{second:02} LabSZ sshd[{c}]: hello"),
        1 => format!("10.0.0.1 - - [14/Nov/2023:22:{minute:02}:{second:02} +0000] \"GET /{c}\""),
        _ => format!("[Tue Nov 14 22:{minute:02}:{second:02} 2023] [error] child {c}"),
    };
    (BASE_NANOS + n as i64 * 1_000_000_000, line)
}

fn rows() -> impl Strategy<Value = Vec<TestRow>> {
    let kinds = prop::collection::vec(0..7_u8, 1..4);
    (kinds, prop::collection::vec(any::<u64>(), 1..160), 1..400_u64).prop_map(|(kinds, seeds, distinct)| {
        let row = |(n, seed): (usize, u64)| {
            let (time, line) = line(kinds[n % kinds.len()], n as u64, seed % distinct * 0x9e37_79b9);
            TestRow {
                host: (n % 3) as u8,
                ..TestRow::new(time, &line)
            }
        };
        seeds.into_iter().enumerate().map(row).collect()
    })
}

/// Where to cut, how long, and which kind of question to make of it.
type Cut = (usize, usize, usize, u8);

fn query((row, start, length, kind): Cut, rows: &[TestRow]) -> String {
    let text = String::from_utf8(rows[row % rows.len()].line.clone()).unwrap();
    let chars: Vec<char> = text.chars().collect();
    let start = start % chars.len();
    let piece: String = chars[start..(start + length).min(chars.len())].iter().collect();
    let word: String = piece
        .chars()
        .filter(|c| c.is_alphanumeric() || "_.".contains(*c))
        .collect();
    let quoted = piece.replace('\\', "\\\\").replace('"', "\\\"");
    let digits: String = regex::escape(&piece)
        .chars()
        .map(|c| {
            if c.is_ascii_digit() && c >= '5' {
                "[0-9]".to_owned()
            } else {
                c.to_string()
            }
        })
        .collect();
    let of_token: String = word.chars().filter(|c| *c != '.').collect();
    let regex = |text: &str| format!("/{}/", text.replace('/', "\\/"));
    match kind {
        _ if word.is_empty() || of_token.is_empty() => format!("\"{quoted}\""),
        0 => format!("*{word}*"),
        1 => format!("{word}*"),
        2 => format!("*{word}"),
        3 => word,
        4 => format!("\"{quoted}\""),
        5 => regex(&regex::escape(&piece)),
        6 => regex(&digits),
        7 => regex(&of_token.replace(|c: char| c.is_ascii_digit(), "[0-9]")),
        8 => regex(&format!("{}[0-9a-z_]*", of_token.to_uppercase())),
        9 => regex(&format!("(?i){of_token}|{of_token}{of_token}")),
        10 => format!(
            "body:*{word}* -{}",
            regex(&of_token[of_token.floor_char_boundary(of_token.len() / 2)..].replace(|c: char| !c.is_ascii(), "."))
        ),
        _ => format!("*{}*", word.replacen(|c: char| c.is_ascii_digit(), "*", 1)),
    }
}

async fn check(fixture: &Fixture, rows: &[TestRow], query: &str) {
    let expected = expected_ids(rows, query);
    let found = ask(fixture, request(query)).await;
    let found: Vec<_> = found.records.iter().map(|record| record.id.clone()).collect();
    assert_eq!(found, expected, "{query}");
    for pipe in ["stats count()", "stats count() by host"] {
        let count = format!("{query} | {pipe}");
        let answer = ask(fixture, request(&count)).await;
        let sum: u64 = answer
            .rows
            .iter()
            .map(|row| row.last().unwrap().as_u64().unwrap())
            .sum();
        assert_eq!(json!(sum), json!(expected.len()), "{count}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn what_is_cut_out_of_lines_is_found_where_a_loop_finds_it(
        rows in rows(),
        cuts in prop::collection::vec((any::<usize>(), any::<usize>(), 1..14_usize, 0..12_u8), 12),
        page_rows_max in prop::sample::select(vec![8_usize, 64, 512]),
    ) {
        runtime().block_on(async {
            let mut fixture = Fixture::new();
            fixture.page_rows_max = page_rows_max;
            fixture.append(&rows);
            fixture.flush(false);
            for cut in cuts {
                let query = query(cut, &rows);
                // A piece may happen to be no query.
                if filter_of(&query).is_ok() {
                    check(&fixture, &rows, &query).await;
                }
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_months_name_is_found_in_the_times_of_lines_of_rare_and_of_frequent_templates() {
    for lines in [1_u64, 60] {
        let row = |n: u64| {
            let (time, line) = of_a_whole_second(n * 3, 7);
            TestRow::new(time, &line)
        };
        let rows: Vec<TestRow> = (0..lines).map(row).collect();
        in_every_state(&rows, 0, async |fixture| {
            for query in [
                "Nov",
                "body:nov",
                "\"Nov 14\"",
                "Nov hello",
                "nov -oct",
                "*ov*",
                "/Nov 14/",
            ] {
                let answer = ask(fixture, request(&format!("{query} | stats count() as n"))).await;
                assert_eq!(answer.rows, [[json!(lines)]], "{query} of {lines}");
                assert_eq!(
                    ask(fixture, request(query)).await.records.len() as u64,
                    lines,
                    "{query}"
                );
            }
        })
        .await;
    }
}
