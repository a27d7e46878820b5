use proptest::prelude::*;
use timberline_proto::id::{AgentId, GenerationId};

use super::*;

/// Lines `first..first + lines` of ten bytes each; a value is the number of lines before it.
fn link(generation: u8, first: u64, lines: u64) -> Link {
    let value = |lines: u64| {
        let mut value = [0; 32];
        value[..8].copy_from_slice(&lines.to_le_bytes());
        value
    };
    Link {
        agent: AgentId([1; 16]),
        generation: GenerationId([generation; 16]),
        start: first * 10,
        end: (first + lines) * 10,
        offsets: (first, first + lines),
        records: lines,
        chain: Some(LinkChain {
            first,
            lines,
            previous: value(first),
            value: value(first + lines),
            ..LinkChain::default()
        }),
    }
}

fn joined(links: &[Link]) -> Vec<Link> {
    let blocks = links.iter().map(|link| Block {
        forgotten: 1,
        links: vec![link.clone()],
    });
    let block = Block::join(blocks);
    assert_eq!(block.forgotten, links.len() as u64);
    block.links
}

#[test]
fn links_that_only_go_on_become_one_and_others_stay() {
    assert_eq!(
        joined(&[link(1, 0, 3), link(2, 0, 1), link(1, 3, 2)]),
        [link(1, 0, 5), link(2, 0, 1)]
    );
    let others: [fn(&mut Link); 5] = [
        |next| next.start += 1,
        |next| next.offsets.0 -= 1,
        |next| next.chain = None,
        |next| next.chain.as_mut().unwrap().previous[9] = 1,
        |next| next.chain.as_mut().unwrap().broken = true,
    ];
    for other in others {
        let mut next = link(1, 3, 2);
        other(&mut next);
        assert_eq!(joined(&[link(1, 0, 3), next.clone()]), [link(1, 0, 3), next]);
    }
}

#[test]
fn parts_of_a_unit_are_one_link_and_what_follows_it_another() {
    let mut whole = link(1, 0, 4);
    whole.chain.as_mut().unwrap().partial = true;
    let mut parts = [whole.clone(), whole.clone()];
    (parts[0].end, parts[0].offsets.1, parts[0].records) = (20, 2, 2);
    (parts[1].start, parts[1].offsets.0, parts[1].records) = (20, 2, 2);
    let next = link(1, 4, 1);
    assert_eq!(
        joined(&[parts[0].clone(), parts[1].clone(), next.clone()]),
        [whole, next]
    );
}

#[test]
fn a_link_that_the_agent_begins_anew_stays_by_itself() {
    let mut anew = link(1, 3, 2);
    let chain = anew.chain.as_mut().unwrap();
    (chain.first, chain.previous) = (0, [0; 32]);
    assert_eq!(joined(&[link(1, 0, 3), anew.clone()]), [link(1, 0, 3), anew]);
}

fn any_link() -> impl Strategy<Value = Link> {
    let place = (
        any::<[u8; 16]>(),
        0..2_u8,
        any::<u32>(),
        any::<u32>(),
        any::<u32>(),
        any::<u32>(),
        any::<u64>(),
    );
    let chain = (
        any::<u64>(),
        any::<u64>(),
        any::<[u8; 32]>(),
        any::<[u8; 32]>(),
        any::<[bool; 3]>(),
    );
    (place, proptest::option::of(chain)).prop_map(|(place, chain)| {
        let (generation, agent, start, len, offset, count, records) = place;
        Link {
            agent: AgentId([agent; 16]),
            generation: GenerationId(generation),
            start: start.into(),
            end: u64::from(start) + u64::from(len),
            offsets: (offset.into(), u64::from(offset) + u64::from(count)),
            records,
            chain: chain.map(|(first, lines, previous, value, [broken, partial, closes])| LinkChain {
                first,
                lines,
                previous,
                value,
                broken,
                partial,
                closes,
            }),
        }
    })
}

proptest! {
    #[test]
    fn a_block_is_read_as_it_was_written(forgotten: u64, links in proptest::collection::vec(any_link(), 0..9)) {
        let block = Block { forgotten, links };
        prop_assert_eq!(Block::read(&block.bytes()), Some(block));
    }

    #[test]
    fn any_bytes_are_a_block_or_none(bytes: Vec<u8>) {
        let mut bytes = bytes;
        if let Some(first) = bytes.first_mut() {
            *first = 1;
        }
        Block::read(&bytes);
    }
}
