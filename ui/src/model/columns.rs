//! Fields shown as columns beside each line: which, in which order, how wide. In the address:
//! `cols=host:120,status`.

use timberline_proto::api::{Record, dashboards::SavedColumn};

use super::view::{decode, encode};

/// Of a column that was never resized, in pixels.
pub(crate) const WIDTH_PX: u32 = 140;
/// The narrowest, in pixels.
pub(crate) const WIDTH_PX_MIN: u32 = 40;
/// The widest, in pixels.
pub(crate) const WIDTH_PX_MAX: u32 = 900;
/// Columns at most.
pub(crate) const COLUMNS_MAX: usize = 20;

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldColumn {
    /// The field.
    pub name: String,
    /// Pixels.
    pub width_px: u32,
}

impl FieldColumn {
    /// As a saved search keeps it.
    pub(crate) fn saved(&self) -> SavedColumn {
        SavedColumn {
            name: self.name.clone(),
            width_px: (self.width_px != WIDTH_PX).then_some(self.width_px),
        }
    }

    /// Of a saved search, perhaps one that was kept when there were no widths.
    pub(crate) fn of_saved(saved: SavedColumn) -> FieldColumn {
        let width_px = saved.width_px.unwrap_or(WIDTH_PX);
        FieldColumn {
            name: saved.name,
            width_px: width_px.clamp(WIDTH_PX_MIN, WIDTH_PX_MAX),
        }
    }
}

/// The columns of the address's text.
pub(crate) fn read(text: &str) -> Vec<FieldColumn> {
    let column = |part: &str| {
        let (name, width) = part.split_once(':').unwrap_or((part, ""));
        FieldColumn {
            name: decode(name),
            width_px: width.parse().unwrap_or(WIDTH_PX).clamp(WIDTH_PX_MIN, WIDTH_PX_MAX),
        }
    };
    let mut columns: Vec<FieldColumn> = Vec::new();
    for column in text.split(',').filter(|part| !part.is_empty()).map(column) {
        if columns.len() < COLUMNS_MAX && !column.name.is_empty() && !has(&columns, &column.name) {
            columns.push(column);
        }
    }
    columns
}

/// As the address holds them.
pub(crate) fn write(columns: &[FieldColumn]) -> String {
    let column = |column: &FieldColumn| {
        // Of what the address leaves as it is, two signs mean something here.
        let name = encode(&column.name).replace(':', "%3A").replace(',', "%2C");
        match column.width_px {
            WIDTH_PX => name,
            width => format!("{name}:{width}"),
        }
    };
    columns.iter().map(column).collect::<Vec<_>>().join(",")
}

/// Whether the field is among them.
pub(crate) fn has(columns: &[FieldColumn], name: &str) -> bool {
    columns.iter().any(|column| column.name == name)
}

/// Adds the field as the last column, or takes it out.
pub(crate) fn toggle(columns: &mut Vec<FieldColumn>, name: &str) {
    if has(columns, name) {
        columns.retain(|column| column.name != name);
    } else if columns.len() < COLUMNS_MAX {
        columns.push(FieldColumn {
            name: name.to_owned(),
            width_px: WIDTH_PX,
        });
    }
}

/// Moves the column by one place.
pub(crate) fn shift(columns: &mut [FieldColumn], at: usize, forward: bool) {
    let to = if forward { at + 1 } else { at.wrapping_sub(1) };
    if at < columns.len() && to < columns.len() {
        columns.swap(at, to);
    }
}

/// Moves the column to where another stands; those between make room.
pub(crate) fn move_to(columns: &mut Vec<FieldColumn>, from: usize, to: usize) {
    if from < columns.len() && to < columns.len() {
        let column = columns.remove(from);
        columns.insert(to, column);
    }
}

/// Where a column ends up that is dragged by so many pixels: past whichever others the pointer came
/// further than half.
pub(crate) fn dropped_at(columns: &[FieldColumn], from: usize, by_px: f64) -> usize {
    let (mut at, mut left) = (from, by_px.abs());
    loop {
        let next = if by_px > 0.0 { at + 1 } else { at.wrapping_sub(1) };
        let Some(width) = columns.get(next).map(|column| f64::from(column.width_px)) else {
            return at;
        };
        if left < width / 2.0 {
            return at;
        }
        left -= width;
        at = next;
    }
}

