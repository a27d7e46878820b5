use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::split::footer::{Footer, INDEX_PIECE_BYTES, IndexEntry};
use crate::split::index::pages::Pages;
use crate::split::index::section::{BLOCKS, DIRECTORY, Section};

type Model = BTreeMap<Vec<u8>, BTreeSet<u32>>;

fn written(model: &Model, pages: u32) -> Dictionary {
    let mut writer = DictionaryWriter::new(pages);
    for (term, of_term) in model {
        writer.add(term, &of_term.iter().copied().collect::<Vec<_>>());
    }
    let files = writer.finish().unwrap();
    let (blocks, directory) = (files.blocks.len() as u64, files.directory.len() as u64);
    let bytes = [files.blocks, files.directory].concat();
    let footer = Footer {
        index: IndexEntry {
            offset: 0,
            length: bytes.len() as u64,
            crcs: bytes.chunks(INDEX_PIECE_BYTES).map(crc32c::crc32c).collect(),
            files: vec![(BLOCKS.into(), 0, blocks), (DIRECTORY.into(), blocks, directory)],
        },
        ..Footer::default()
    };
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, &bytes).unwrap();
    Dictionary::open(Section::new(Arc::new(file), Arc::new(footer)), pages).unwrap()
}

fn found(dictionary: &Dictionary, term: &[u8], pages: u32) -> Option<Vec<u32>> {
    let mut into = Pages::none(pages);
    dictionary.term(term, &mut into).unwrap().then(|| into.numbers())
}

#[track_caller]
fn check(model: &Model, pages: u32) {
    let dictionary = written(model, pages);
    dictionary.verify().unwrap();
    for (term, of_term) in model {
        let expected: Vec<u32> = of_term.iter().copied().collect();
        assert_eq!(found(&dictionary, term, pages), Some(expected), "{term:?}");
        for near in [
            [&term[..], b"0"].concat(),
            [b"a", &term[..]].concat(),
            term[..term.len() - 1].to_vec(),
        ] {
            assert_eq!(
                found(&dictionary, &near, pages).is_some(),
                model.contains_key(&near),
                "{near:?}"
            );
        }
    }
    for (term, _) in model.iter().step_by(1 + model.len() / 40) {
        let middle = term.len() / 2;
        for prefix in [&term[..middle], &term[..term.len() - 1], term, b""] {
            check_walk(&dictionary, model, prefix);
            check_find(&dictionary, model, pages, prefix, &[]);
            check_find(&dictionary, model, pages, prefix, &[&term[middle..]]);
        }
        check_find(&dictionary, model, pages, b"", &[&term[middle / 2..middle]]);
        // In another order, and one within the other.
        check_find(&dictionary, model, pages, b"", &[&term[middle..], &term[..middle]]);
        check_find(
            &dictionary,
            model,
            pages,
            b"",
            &[&term[..middle], &term[..middle / 2], b""],
        );
    }
}

#[track_caller]
fn check_walk(dictionary: &Dictionary, model: &Model, prefix: &[u8]) {
    let mut walked = Model::new();
    let mut each = |term: &[u8], pages: &Pages| {
        let again = walked.insert(term.to_vec(), pages.numbers().into_iter().collect());
        assert_eq!(again, None, "{term:?} comes twice");
    };
    dictionary.walk(prefix, &mut each).unwrap();
    let expected = model
        .iter()
        .filter(|(term, _)| term.starts_with(prefix) && !is_resident(term));
    assert_eq!(
        walked,
        expected.map(|(term, pages)| (term.clone(), pages.clone())).collect()
    );
}

#[track_caller]
fn check_find(dictionary: &Dictionary, model: &Model, pages: u32, prefix: &[u8], within: &[&[u8]]) {
    let holds = |term: &[u8]| {
        let mut within = within.iter();
        within.all(|within| memchr::memmem::find(term, within).is_some())
    };
    let wanted = Wanted {
        prefix,
        within,
        test: &holds,
        cut_from: 30,
    };
    let mut into = Pages::none(pages);
    dictionary.find(&wanted, &mut into).unwrap();
    let is_wanted =
        |term: &[u8]| term.starts_with(prefix) && term.first() >= Some(&b'0') && (term.len() >= 30 || holds(term));
    let expected: BTreeSet<u32> = model
        .iter()
        .filter(|(term, _)| is_wanted(term))
        .flat_map(|(_, p)| p.clone())
        .collect();
    assert_eq!(
        into.numbers(),
        expected.into_iter().collect::<Vec<_>>(),
        "{prefix:?} {within:?}"
    );
}

fn terms() -> impl Strategy<Value = BTreeSet<Vec<u8>>> {
    let number = (0..4_usize, 1..20_usize, any::<u64>()).prop_map(|(word, digits, number)| {
        let word = ["", "blk_", "\u{1}port\u{2}", "x"][word];
        let digits = if digits % 3 == 0 { 3 } else { digits };
        let number = number % 10_u64.pow(digits as u32);
        format!("{word}{number:0digits$}").into_bytes()
    });
    let text = prop_oneof![
        "[a-c0-2_]{1,8}",
        "[0-9]{18,22}",
        "[a-zäö]{20,40}",
        "\u{3}[a-c]{1,3}",
        "\u{6}[a-f0-9]{4}\\.[0-9]{2}",
        "\u{8}[a-f0-9]{10}",
        Just("\u{5}t".to_owned()),
        Just("\u{6}".to_owned()),
    ];
    let text = text.prop_map(String::into_bytes);
    prop::collection::btree_set(prop_oneof![3 => number, 1 => text], 0..1500)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn terms_are_found_with_their_pages(
        terms in terms(),
        pages in prop_oneof![Just(1_u32), 2..40_u32, 100..300_u32],
        seed in any::<u64>(),
    ) {
        let mut random = seed | 1;
        let mut next = |below: u32| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33) as u32 % below
        };
        let with_pages = terms.into_iter().map(|term| {
            let count = match next(4) { 0 => 1 + next(pages), 1 => 3, _ => 1 };
            (term, (0..count).map(|_| next(pages)).collect())
        });
        check(&with_pages.collect(), pages);
    }
}

#[test]
fn a_dictionary_of_nothing_finds_nothing() {
    check(&Model::new(), 3);
}

#[test]
fn numbers_take_few_bytes() {
    let model: Model = (0..10_000_u32)
        .map(|n| (format!("{:07}", n * 97).into_bytes(), BTreeSet::from([n / 400])))
        .collect();
    let dictionary = written(&model, 25);
    // A gap of 97 in some 8 bits, a page in one.
    assert!(
        dictionary.section.blocks_bytes() < 13_000,
        "{}",
        dictionary.section.blocks_bytes()
    );
}
