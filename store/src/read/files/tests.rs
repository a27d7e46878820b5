//! Files cut as an agent cuts them, stored in every way: their bytes come back, and so do their
//! lines around any of them.

use proptest::prelude::*;
use timberline_proto::api::Record;
use timberline_proto::id::{AgentId, GenerationId};
use timberline_proto::line::Severity;

use super::super::fixture::{Fixture, stream};
use super::super::{FileRequest, FindDirection, ReadError, base64};
use crate::catalog::Hole;
use crate::rows::{Place, Row, RowBlock};

const LINE_BYTES_MAX: usize = 10;

/// A record as the agent cuts it.
#[derive(Clone, Debug)]
struct Cut {
    start: u64,
    line: Vec<u8>,
    source_bytes: u32,
    part: Option<(u32, bool)>,
}

/// A file and what became of it.
#[derive(Clone, Debug, Default)]
struct File {
    bytes: Vec<u8>,
    cuts: Vec<Cut>,
    holes: Vec<(u64, u64)>,
    /// Whole lines: first byte and content.
    lines: Vec<(u64, Vec<u8>)>,
}

impl File {
    fn line(&mut self, line: &[u8], ending: &[u8]) {
        let start = self.bytes.len() as u64;
        self.lines.push((start, line.to_vec()));
        let mut parts: Vec<&[u8]> = line.chunks(LINE_BYTES_MAX).collect();
        if parts.is_empty() {
            parts.push(b"");
        }
        let n = parts.len();
        for (index, part) in parts.into_iter().enumerate() {
            let last = index + 1 == n;
            let ending = if last { ending } else { b"" };
            self.cuts.push(Cut {
                start: self.bytes.len() as u64,
                line: part.to_vec(),
                source_bytes: (part.len() + ending.len()) as u32,
                part: (n > 1).then_some((index as u32, last)),
            });
            self.bytes.extend_from_slice(part);
            self.bytes.extend_from_slice(ending);
        }
    }

    fn hole(&mut self, n: usize) {
        let start = self.bytes.len() as u64;
        self.bytes.resize(self.bytes.len() + n, 0);
        self.holes.push((start, start + n as u64));
    }
}

fn generation(n: u8) -> GenerationId {
    GenerationId([n; 16])
}

fn block(cuts: &[Cut], of: u8, first_offset: u64, time: impl Fn(usize) -> i64) -> RowBlock {
    let stream = stream(1);
    let mut rows = RowBlock::new();
    for (at, cut) in cuts.iter().enumerate() {
        rows.push(&Row {
            time_nanos: time(at),
            time_parsed: true,
            observed_nanos: i64::from(of) * 1000 + at as i64,
            partition: 0,
            offset: first_offset + at as u64,
            severity: Severity::None,
            template: 0,
            stream: &stream,
            line: &cut.line,
            place: Some(Place {
                agent: AgentId([1; 16]),
                generation: generation(of),
                start: cut.start,
                source_bytes: cut.source_bytes,
            }),
            part: cut.part,
            attributes: &[],
        });
    }
    rows
}

/// Stores the cuts in portions; after each comes `0` nothing, `1` a flush, `2` a flush and a merge.
fn store(fixture: &mut Fixture, file: &File, of: u8, first_offset: u64, steps: &[(usize, u8)], times: &[i64]) {
    let mut at: usize = 0;
    for &(portion, then) in steps.iter().chain([(usize::MAX, 0)].iter()) {
        let end = at.saturating_add(portion).min(file.cuts.len());
        if end > at {
            let time = |row: usize| times.get((at + row) % times.len().max(1)).copied().unwrap_or(0);
            fixture.append_block(0, block(&file.cuts[at..end], of, first_offset + at as u64, time));
        }
        at = end;
        if then > 0 {
            fixture.flush(false);
        }
        if then > 1 {
            fixture.merge();
        }
    }
    let holes: Vec<Hole> = file
        .holes
        .iter()
        .map(|&(start, end)| Hole {
            generation: generation(of),
            start,
            end,
            reason: "nul_hole".into(),
        })
        .collect();
    fixture.catalog.note_holes(&holes).unwrap();
}