/// For the style sheet's grid.
pub(crate) fn grid(columns: &[FieldColumn]) -> String {
    let widths = columns.iter().map(|column| format!("{}px", column.width_px));
    widths.collect::<Vec<_>>().join(" ")
}

/// What stands in the record's column: a field of the line, of its stream, or of the record.
pub(crate) fn value_of(record: &Record, name: &str) -> Option<String> {
    if let Some(value) = record.fields.get(name) {
        return Some(match value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Null => return None,
            other => other.to_string(),
        });
    }
    let stream = match name {
        "host" => "host.name",
        "service" => "service.name",
        "file" => "log.file.path",
        other => other,
    };
    record.stream.get(stream).cloned().or_else(|| match name {
        "severity" | "level" => record.severity.clone(),
        "template" => record.template.clone(),
        "id" => Some(record.id.clone()),
        "timestamp" => Some(record.timestamp.clone()),
        "observed" => Some(record.observed.clone()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_comes_back_from_the_address() {
        let columns = vec![
            FieldColumn {
                name: "a:b,c%~ü".into(),
                width_px: 77,
            },
            FieldColumn {
                name: "host".into(),
                width_px: WIDTH_PX,
            },
        ];
        assert_eq!(read(&write(&columns)), columns);
        assert_eq!(write(&columns[1..]), "host");
    }

    #[test]
    fn widths_are_kept_in_saved_searches_and_old_ones_have_none() {
        let columns = read("host:77,status");
        let saved: Vec<_> = columns.iter().map(FieldColumn::saved).collect();
        assert_eq!((saved[0].width_px, saved[1].width_px), (Some(77), None));
        let again: Vec<_> = saved.into_iter().map(FieldColumn::of_saved).collect();
        assert_eq!(again, columns);
        let wide = SavedColumn {
            name: "a".into(),
            width_px: Some(90_000),
        };
        assert_eq!(FieldColumn::of_saved(wide).width_px, WIDTH_PX_MAX);
    }

    #[test]
    fn a_broken_address_gives_the_columns_that_can_be_read() {
        let columns = read(",,host:x,host,:9,level:99999");
        let found: Vec<_> = columns.iter().map(|c| (c.name.as_str(), c.width_px)).collect();
        assert_eq!(found, [("host", WIDTH_PX), ("level", WIDTH_PX_MAX)]);
    }

    #[test]
    fn columns_move_and_go() {
        let mut columns = read("a,b");
        shift(&mut columns, 1, false);
        shift(&mut columns, 0, false);
        assert_eq!(write(&columns), "b,a");
        toggle(&mut columns, "b");
        toggle(&mut columns, "c");
        assert_eq!(write(&columns), "a,c");
    }

    #[test]
    fn a_column_is_dropped_where_the_pointer_passed_half_of_another() {
        let columns = read("a:100,b:100,c:200,d:100");
        assert_eq!(dropped_at(&columns, 0, 40.0), 0);
        assert_eq!(dropped_at(&columns, 0, 60.0), 1);
        assert_eq!(dropped_at(&columns, 0, 190.0), 1);
        assert_eq!(dropped_at(&columns, 0, 210.0), 2);
        assert_eq!(dropped_at(&columns, 0, 9_000.0), 3);
        assert_eq!(dropped_at(&columns, 3, -90.0), 3);
        assert_eq!(dropped_at(&columns, 3, -9_000.0), 0);
        let mut moved = columns.clone();
        move_to(&mut moved, 0, 2);
        assert_eq!(write(&moved), "b:100,c:200,a:100,d:100");
        move_to(&mut moved, 9, 0);
        move_to(&mut moved, 3, 0);
        assert_eq!(write(&moved), "d:100,b:100,c:200,a:100");
    }

    #[test]
    fn a_value_is_the_lines_own_before_its_streams() {
        let record: Record = serde_json::from_str(
            r#"{"id":"logs-0-1","timestamp":"","observed":"","body":"","severity":"warn",
                "stream":{"host.name":"web-1"},"fields":{"n":1.5,"host.name":"own"}}"#,
        )
        .unwrap();
        assert_eq!(value_of(&record, "n").as_deref(), Some("1.5"));
        assert_eq!(value_of(&record, "host").as_deref(), Some("web-1"));
        assert_eq!(value_of(&record, "host.name").as_deref(), Some("own"));
        assert_eq!(value_of(&record, "level").as_deref(), Some("warn"));
        assert_eq!(value_of(&record, "absent"), None);
    }
}
