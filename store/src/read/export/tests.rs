//! What is exported is what is held, in every format; and what goes wrong shows.

use std::time::Duration;

use bytes::Bytes;
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::TimestampNanosecondType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use timberline_proto::api::{ApiError, Direction, ExportState};

use super::{Export, ExportRequest, Format};
use crate::read::fixture::{Fixture, TestRow};
use crate::read::{ReadError, ReadOptions};

fn request(query: &str, format: Format) -> ExportRequest {
    ExportRequest {
        actor: timberline_proto::api::access::Actor::default(),
        query: query.to_owned(),
        from: None,
        to: None,
        limit: None,
        direction: Direction::Forward,
        format,
        id: "one".to_owned(),
        keep_formulas: false,
        skip_unreadable: false,
    }
}

async fn all(mut export: Export) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = export.next().await {
        bytes.extend_from_slice(&chunk?);
    }
    Ok(bytes)
}

async fn exported(fixture: &Fixture, request: ExportRequest) -> Vec<u8> {
    // The one before may still be giving back its turn.
    let export = until(|| async {
        match fixture.reader.export(request.clone()).await {
            Err(ReadError::Limit { .. }) => None,
            begun => Some(begun),
        }
    })
    .await;
    all(export.unwrap()).await.unwrap()
}

fn parquet(bytes: Vec<u8>) -> Vec<RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes)).unwrap();
    reader.build().unwrap().map(Result::unwrap).collect()
}

/// RFC 4180 read back by the rule, byte for byte.
fn csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut chars = text.chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        match (quoted, c) {
            (true, '"') if chars.peek() == Some(&'"') => cell.extend(chars.next()),
            (true, '"') => quoted = false,
            (true, c) => cell.push(c),
            (false, '"') if cell.is_empty() => quoted = true,
            (false, ',') => row.push(std::mem::take(&mut cell)),
            (false, '\r') => {
                assert_eq!(chars.next(), Some('\n'), "a bare CR outside of quotes");
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            (false, c) => cell.push(c),
        }
    }
    assert!(row.is_empty() && cell.is_empty() && !quoted, "the last row has no end");
    rows
}

/// Lines that are hard to write, in two splits and live.
fn hostile() -> (Fixture, Vec<Vec<u8>>) {
    let lines: Vec<Vec<u8>> = [
        &b"plain"[..],
        b"",
        b"comma, \"quote\" and\ttab",
        b"two\nlines\r\nin one",
        b"=HYPERLINK(\"x\")",
        b"-5",
        b"@SUM(1)",
        b"bytes \xff\xfe and a zero \0",
        "emoji \u{1f6b2} \u{202e}turned".as_bytes(),
        b"{\"a\":1,\"b\":\"=c\"}",
        b"\xef\xbb\xbfmark",
        b"trailing space ",
    ]
    .map(<[u8]>::to_vec)
    .into();
    let rows: Vec<TestRow> = lines
        .iter()
        .enumerate()
        .map(|(at, line)| TestRow {
            line: line.clone(),
            ..TestRow::new(at as i64, "")
        })
        .collect();
    let mut fixture = Fixture::new();
    fixture.append(&rows[..4]);
    fixture.flush(false);
    fixture.append(&rows[4..8]);
    fixture.flush(false);
    fixture.append(&rows[8..]);
    (fixture, lines)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_comes_out_byte_for_byte_in_every_format() {
    let (fixture, lines) = hostile();
    let raw = exported(&fixture, request("*", Format::Raw)).await;
    let expected: Vec<u8> = lines.iter().flat_map(|line| [line, &b"\n"[..]].concat()).collect();
    assert_eq!(raw, expected);

    let body = |body: &str, base64: Option<&str>| match base64.filter(|text| !text.is_empty()) {
        Some(text) => decoded(text),
        None => body.as_bytes().to_vec(),
    };
    let text = String::from_utf8(exported(&fixture, request("*", Format::Ndjson)).await).unwrap();
    let found: Vec<Vec<u8>> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|record| body(record["body"].as_str().unwrap(), record["body_base64"].as_str()))
        .collect();
    assert_eq!(found, lines);

    let mut asked = request("*", Format::Csv);
    asked.keep_formulas = true;
    let rows = csv(&String::from_utf8(exported(&fixture, asked).await).unwrap());
    assert_eq!(rows[0][5], "body");
    let found: Vec<Vec<u8>> = rows[1..].iter().map(|row| body(&row[5], Some(&row[8]))).collect();
    assert_eq!(found, lines);

    let batches = parquet(exported(&fixture, request("*", Format::Parquet)).await);
    let mut found = Vec::new();
    let mut times = Vec::new();
    for batch in &batches {
        let bodies = batch.column_by_name("body").unwrap().as_string::<i32>();
        let base64 = batch.column_by_name("body_base64").unwrap().as_string::<i32>();
        let time = batch.column_by_name("timestamp").unwrap();
        for row in 0..batch.num_rows() {
            let encoded = base64.is_valid(row).then(|| base64.value(row));
            found.push(body(bodies.value(row), encoded));
            times.push(time.as_primitive::<TimestampNanosecondType>().value(row));
        }
    }
    assert_eq!(found, lines);
    assert_eq!(times, (0..lines.len() as i64).collect::<Vec<_>>());
}

