use super::*;

fn batch(generation: u8, start: u64, end: u64) -> Box<Batch> {
    Box::new(Batch {
        generation: GenerationId([generation; 16]),
        topic: "logs".into(),
        epoch: 0,
        start,
        end,
        records: 1,
        bound: Vec::new(),
        bytes: bytes::Bytes::from_static(b"b"),
        meta: Default::default(),
    })
}

fn window(batches: &[(u8, u64, u64)]) -> Window {
    let mut window = Window::new(8);
    batches
        .iter()
        .for_each(|(generation, start, end)| window.push(batch(*generation, *start, *end)));
    window
}

fn sent(window: &mut Window, now: Instant) -> Vec<u64> {
    std::iter::from_fn(|| window.next(now).map(|(_, batch)| batch.start)).collect()
}

#[test]
fn a_generation_goes_one_by_one_until_its_first_ack() {
    let now = Instant::now();
    let mut window = window(&[(1, 0, 10), (1, 10, 20), (2, 5, 6), (1, 20, 30)]);
    assert_eq!(sent(&mut window, now), [0, 5]);
    window.verdict(1, Verdict::Durable, now);
    assert_eq!(sent(&mut window, now), [10, 20]);
    window.reconnected(8);
    assert_eq!(sent(&mut window, now), [10, 5]);
}

#[test]
fn a_batch_to_try_again_keeps_its_place_before_later_ones() {
    let now = Instant::now();
    let mut window = window(&[(1, 0, 10)]);
    sent(&mut window, now);
    window.verdict(1, Verdict::Durable, now);
    window.push(batch(1, 10, 20));
    window.push(batch(1, 20, 30));
    assert_eq!(sent(&mut window, now), [10, 20]);
    let after = Duration::from_secs(1);
    assert_eq!(window.verdict(2, Verdict::TryAgain { after }, now), Effect::None);
    assert_eq!(window.verdict(3, Verdict::Refused { end: 10 }, now), Effect::None);
    assert_eq!(sent(&mut window, now), [] as [u64; 0]);
    assert_eq!(sent(&mut window, now + after), [10]);
    window.verdict(4, Verdict::Durable, now);
    assert_eq!(sent(&mut window, now + after), [20]);
}

#[test]
fn a_batch_cut_before_a_rewind_is_not_taken_after_a_reconnection_either() {
    let now = Instant::now();
    let mut window = window(&[(1, 10, 20)]);
    sent(&mut window, now);
    window.verdict(1, Verdict::Refused { end: 4 }, now);
    window.reconnected(8);
    window.push(batch(1, 20, 30));
    assert_eq!(window.len(), 0);
}

#[test]
fn a_refusal_drops_the_generation_and_rewinds_once() {
    let now = Instant::now();
    let mut window = window(&[(1, 0, 10), (2, 0, 10)]);
    sent(&mut window, now);
    window.verdict(1, Verdict::Durable, now);
    window.push(batch(1, 10, 20));
    window.push(batch(1, 20, 30));
    sent(&mut window, now);
    let generation = GenerationId([1; 16]);
    assert_eq!(
        window.verdict(3, Verdict::Refused { end: 4 }, now),
        Effect::Rewind {
            generation,
            epoch: 0,
            end: 4
        }
    );
    assert_eq!(window.verdict(4, Verdict::Refused { end: 4 }, now), Effect::None);
    assert_eq!(window.len(), 1);
    window.push(batch(1, 30, 40));
    assert_eq!(window.len(), 1, "cut before the rewind");
}

fn rejected() -> Verdict {
    Verdict::Rejected { why: "no".into() }
}

fn divided(batch: &Batch, border: u64) -> Settled {
    let part = |start, end| Batch {
        start,
        end,
        ..batch.clone()
    };
    Settled::Divided(Box::new([part(batch.start, border), part(border, batch.end)]))
}

/// Settles the first batch that is refused.
fn settle(window: &mut Window, settled: impl FnOnce(&Batch) -> Settled) {
    let (id, batch, _) = window.refused().expect("a refused batch");
    let settled = settled(batch);
    assert_eq!(window.settle(id, settled, Instant::now()), Effect::None);
}

#[test]
fn a_batch_that_is_refused_for_good_is_acked_with_the_last_of_its_parts() {
    let now = Instant::now();
    let mut window = window(&[(1, 0, 10), (1, 10, 50)]);
    sent(&mut window, now);
    window.verdict(1, Verdict::Durable, now);
    window.push(batch(1, 50, 60));
    assert_eq!(sent(&mut window, now), [10, 50]);
    assert_eq!(window.verdict(2, rejected(), now), Effect::None);
    assert_eq!(window.verdict(3, Verdict::Refused { end: 10 }, now), Effect::None);
    let later = now + RESEND_PAUSE;
    assert_eq!(sent(&mut window, later), [] as [u64; 0], "nothing goes past it");
    settle(&mut window, |batch| divided(batch, 30));
    assert_eq!(sent(&mut window, later), [10], "one by one until one is taken");
    assert_eq!(window.verdict(4, rejected(), now), Effect::None);
    window.reconnected(8);
    settle(&mut window, |batch| divided(batch, 20));
    assert_eq!(sent(&mut window, later), [10]);
    assert_eq!(window.verdict(1, Verdict::Durable, now), Effect::None);
    assert_eq!(sent(&mut window, later), [20, 30, 50]);
    assert_eq!(window.verdict(3, Verdict::Durable, now), Effect::None, "out of turn");
    assert_eq!(window.verdict(2, rejected(), now), Effect::None);
    settle(&mut window, |batch| {
        Settled::Kept(Box::new(Batch {
            records: 0,
            ..batch.clone()
        }))
    });
    assert_eq!(sent(&mut window, later), [20]);
    let generation = GenerationId([1; 16]);
    assert_eq!(
        window.verdict(5, Verdict::Durable, now),
        Effect::Acked {
            generation,
            epoch: 0,
            start: 10,
            end: 50,
            counts: Counts {
                records: 2,
                dead_letter: 1
            }
        }
    );
}

#[test]
fn a_batch_above_the_limit_waits_until_it_is_divided_or_cut_anew() {
    let now = Instant::now();
    let mut window = window(&[(1, 0, 10), (2, 0, 10)]);
    window.refuse_larger(0);
    assert_eq!(sent(&mut window, now), [] as [u64; 0]);
    settle(&mut window, |batch| divided(batch, 5));
    assert_eq!(sent(&mut window, now), [0]);
    let (id, ..) = window.refused().expect("the other one");
    let generation = GenerationId([2; 16]);
    assert_eq!(
        window.settle(id, Settled::ToCutAnew, now),
        Effect::Rewind {
            generation,
            epoch: 0,
            end: 0
        }
    );
}

#[test]
fn what_becomes_of_a_batch_that_was_rewound_meanwhile_changes_nothing() {
    let now = Instant::now();
    let mut window = window(&[(1, 0, 10), (1, 10, 20)]);
    sent(&mut window, now);
    window.verdict(1, rejected(), now);
    let (id, batch, _) = window.refused().expect("a refused batch");
    let settled = divided(batch, 5);
    window.drop_generation(GenerationId([1; 16]), 0);
    assert_eq!(window.settle(id, settled, now), Effect::None);
    assert_eq!(window.len(), 0);
}
