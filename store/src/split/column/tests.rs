use proptest::prelude::*;

use super::super::block::{Sinks, Unpacked};
use super::{decode, ints, values};

fn packed(sinks: &Sinks) -> Unpacked {
    let mut compressor = zstd::bulk::Compressor::new(3).unwrap();
    Unpacked::new(&sinks.pack(&mut compressor).unwrap()).unwrap()
}

#[track_caller]
fn check_ints(numbers: &[i64]) -> usize {
    let mut sinks = Sinks::default();
    ints::encode(numbers, &mut sinks);
    let unpacked = packed(&sinks);
    let mut from = unpacked.sources();
    assert_eq!(ints::decode(numbers.len(), &mut from).unwrap(), numbers);
    assert_eq!(from.end(), Ok(()));
    sinks.meta.len() + sinks.bits.len() + sinks.delta.len() + sinks.index.len()
}

#[track_caller]
fn check_values<T: AsRef<[u8]>>(texts: &[T]) -> usize {
    let texts: Vec<&[u8]> = texts.iter().map(AsRef::as_ref).collect();
    let mut sinks = Sinks::default();
    values::encode(&texts, &mut sinks);
    let unpacked = packed(&sinks);
    let mut from = unpacked.sources();
    if !texts.is_empty() {
        let column = decode(texts.len(), &mut from).unwrap();
        for (row, text) in texts.iter().enumerate() {
            let mut out = Vec::new();
            column.value_into(row, unpacked.text(), &mut out);
            assert_eq!(&out, text);
        }
    }
    assert_eq!(from.end(), Ok(()));
    sinks.meta.len() + sinks.bits.len() + sinks.delta.len() + sinks.index.len() + sinks.text.len()
}

#[test]
fn numbers_at_the_ends_of_their_range_come_back() {
    check_ints(&[]);
    check_ints(&[i64::MIN, i64::MAX, 0, -1, i64::MIN]);
    check_ints(&[i64::MAX, i64::MIN]);
    check_ints(&(0..300).map(|n| i64::MAX - n * n * n).collect::<Vec<_>>());
}

#[test]
fn regular_numbers_cost_next_to_nothing() {
    assert!(check_ints(&[77; 4096]) < 8);
    assert!(
        check_ints(
            &(0..4096)
                .map(|n| 1_700_000_000_000_000_000 + n * 1_000_000)
                .collect::<Vec<_>>()
        ) < 32
    );
}

#[test]
fn numbers_that_print_otherwise_stay_text() {
    check_values(&["007", "07", "7"]);
    check_values(&["007", "123", "999"]);
    check_values(&["18446744073709551616", "99999999999999999999", "0"]);
    check_values(&["999999999999999999", "000000000000000000", "123456789012345678"]);
    check_values(&["x1y", "x22y", "x0y", "x00y"]);
    check_values(&["1_1", "1", "1_"]);
    check_values(&["", "1"]);
    check_values(&["a", ""]);
}

#[test]
fn numbers_between_a_prefix_and_a_suffix_are_packed() {
    let texts: Vec<String> = (0..1000).map(|n| format!("req{}ms", n * 7919 % 1000)).collect();
    assert!(check_values(&texts) < 1400);
}

#[test]
fn numbers_of_19_digits_are_packed() {
    let texts: Vec<String> = (1..1000_u64)
        .map(|n| {
            format!(
                "blk_{}",
                1_000_000_000_000_000_000 + n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 9_000_000_000_000_000_000
            )
        })
        .collect();
    assert!(check_values(&texts) < 8100);
    check_values(&["9223372036854775807", "9223372036854775808"]);
    check_values(&["0000000000000000001", "9999999999999999999"]);
}

#[test]
fn texts_with_several_numbers_are_a_column_for_each() {
    let texts: Vec<String> = (0..1000)
        .map(|n| format!("rdd_{}_{:02}x", n * 7919 % 1000, n % 64))
        .collect();
    assert!(check_values(&texts) < 2300);
    check_values(&["a1b2", "a1c2"]);
    check_values(&["a1b2", "a1b2c"]);
    check_values(&["a1b2", "a1b"]);
    check_values(&["1_1_1_1_1_1_1_1_1", "1_1_1_1_1_1_1_1_2"]);
}

#[test]
fn random_ids_are_packed_by_position() {
    let id = |n: u64| format!("{:016x}", (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let texts: Vec<String> = (0..1000).map(|n| format!("5x{}-{}", id(n), id(n * n + 7))).collect();
    assert!(check_values(&texts) < 17_500);
}

fn bytes(texts: Vec<String>) -> Vec<Vec<u8>> {
    texts.into_iter().map(String::into_bytes).collect()
}

proptest! {
    #[test]
    fn any_numbers_come_back(numbers in prop_oneof![
        prop::collection::vec(any::<i64>(), 0..50),
        prop::collection::vec(-3..3_i64, 0..400),
        prop::collection::vec((0..40_i64).prop_map(|n| n * 1_000_000), 0..400),
    ]) {
        check_ints(&numbers);
    }

    #[test]
    fn any_values_come_back(texts in prop_oneof![
        prop::collection::vec(prop::collection::vec(any::<u8>(), 0..6), 0..60),
        prop::collection::vec("[0-9]{1,3}", 0..200).prop_map(bytes),
        prop::collection::vec("[ab]{0,1}[0-9]{0,2}", 0..200).prop_map(bytes),
        prop::collection::vec("[0-9]{17,20}", 0..60).prop_map(bytes),
        prop::collection::vec("a[0-9]{1,3}b0?[0-9]{1,3}", 0..200).prop_map(bytes),
        prop::collection::vec("[0-9a-f]{8}é[a-c]{2}", 0..200).prop_map(bytes),
    ]) {
        check_values(&texts);
    }

    #[test]
    fn fuzz_bytes_from_outside_never_panic(block in prop::collection::vec(any::<u8>(), 0..80), count in 1..40_usize) {
        let mut sinks = Sinks::default();
        sinks.meta.extend_from_slice(&block);
        sinks.delta.extend_from_slice(&block);
        sinks.bits.extend_from_slice(&block);
        sinks.index.extend_from_slice(&block);
        sinks.text.extend_from_slice(&block);
        let unpacked = packed(&sinks);
        drop(ints::decode(count, &mut unpacked.sources()));
        if let Ok(column) = decode(count, &mut unpacked.sources()) {
            let mut out = Vec::new();
            (0..count).for_each(|row| column.value_into(row, unpacked.text(), &mut out));
        }
        drop(Unpacked::new(&block));
    }
}