fn decoded(text: &str) -> Vec<u8> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut out = Vec::new();
    for group in text.as_bytes().chunks(4) {
        let digits: Vec<u32> = group
            .iter()
            .filter(|c| **c != b'=')
            .map(|c| u32::from(digit(*c)))
            .collect();
        let bits = digits.iter().fold(0, |bits, digit| bits << 6 | digit) << (6 * (4 - digits.len()));
        out.extend(&bits.to_be_bytes()[1..digits.len()]);
    }
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn x16_a_spreadsheet_finds_no_formula_unless_asked_for() {
    let (fixture, _) = hostile();
    let rows = csv(&String::from_utf8(exported(&fixture, request("*", Format::Csv)).await).unwrap());
    let bodies: Vec<&str> = rows[1..].iter().map(|row| row[5].as_str()).collect();
    assert!(bodies.contains(&"'=HYPERLINK(\"x\")") && bodies.contains(&"'@SUM(1)") && bodies.contains(&"-5"));
    let table = exported(&fixture, request("SELECT '+1+1' AS \"=x\", -2 AS n", Format::Csv)).await;
    assert_eq!(String::from_utf8(table).unwrap(), "'=x,n\r\n'+1+1,-2\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_exported_with_their_names_types_and_order() {
    let (fixture, lines) = hostile();
    let query = "* | stats count() as n, max(timestamp) as t by service | extend half = n / 8, none = null";
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let n = lines.len();
    assert_eq!(
        text(exported(&fixture, request(query, Format::Ndjson)).await),
        format!(
            "{{\"service\":\"cart\",\"n\":{n},\"t\":\"1970-01-01T00:00:00.000000011Z\",\"half\":1.5,\"none\":null}}\n"
        )
    );
    assert_eq!(
        text(exported(&fixture, request(query, Format::Csv)).await),
        format!("service,n,t,half,none\r\ncart,{n},1970-01-01T00:00:00.000000011Z,1.5,\r\n")
    );
    assert_eq!(
        text(exported(&fixture, request(query, Format::Raw)).await),
        format!("cart\t{n}\t1970-01-01T00:00:00.000000011Z\t1.5\t\n")
    );
    let batches = parquet(exported(&fixture, request(query, Format::Parquet)).await);
    assert_eq!(batches[0].num_rows(), 1);
    assert_eq!(batches[0].schema().field(0).name(), "service");
    // An empty table is a file all the same.
    let none = "nothing-like-this | stats count() as n by host";
    assert_eq!(text(exported(&fixture, request(none, Format::Csv)).await), "host,n\r\n");
    assert!(parquet(exported(&fixture, request(none, Format::Parquet)).await).is_empty());
    assert_eq!(exported(&fixture, request("nothing-like-this", Format::Raw)).await, b"");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_and_a_direction_choose_rows() {
    let (fixture, lines) = hostile();
    let mut asked = request("*", Format::Raw);
    asked.limit = Some(2);
    asked.direction = Direction::Backward;
    let last_two: Vec<u8> = lines
        .iter()
        .rev()
        .take(2)
        .flat_map(|line| [line, &b"\n"[..]].concat())
        .collect();
    assert_eq!(exported(&fixture, asked).await, last_two);
    let mut asked = request("* | fields body | sort timestamp", Format::Raw);
    asked.limit = Some(1);
    assert_eq!(exported(&fixture, asked).await, b"plain\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_before_the_first_byte_and_turns_are_given_back() {
    let fixture = Fixture::with(ReadOptions {
        exports_max: 1,
        ..ReadOptions::default()
    });
    for query in [
        "* | stat count()",
        "explain * | head 1",
        "INSERT INTO logs VALUES (1)",
        "SELECT nothing FROM nowhere",
    ] {
        let refused = fixture.reader.export(request(query, Format::Csv)).await;
        assert!(refused.is_err(), "{query}");
        let known = fixture.reader.export_state("one").map(|known| known.state);
        assert!(matches!(known, Err(_) | Ok(ExportState::Failed)), "{query}: {known:?}");
    }
    let mut failing = fixture.reader.export(request("SELECT 1/0", Format::Csv)).await.unwrap();
    assert!(failing.next().await.unwrap().is_err());
    drop(failing);
    // Each of these had the only turn.
    until(|| async {
        let export = fixture
            .reader
            .export(request("SELECT 1 AS n", Format::Csv))
            .await
            .ok()?;
        Some(all(export).await.unwrap())
    })
    .await;
}

async fn until<T, F: Future<Output = Option<T>>>(mut look: impl FnMut() -> F) -> T {
    for _ in 0..500 {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited in vain");
}

/// More than is held back: 40,000 lines of 200 bytes in splits.
fn large() -> (Fixture, usize) {
    let mut fixture = Fixture::with(ReadOptions {
        exports_max: 1,
        ..ReadOptions::default()
    });
    let mut lines = 0;
    for split in 0..8_i64 {
        let rows: Vec<_> = (0..5_000_i64)
            .map(|n| {
                TestRow::new(
                    split * 5_000 + n,
                    &format!("line {} {}", split * 5_000 + n, "x".repeat(190)),
                )
            })
            .collect();
        fixture.append(&rows);
        fixture.flush(false);
        lines += rows.len();
    }
    (fixture, lines)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taker_who_stops_holds_it_up_and_one_who_goes_ends_it() {
    let (fixture, lines) = large();
    let mut export = fixture.reader.export(request("*", Format::Raw)).await.unwrap();
    export.next().await.unwrap().unwrap();
    let rows = || fixture.reader.export_state("one").unwrap().rows;
    // It comes no further than the chunks that wait.
    let mut before = rows();
    until(|| {
        let now = rows();
        let still = now == before;
        before = now;
        async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            still.then_some(())
        }
    })
    .await;
    assert!(rows() < lines as u64 / 4, "{}", rows());
    let second = fixture.reader.export(request("*", Format::Raw)).await;
    assert!(matches!(
        second,
        Err(ReadError::Limit {
            key: "query.exports_max",
            ..
        })
    ));
    drop(export);
    let state = until(|| async {
        let state = fixture.reader.export_state("one").unwrap();
        (state.state != ExportState::Running).then_some(state)
    })
    .await;
    assert_eq!(state.state, ExportState::Cancelled);
    // The turn is free again, and the whole comes.
    let whole = exported(&fixture, request("*", Format::Raw)).await;
    assert_eq!(whole.iter().filter(|byte| **byte == b'\n').count(), lines);
    assert_eq!(rows(), lines as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_cancelled_by_its_id_and_breaks_off() {
    for query in ["*", "SELECT body FROM logs"] {
        let (fixture, _) = large();
        let mut export = fixture.reader.export(request(query, Format::Csv)).await.unwrap();
        export.next().await.unwrap().unwrap();
        assert!(fixture.reader.cancel("one"), "{query}");
        let error = all(export).await.unwrap_err();
        assert_eq!(error.code, "cancelled", "{query}");
        let known = fixture.reader.export_state("one").unwrap();
        assert_eq!(known.state, ExportState::Cancelled);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_would_lack_records_breaks_off_unless_that_is_asked_for() {
    let (fixture, lines) = large();
    let split = fixture.catalog.snapshot().splits[3].meta.id.clone();
    fixture.catalog.quarantine(&split, "a test says so").unwrap();
    for (query, format) in [("*", Format::Raw), ("* | fields body", Format::Csv)] {
        let export = fixture.reader.export(request(query, format)).await.unwrap();
        let error = all(export).await.unwrap_err();
        assert_eq!(error.code, "incomplete", "{query}");
        assert!(
            error.message.contains("partial=skip") && error.message.contains(&split),
            "{}",
            error.message
        );
        let known = fixture.reader.export_state("one").unwrap();
        assert_eq!(
            (known.state, known.error.unwrap().code.as_str()),
            (ExportState::Failed, "incomplete")
        );
    }
    let mut asked = request("*", Format::Raw);
    asked.skip_unreadable = true;
    let rest = exported(&fixture, asked).await;
    assert_eq!(rest.iter().filter(|byte| **byte == b'\n').count(), lines - 5_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_on_record_with_its_question_and_its_end() {
    let (fixture, lines) = hostile();
    exported(&fixture, request("*", Format::Ndjson)).await;
    let entries = fixture.catalog.audit(100).unwrap();
    let of = |action: &str| entries.iter().find(|entry| entry.action == action).unwrap();
    let begin = of("export.begin");
    assert_eq!((begin.object.as_str(), &begin.detail["query"]), ("one", &json!("*")));
    let end = of("export.end");
    assert_eq!((end.outcome.as_str(), &end.detail["rows"]), ("ok", &json!(lines.len())));
}
