use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn stream(id: u64) -> Arc<Stream> {
    Arc::new(Stream {
        id: StreamId(id),
        ..Stream::default()
    })
}

fn row<'a>(stream: &'a Arc<Stream>, time_nanos: i64, line: &'a [u8]) -> Row<'a> {
    Row {
        time_nanos,
        time_parsed: false,
        observed_nanos: 0,
        partition: 0,
        offset: 0,
        severity: Severity::None,
        template: 0,
        stream,
        line,
        place: None,
        part: None,
        attributes: &[],
    }
}

#[test]
fn a_stream_is_found_again_by_its_id() {
    let mut block = RowBlock::new();
    for id in [1, 2, 1, 3, 2] {
        block.push(&row(&stream(id), 0, b""));
    }
    assert_eq!(block.streams().len(), 3);
    assert_eq!(block.row(4).stream.id, StreamId(2));
}

#[test]
fn selected_rows_come_in_the_order_asked() {
    let stream = stream(1);
    let mut block = RowBlock::new();
    block.push(&row(&stream, 9, b"late"));
    block.push(&row(&stream, 3, b"early"));
    let ordered = block.select(&block.order_by_time());
    assert_eq!((ordered.line(0), ordered.line(1)), (&b"early"[..], &b"late"[..]));
}

/// What a row is made of, owned.
#[derive(Clone, Debug)]
struct Made {
    stream: Arc<Stream>,
    line: Vec<u8>,
    numbers: (i64, i64, u64, u64),
    place: Option<Place>,
    part: Option<(u32, bool)>,
    attributes: Vec<(String, AttributeValue)>,
}

impl Made {
    fn row(&self) -> Row<'_> {
        let (time_nanos, observed_nanos, offset, template) = self.numbers;
        Row {
            observed_nanos,
            offset,
            template,
            place: self.place,
            part: self.part,
            attributes: &self.attributes,
            ..row(&self.stream, time_nanos, &self.line)
        }
    }
}

fn made() -> impl Strategy<Value = Made> {
    let place = (0..3_u8, any::<u64>(), any::<u32>()).prop_map(|(generation, start, source_bytes)| Place {
        agent: AgentId([7; 16]),
        generation: GenerationId([generation; 16]),
        start,
        source_bytes,
    });
    let attribute = any::<i64>().prop_map(|n| ("n".to_owned(), AttributeValue::Integer(n)));
    (
        0..3_u64,
        prop::collection::vec(any::<u8>(), 0..8),
        (any::<i64>(), 0..2_i64, any::<u64>(), 0..2_u64),
        prop::option::of(place),
        prop::option::weighted(0.1, any::<(u32, bool)>()),
        prop::collection::vec(attribute, 0..2),
    )
        .prop_map(|(id, line, numbers, place, part, attributes)| {
            let attributes_of_stream = BTreeMap::from([("id".to_owned(), id.to_string())]);
            Made {
                stream: Arc::new(Stream {
                    id: StreamId(id),
                    attributes: attributes_of_stream,
                }),
                line,
                numbers,
                place,
                part,
                attributes,
            }
        })
}

proptest! {
    #[test]
    fn a_block_gives_back_the_rows_that_were_pushed_appended_or_selected(
        rows in prop::collection::vec(made(), 0..40),
        cut in 0..40_usize,
    ) {
        let (first, second) = rows.split_at(cut.min(rows.len()));
        let mut block = RowBlock::new();
        first.iter().for_each(|made| block.push(&made.row()));
        let mut more = RowBlock::with_capacity(second.len(), 0);
        second.iter().for_each(|made| more.push(&made.row()));
        block.append(&more);
        block.shrink_to_fit();
        prop_assert!(block.rows().eq(rows.iter().map(Made::row)));
        let backwards: Vec<u32> = (0..rows.len() as u32).rev().collect();
        prop_assert!(block.select(&backwards).rows().eq(rows.iter().rev().map(Made::row)));
        let streams = block.streams().to_vec();
        block.clear_rows();
        prop_assert!(block.is_empty() && block.streams() == streams);
        second.iter().for_each(|made| block.push(&made.row()));
        prop_assert!(block.rows().eq(second.iter().map(Made::row)));
    }
}
