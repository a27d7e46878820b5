//! A dashboard made from the logs' own fields, for who has none yet.

use timberline_proto::api::{
    FieldSummary,
    dashboards::{ChartKind, Dashboard, Panel, Reduce, Variable, VariableKind},
};

use super::{super::complete::name, grid};

/// Fields whose distribution is shown.
const FIELDS_MAX: usize = 3;
/// A field with fewer values says little, one with more names each line.
const VALUES: std::ops::RangeInclusive<u64> = 2..=200;

/// The dashboard.
pub(crate) fn starter(fields: &[FieldSummary], rows: u64) -> Dashboard {
    // A field that most lines lack would make a panel of gaps.
    let common: Vec<FieldSummary> = fields
        .iter()
        .filter(|field| field.count.saturating_mul(2) >= rows)
        .cloned()
        .collect();
    let fields = &common[..];
    let host = find(fields, &["host.name", "host"]);
    let service = find(fields, &["service.name", "service"]);
    let filter = host.map_or(String::new(), |field| format!("{}:$host", field.name));
    let mut board = Dashboard {
        name: "Overview".into(),
        description: "Made from the fields of your logs".into(),
        refresh_seconds: 30,
        ..Dashboard::default()
    };
    if let Some(host) = host {
        board.variables.push(Variable {
            name: "host".into(),
            kind: VariableKind::Field,
            source: host.name.clone(),
            ..Variable::default()
        });
    }
    let mut add = |title: &str, query: String, chart, w, h| {
        let id = board.next_id();
        let y = board.bottom();
        board.panels.push(Panel {
            id,
            title: title.into(),
            query: query.trim().to_owned(),
            chart,
            // How many there were in the range, not in its last step.
            reduce: Reduce::Sum,
            y,
            w,
            h,
            ..Panel::default()
        });
    };
    let errors = format!("{filter} (severity:error OR severity:fatal)");
    add(
        "Lines",
        format!("{filter} | timechart count() as lines"),
        ChartKind::Stat,
        3,
        3,
    );
    add(
        "Errors",
        format!("{errors} | timechart count() as errors"),
        ChartKind::Stat,
        3,
        3,
    );
    add(
        "Lines by severity",
        format!("{filter} | timechart count() by severity"),
        ChartKind::Bar,
        6,
        6,
    );
    for field in [host, service].into_iter().flatten() {
        add(
            &format!("Lines by {}", field.name),
            top_values(&filter, field),
            ChartKind::Bar,
            6,
            6,
        );
    }
    for field in worth_showing(fields) {
        match (field.min, field.max) {
            (Some(_), Some(_)) if is_number(field) => {
                let query = format!(
                    "{filter} | timechart p50({0}) as p50, p99({0}) as p99",
                    name(&field.name)
                );
                add(&field.name, query, ChartKind::Line, 6, 6);
            }
            _ => add(
                &format!("Lines by {}", field.name),
                top_values(&filter, field),
                ChartKind::Bar,
                6,
                6,
            ),
        }
    }
    add(
        "Kinds of lines",
        format!("{filter} | patterns 10 | fields pattern, count"),
        ChartKind::Table,
        12,
        7,
    );
    place_side_by_side(&mut board.panels);
    board
}

/// Side by side, where two fit.
fn place_side_by_side(panels: &mut [Panel]) {
    let mut x = 0;
    for panel in &mut *panels {
        if x + panel.w > 12 {
            x = 0;
        }
        panel.x = x;
        x += panel.w;
    }
    grid::settle(panels, None);
}

fn find<'a>(fields: &'a [FieldSummary], names: &[&str]) -> Option<&'a FieldSummary> {
    names
        .iter()
        .find_map(|name| fields.iter().find(|field| field.name == *name))
}

/// The values of a field that stand in most lines.
fn top_values(filter: &str, field: &FieldSummary) -> String {
    format!(
        "{filter} | stats count() as lines by {} | sort -lines | head 10",
        name(&field.name)
    )
}

fn is_number(field: &FieldSummary) -> bool {
    field
        .types
        .first()
        .is_some_and(|kind| kind == "integer" || kind == "number")
}

/// Fields of many records that are neither shown already nor the same in all lines nor another in each.
fn worth_showing(fields: &[FieldSummary]) -> impl Iterator<Item = &FieldSummary> {
    const SHOWN: [&str; 11] = [
        "host.name",
        "host",
        "service.name",
        "service",
        "severity",
        "timestamp",
        "body",
        "log.file.path",
        "file",
        "template",
        "message",
    ];
    fields
        .iter()
        .filter(|field| !SHOWN.contains(&field.name.as_str()))
        .filter(|field| {
            VALUES.contains(&field.distinct) || (is_number(field) && field.distinct > 1 && field.max > field.min)
        })
        .take(FIELDS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use timberline_proto::query::{Placed, parse, place_values};

    #[test]
    fn a_field_that_most_lines_lack_gets_no_panel() {
        let mut rare = field("took", "integer", 50);
        rare.count = 4;
        assert!(
            !starter(&[rare.clone()], 10)
                .panels
                .iter()
                .any(|panel| panel.title == "took")
        );
        rare.count = 5;
        assert!(starter(&[rare], 10).panels.iter().any(|panel| panel.title == "took"));
    }

    fn field(name: &str, kind: &str, distinct: u64) -> FieldSummary {
        let is_number = kind != "text";
        FieldSummary {
            name: name.into(),
            types: vec![kind.into()],
            distinct,
            count: 10,
            min: is_number.then_some(0.0),
            max: is_number.then_some(9.0),
            ..FieldSummary::default()
        }
    }

    #[test]
    fn it_is_a_dashboard_whose_queries_can_be_asked() {
        let fields = [
            field("host.name", "text", 3),
            field("request id", "text", 1_000_000),
            field("took ms", "integer", 500),
            field("method", "text", 4),
        ];
        for fields in [&fields[..], &[]] {
            let board = starter(fields, 10);
            assert_eq!(board.check(), Ok(()));
            for panel in &board.panels {
                let query = place_values(&panel.query, |_| Some(Placed::Any));
                assert!(parse(&query).is_ok(), "{query}: {:?}", parse(&query));
            }
        }
        let titles: Vec<String> = starter(&fields, 10)
            .panels
            .into_iter()
            .map(|panel| panel.title)
            .collect();
        assert!(titles.contains(&"took ms".to_owned()) && titles.contains(&"Lines by method".to_owned()));
        assert!(!titles.iter().any(|title| title.contains("request id")));
    }
}
