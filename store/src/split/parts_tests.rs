//! A page read by its parts says what its lines say.

use proptest::prelude::*;

use super::tests::{Owned, any_rows, written};
use super::*;

/// The value of row `at` of a template's rows, from the column.
fn value(view: &SlotView<'_>, at: usize) -> Option<Vec<u8>> {
    Some(match view {
        SlotView::Const(value) => value.to_vec(),
        SlotView::Dictionary { entries, codes } => entries.get(codes[at]).to_vec(),
        SlotView::Integer {
            prefix,
            suffix,
            digits,
            numbers,
        } => {
            let number = format!("{:0width$}", numbers[at], width = *digits);
            [*prefix, number.as_bytes(), *suffix].concat()
        }
        SlotView::Text(texts) => texts.get(at).to_vec(),
        SlotView::Time | SlotView::Made => return None,
    })
}

#[track_caller]
fn check_page(split: &Split, page: u32) {
    let whole = split.read_page(page, Columns::ALL).unwrap();
    let core = split.page_core(page).unwrap();
    let text = split.page_text(page, &core).unwrap();
    let templates = split.templates(page).unwrap();
    let lengths = text.line_lengths(core.rows());
    // Rows are read in any order and any number of times.
    for row in (0..core.rows()).rev().chain([0]) {
        let mut line = Vec::new();
        text.line_into(row, &mut line);
        assert_eq!(lengths[row], line.len());
        assert_eq!(line, whole.line(row));
        assert_eq!(core.times()[row], whole.times()[row]);
        let which = core.which()[row];
        assert_eq!(templates.id(core.templates()[which as usize]), whole.row(row).template);
    }
    let first = core.rows().div_ceil(3);
    assert_eq!(text.line_lengths(first), lengths[..first]);
    let rows_read = split
        .read_rows(page, &core, None, &[first as u32 - 1, 0], Columns::ALL)
        .unwrap();
    assert_eq!(rows_read.row(0), whole.row(first - 1), "with its place");
    assert_eq!(rows_read.row(1), whole.row(0), "with its place");
    let mut rows = 0;
    for which in 0..core.templates().len() {
        for (at, &row) in text.rows_of(which).iter().enumerate() {
            let mut line = Vec::new();
            let mut fixed = text.fixed(which);
            line.extend_from_slice(fixed.next().unwrap());
            for (slot, fixed) in fixed.enumerate() {
                let start = line.len();
                text.value_into(row as usize, slot, &mut line);
                if let Some(value) = text.slot(which, slot).and_then(|view| value(&view, at)) {
                    assert_eq!(value, line[start..]);
                }
                line.extend_from_slice(fixed);
            }
            assert_eq!(line, whole.line(row as usize));
            rows += 1;
        }
    }
    assert_eq!(rows, whole.len());
    check_fields(&core, &text, &whole);
}

/// The fields that shapes give are those of the lines.
fn check_fields(core: &PageCore, text: &PageText, whole: &crate::rows::RowBlock) {
    use timberline_proto::line::{fields, leaf_value};
    for row in 0..whole.len() {
        let which = core.which()[row] as usize;
        let mut expected = Vec::new();
        fields(whole.line(row), &mut |name, value| {
            expected.push((name.to_owned(), value));
            true
        });
        let given = match text.shape(which) {
            Shape::Unread => continue,
            Shape::Plain => Vec::new(),
            Shape::Fields(fields) => fields.clone(),
        };
        assert_eq!(given.len(), expected.len());
        for (field, (name, value)) in given.iter().zip(expected) {
            let mut raw = Vec::new();
            text.value_into(row, field.slot, &mut raw);
            assert_eq!((&field.name, leaf_value(&raw, field.kind)), (&name, value));
        }
    }
}

#[test]
fn a_slots_column_is_typed_and_says_what_its_rows_hold() {
    let dir = tempfile::tempdir().unwrap();
    let rows: Vec<Owned> = (0..16)
        .map(|n| Owned {
            stream: super::tests::stream(0),
            ..Owned::plain(
                n,
                format!("id {} v2 status {} of x{}y", 700 + n * n, 200 + n % 2 * 300, n),
            )
        })
        .collect();
    let split = written(dir.path(), &rows);
    let core = split.page_core(0).unwrap();
    let text = split.page_text(0, &core).unwrap();
    assert_eq!((text.slots(0), text.rows_of(0).len()), (4, 16));
    let view = |slot| text.slot(0, slot).unwrap();
    assert!(matches!(
        view(0),
        SlotView::Integer {
            prefix: b"",
            digits: 0,
            ..
        }
    ));
    assert!(matches!(view(1), SlotView::Const(b"v2")));
    assert!(matches!(
        view(3),
        SlotView::Integer {
            prefix: b"x",
            suffix: b"y",
            ..
        }
    ));
    check_page(&split, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_page_by_its_parts_is_the_same_page(rows in any_rows(100)) {
        let dir = tempfile::tempdir().unwrap();
        let split = written(dir.path(), &rows);
        (0..split.meta().pages).for_each(|page| check_page(&split, page));
    }
}
