use proptest::prelude::*;

use super::*;

const WIDE: Limits = Limits {
    line_bytes_max: 16,
    bytes_max: usize::MAX,
    pieces_max: usize::MAX,
};

/// Pieces as text: `line`, `line/k` and `line/k.` for parts, `line~` for a partial, `<n>` for a hole.
fn check(input: &[u8], flush: bool, expected: &[&str], held: usize) {
    let mut found = Vec::new();
    let (end, _) = cut(input, Place::default(), flush, WIDE, |piece| {
        found.push(match piece {
            Piece::Hole { start, end } => format!("<{}>", end - start),
            Piece::Line(line) => {
                let mut text = String::from_utf8_lossy(line.bytes).into_owned();
                if let Some((index, last)) = line.part {
                    text += &format!("/{index}{}", if last { "." } else { "" });
                }
                if line.partial {
                    text.push('~');
                }
                text
            }
        });
    });
    assert_eq!(found, expected, "{:?}", String::from_utf8_lossy(input));
    assert_eq!(end.offset as usize, input.len() - held);
}

#[test]
fn a24_lines_end_with_lf_or_crlf_and_a_lone_cr_stays() {
    check(b"a\nb\r\nc\rd\n\r\n\n", false, &["a", "b", "c\rd", "", ""], 0);
    check("\u{feff}bom\n".as_bytes(), false, &["\u{feff}bom"], 0);
}

#[test]
fn a21_a_last_line_without_its_end_is_held() {
    check(b"a\nbc", false, &["a"], 2);
    check(b"a\nbc\r", false, &["a"], 3);
    check(b"a\nbc", true, &["a", "bc~"], 0);
}

#[test]
fn a08_nuls_at_the_start_of_a_line_are_a_hole_and_the_line_behind_is_whole() {
    let mut bytes = vec![0; 5001];
    bytes.extend(b"real\n");
    check(&bytes, false, &["<5001>", "real"], 0);
    check(&[0; 100], false, &["<92>"], 8);
    check(&[0; 100], true, &["<100>"], 0);
}

#[test]
fn a09_a_line_that_holds_nuls_is_kept_whole() {
    check(b"a\0\0\0\0\0\0\0\0\0b\n", false, &["a\0\0\0\0\0\0\0\0\0b"], 0);
    check(b"\0\0b\n", false, &["\0\0b"], 0);
}

#[test]
fn a09_zeros_that_a_crash_left_inside_a_line_end_it_and_the_next_line_is_whole() {
    let mut bytes = b"begu".to_vec();
    bytes.extend([0; 700]);
    bytes.extend(b"whole\n");
    for line_bytes_max in [16, 100, 4096] {
        let limits = Limits { line_bytes_max, ..WIDE };
        let mut lines = Vec::new();
        let mut holes = 0;
        cut(&bytes, Place::default(), false, limits, |piece| match piece {
            Piece::Line(line) => lines.push((line.bytes.to_vec(), line.partial)),
            Piece::Hole { start, end } => holes += end - start,
        });
        if line_bytes_max == 16 {
            // The zeros began inside a part: it keeps what of them was in it.
            assert_eq!(lines.last().unwrap().0, b"whole");
            assert!(holes > 680, "{holes}");
        } else {
            assert_eq!(lines, [(b"begu".to_vec(), true), (b"whole".to_vec(), false)]);
            assert_eq!(holes, 700);
        }
    }
}

#[test]
fn a26_a_longer_line_becomes_numbered_parts() {
    check(b"0123456789abcdef\n", false, &["0123456789abcdef"], 0);
    check(b"0123456789abcdef\r\n", false, &["0123456789abcdef"], 0);
    check(b"0123456789abcdef\r", false, &[], 17);
    check(b"0123456789abcdefg\n", false, &["0123456789abcdef/0", "g/1."], 0);
    check(
        b"0123456789abcdef0123456789abcdefg\nx\n",
        false,
        &["0123456789abcdef/0", "0123456789abcdef/1", "g/2.", "x"],
        0,
    );
    check(b"0123456789abcdefgh", true, &["0123456789abcdef/0", "gh/1.~"], 0);
}

type Owned = (Vec<u8>, u64, u32, Option<(u32, bool)>);

fn collect(
    input: &[u8],
    reads: &[usize],
    (line_bytes_max, bytes_max, pieces_max): (usize, usize, usize),
) -> (Vec<Owned>, Place) {
    let limits = Limits {
        line_bytes_max,
        bytes_max,
        pieces_max,
    };
    let (mut place, mut found, mut visible) = (Place::default(), Vec::new(), 0);
    let mut reads = reads.iter().copied();
    loop {
        let before = place;
        (place, _) = cut(&input[place.offset as usize..visible], place, false, limits, |piece| {
            if let Piece::Line(line) = piece {
                found.push((line.bytes.to_vec(), line.start, line.source_len, line.part));
            }
        });
        if place == before {
            if visible == input.len() {
                return (found, place);
            }
            visible = input.len().min(visible + reads.next().unwrap_or(input.len()).max(1));
        }
    }
}

fn log_bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => proptest::collection::vec(any::<u8>(), 0..40),
        3 => Just(b"\n".to_vec()),
        1 => Just(b"\r\n".to_vec()),
        1 => (1usize..40).prop_map(|n| vec![0; n]),
        1 => (60usize..300).prop_map(|n| vec![0; n]),
        1 => (1usize..60).prop_map(|n| vec![b'x'; n]),
    ];
    proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn pieces_do_not_depend_on_how_the_bytes_came(
        input in log_bytes(),
        reads in proptest::collection::vec(1usize..30, 0..60),
        line_bytes_max in prop_oneof![Just(16usize), Just(64), Just(90), Just(1000)],
        bytes_max in 1usize..60,
        pieces_max in 1usize..5,
    ) {
        let (whole, end) = collect(&input, &[], (line_bytes_max, usize::MAX, usize::MAX));
        let (piecewise, piecewise_end) = collect(&input, &reads, (line_bytes_max, bytes_max, pieces_max));
        prop_assert_eq!(&whole, &piecewise);
        prop_assert_eq!(end.part, piecewise_end.part);
        for (line, start, source_len, part) in &whole {
            let source = &input[*start as usize..*start as usize + *source_len as usize];
            prop_assert!(source.starts_with(line));
            let eol = &source[line.len()..];
            let behind = &input[*start as usize + *source_len as usize..];
            let at_hole = behind.iter().take_while(|byte| **byte == 0).count() >= HOLE_INSIDE_BYTES_MIN;
            let goes_on = part.is_some_and(|(_, last)| !last);
            prop_assert!(eol == b"\n" || eol == b"\r\n" || (eol.is_empty() && (goes_on || at_hole)));
        }
        let covered: usize = whole.iter().map(|line| line.2 as usize).sum();
        let rest = input.len() - covered;
        let nuls = input.iter().filter(|byte| **byte == 0).count();
        prop_assert!(rest <= nuls + (input.len() - end.offset as usize), "only holes and the held end are no line");
    }
}
