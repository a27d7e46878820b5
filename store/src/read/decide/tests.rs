use crate::read::limits::Limits;
use std::sync::Arc;
use std::time::Duration;

use crate::read::fixture::{Fixture, TestRow};
use crate::read::histogram::filter_of;
use crate::read::matching::Deciders;
use crate::read::running::Running;
use crate::read::scan::Selection;
use crate::read::time::TimeRange;
use crate::split::SplitError;

#[test]
fn a_filter_asks_no_further_templates_once_its_query_is_stopped() {
    let mut fixture = Fixture::new();
    let line = |n: usize| -> String { (0..20_000).map(|token| format!("a{token}.{n} ")).collect() };
    let words = |n: usize| "x".repeat(n + 1);
    let rows: Vec<TestRow> = (0..4).map(|n| TestRow::new(0, &(line(n) + &words(n)))).collect();
    fixture.append(&rows);
    fixture.flush(false);
    let view = fixture.reader.view();
    let entry = &view.snapshot.splits[0];
    let split = view.split(entry).unwrap();
    // Asked one by one, and all at once.
    for query in ["\"a17.1 a18\"", "body:*q1*z1*", "xx"] {
        let selection = Selection::new(&Limits::none(), filter_of(query).unwrap(), TimeRange::ALL).unwrap();
        let running = Running::new(Duration::from_secs(60), Default::default());
        let decider = Deciders::new(&view.cache, &selection, &running)
            .of(&split, &entry.topic)
            .unwrap();
        running.cancel();
        let stopped = decider.cells(0);
        assert!(matches!(stopped, Err(SplitError::Stopped)), "{query}: {stopped:?}");
        // What was not found out is asked by the next query, though something was kept.
        let running = Running::new(Duration::from_secs(60), Default::default());
        let decider = Deciders::new(&view.cache, &selection, &running)
            .of(&split, &entry.topic)
            .unwrap();
        assert!(decider.cells(0).is_ok(), "{query}");
        // Nobody is told that records are left out, nor is the split marked.
        view.failed(&entry.meta.id, 4, &SplitError::Stopped, &running);
        assert!(running.partial().is_empty());
        assert!(Arc::ptr_eq(&view.snapshot, &fixture.catalog.snapshot()));
    }
}