async fn bytes(
    fixture: &Fixture,
    of: u8,
    from: u64,
    to: Option<u64>,
    skip_gaps: bool,
) -> Result<(Vec<u8>, Vec<(u64, u64)>), ReadError> {
    let mut found = fixture.reader.file_bytes(generation(of), from, to, skip_gaps).await?;
    let mut all = Vec::new();
    while let Some(chunk) = found.next().await {
        all.extend_from_slice(&chunk?);
    }
    assert_eq!(all.len() as u64, found.length);
    Ok((all, found.missing))
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

/// Where a record begins and what it shows, its bytes in base64 where they are no text.
fn content(record: &Record) -> (u64, String) {
    let shown = record.body_base64.as_ref().unwrap_or(&record.body);
    (record.place.as_ref().unwrap().start, shown.clone())
}

fn expected(line: &(u64, Vec<u8>)) -> (u64, String) {
    let text = String::from_utf8(line.1.clone());
    (line.0, text.unwrap_or_else(|_| base64::encode(&line.1)))
}

fn any_file() -> impl Strategy<Value = File> {
    let line = prop::collection::vec(prop_oneof![3 => 97..100u8, 1 => any::<u8>()], 0..35);
    let piece = prop_oneof![
        8 => (line, prop::bool::weighted(0.3)).prop_map(|(line, crlf)| (Some(line), crlf)),
        1 => Just((None, false)),
    ];
    (prop::collection::vec(piece, 1..60), any::<bool>()).prop_map(|(pieces, ends)| {
        let mut file = File::default();
        let n = pieces.len();
        for (at, (line, crlf)) in pieces.into_iter().enumerate() {
            let Some(mut line) = line else {
                file.hole(9);
                continue;
            };
            line.retain(|byte| *byte != b'\n' && *byte != b'\r' && *byte != 0);
            match (at + 1 == n && !ends && !line.is_empty(), crlf) {
                (true, _) => file.line(&line, b""),
                (false, true) => file.line(&line, b"\r\n"),
                (false, false) => file.line(&line, b"\n"),
            }
        }
        file
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_range_of_a_file_and_any_lines_around_one_come_back(
        file in any_file(),
        steps in prop::collection::vec((1..20usize, 0..3u8), 0..6),
        times in prop::collection::vec(0..50i64, 1..80),
        range in (0.0..1.0f64, 0.0..1.0f64),
        center in 0.0..1.0f64,
        (before, after) in (0..12usize, 0..12usize),
    ) {
        // Nothing but holes is no file that a record comes from.
        prop_assume!(!file.cuts.is_empty());
        run(async {
            let mut fixture = Fixture::new();
            store(&mut fixture, &file, 7, 0, &steps, &times);
            let whole = bytes(&fixture, 7, 0, None, false).await;
            prop_assert_eq!(&whole.unwrap().0, &file.bytes);
            let at = |part: f64| (part * file.bytes.len() as f64) as u64;
            let (from, to) = (at(range.0).min(at(range.1)), at(range.0).max(at(range.1)));
            let found = bytes(&fixture, 7, from, Some(to), false).await.unwrap().0;
            prop_assert_eq!(&found[..], &file.bytes[from as usize..to as usize]);
            let files = fixture.reader.files(FileRequest { generation: Some(generation(7)), ..FileRequest::default() });
            let files = files.await.unwrap().files;
            prop_assert_eq!((files[0].end, files[0].gaps.as_deref()), (file.bytes.len() as u64, Some(&[][..])));
            prop_assert_eq!(files[0].records as usize, file.cuts.len());

            let cut = (center * file.cuts.len() as f64) as usize;
            let id = format!("logs-0-{cut}").parse().unwrap();
            let around: Vec<_> = fixture.reader.context(&id, before, after).await.unwrap().records.iter().map(content).collect();
            let line = file.lines.partition_point(|(start, _)| *start <= file.cuts[cut].start) - 1;
            let near = &file.lines[line.saturating_sub(before)..(line + after + 1).min(file.lines.len())];
            prop_assert_eq!(around, near.iter().map(expected).collect::<Vec<_>>());
            let record = fixture.reader.record(&id).await.unwrap();
            prop_assert_eq!(content(&record), expected(&file.lines[line]));
            Ok(())
        })?;
    }
}

fn numbered(n: usize) -> File {
    let mut file = File::default();
    (0..n).for_each(|at| file.line(format!("line {at}").as_bytes(), b"\n"));
    file
}

#[test]
fn what_is_missing_is_named_and_left_out_only_when_asked() {
    run(async {
        let fixture = Fixture::new();
        let file = numbered(20);
        let mut kept = file.clone();
        kept.cuts.drain(5..8);
        fixture.append_block(0, block(&kept.cuts, 7, 0, |at| at as i64));
        let refused = bytes(&fixture, 7, 0, None, false).await.unwrap_err();
        let gap = (file.cuts[5].start, file.cuts[8].start);
        assert!(
            matches!(&refused, ReadError::Incomplete(what) if what.contains(&format!("{}..{}", gap.0, gap.1))),
            "{refused}"
        );
        let (found, missing) = bytes(&fixture, 7, 0, None, true).await.unwrap();
        assert_eq!(missing, [gap]);
        let expected: Vec<u8> = [&file.bytes[..gap.0 as usize], &file.bytes[gap.1 as usize..]].concat();
        assert_eq!(found, expected);
        assert_eq!(bytes(&fixture, 7, gap.1, None, false).await.unwrap().1, []);
        let unknown = bytes(&fixture, 9, 0, None, true).await;
        assert!(matches!(unknown, Err(ReadError::NotFound(_))));
        let beyond = bytes(&fixture, 7, 0, Some(file.bytes.len() as u64 + 5), false).await;
        assert!(matches!(beyond, Err(ReadError::Incomplete(_))));
    });
}

#[test]
fn surroundings_go_on_in_the_files_before_and_after_a_rotation() {
    run(async {
        let mut fixture = Fixture::new();
        let mut expected = Vec::new();
        for of in 1..5u8 {
            let file = numbered(10);
            let time = |at: usize| i64::from(of) * 100 + at as i64;
            let first = u64::from(of - 1) * 10;
            fixture.append_block(0, block(&file.cuts, of, first, time));
            expected.extend((0..10).map(|at| format!("logs-0-{}", first + at)));
            if of % 2 == 0 {
                fixture.flush(false);
            }
        }
        let ids = |records: &[Record]| records.iter().map(|record| record.id.clone()).collect::<Vec<_>>();
        let around = fixture.reader.context(&"logs-0-17".parse().unwrap(), 100, 100).await;
        assert_eq!(ids(&around.unwrap().records), expected);
        // Page by page to both ends.
        let mut seen = vec!["logs-0-17".to_owned()];
        loop {
            let earlier = fixture.reader.context(&seen[0].parse().unwrap(), 3, 0).await.unwrap();
            let mut earlier = ids(&earlier.records);
            assert_eq!(earlier.pop().as_ref(), seen.first());
            if earlier.is_empty() {
                break;
            }
            earlier.append(&mut seen);
            seen = earlier;
        }
        loop {
            let last = seen.last().unwrap().clone();
            let later = ids(&fixture
                .reader
                .context(&last.parse().unwrap(), 0, 4)
                .await
                .unwrap()
                .records);
            if later.len() == 1 {
                break;
            }
            seen.extend_from_slice(&later[1..]);
        }
        assert_eq!(seen, expected);
    });
}

#[test]
fn records_without_a_file_stand_in_the_order_of_their_stream() {
    run(async {
        let mut fixture = Fixture::new();
        let (own, other) = (stream(1), stream(2));
        for portion in 0..4u64 {
            let mut rows = RowBlock::new();
            for at in portion * 10..portion * 10 + 10 {
                rows.push(&Row {
                    time_nanos: (at as i64 * 7) % 11,
                    time_parsed: true,
                    observed_nanos: 0,
                    partition: 0,
                    offset: at,
                    severity: Severity::None,
                    template: 0,
                    stream: if at % 3 == 0 { &other } else { &own },
                    line: b"posted",
                    place: None,
                    part: None,
                    attributes: &[],
                });
            }
            fixture.append_block(0, rows);
            if portion < 3 {
                fixture.flush(false);
            }
        }
        let around = fixture
            .reader
            .context(&"logs-0-20".parse().unwrap(), 4, 4)
            .await
            .unwrap();
        let ids: Vec<_> = around.records.iter().map(|record| record.id.as_str()).collect();
        assert_eq!(
            ids,
            [
                "logs-0-14",
                "logs-0-16",
                "logs-0-17",
                "logs-0-19",
                "logs-0-20",
                "logs-0-22",
                "logs-0-23",
                "logs-0-25",
                "logs-0-26"
            ]
        );
    });
}

#[test]
fn the_next_line_with_a_text_is_found_across_rotations_in_either_direction() {
    run(async {
        let mut fixture = Fixture::new();
        for of in 1..5u8 {
            let file = numbered(10);
            let time = |at: usize| i64::from(of) * 100 + at as i64;
            fixture.append_block(0, block(&file.cuts, of, u64::from(of - 1) * 10, time));
            if of % 2 == 0 {
                fixture.flush(false);
            }
        }
        let start = "logs-0-17".parse().unwrap();
        let find = async |text: &str, direction| {
            let answer = fixture.reader.find_in_file(&start, text, direction).await?;
            Ok::<_, ReadError>((answer.record.map(|record| record.id), answer.passed))
        };
        let id = |n: u32| Some(format!("logs-0-{n}"));
        assert_eq!(find("line 9", FindDirection::After).await.unwrap(), (id(19), 1));
        assert_eq!(find("LINE 3", FindDirection::After).await.unwrap(), (None, 22));
        assert_eq!(find("line 3", FindDirection::After).await.unwrap(), (id(23), 5));
        assert_eq!(find("line 8", FindDirection::Before).await.unwrap(), (id(8), 8));
        assert_eq!(find("/ [01]$/", FindDirection::Before).await.unwrap(), (id(11), 5));
        assert_eq!(find("line 7", FindDirection::Before).await.unwrap(), (id(7), 9));
        let edge = async |direction| {
            let answer = fixture.reader.edge(&start, direction, 3).await.unwrap();
            answer.records.into_iter().map(|record| record.id).collect::<Vec<_>>()
        };
        assert_eq!(
            edge(FindDirection::Before).await,
            ["logs-0-10", "logs-0-11", "logs-0-12"]
        );
        assert_eq!(
            edge(FindDirection::After).await,
            ["logs-0-17", "logs-0-18", "logs-0-19"]
        );
        for text in ["", "/(/"] {
            let refused = find(text, FindDirection::After).await;
            assert!(matches!(refused, Err(ReadError::BadRequest(_))), "{text}");
        }
    });
}
