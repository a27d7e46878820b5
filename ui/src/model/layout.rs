//! Where each line of a list stands. Rows are of one height, or, wrapped, of as many such heights
//! as their text takes; one of them may be opened.

use std::sync::Arc;

/// A row's height in pixels unless it is dense; the style sheet says the same.
pub(crate) const ROW_PX: f64 = 21.0;
/// A dense row's.
pub(crate) const ROW_PX_DENSE: f64 = 18.0;

/// The places of all lines.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layout {
    /// The index at the top.
    pub origin: i64,
    /// The height of a row that is not wrapped.
    pub row_px: f64,
    /// The places of wrapped lines.
    pub wrapped: Option<Arc<Wrapped>>,
    /// The opened line and how much it adds.
    pub opened: Option<(i64, f64)>,
}

/// The tops of the lines held, one more than there are lines.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wrapped {
    first: i64,
    tops: Vec<f64>,
    epoch: u64,
    columns: usize,
    /// How much farther down all stand than they did before, beside what their order says.
    pub moved_px: f64,
}

impl Layout {
    /// The top of the line `index`.
    pub(crate) fn top(&self, index: i64) -> f64 {
        let extra = self
            .opened
            .filter(|(opened, _)| *opened < index)
            .map_or(0.0, |(_, px)| px);
        self.plain_top(index) + extra
    }

    /// The line that covers `y`.
    pub(crate) fn index_at(&self, y: f64) -> i64 {
        match self.opened {
            Some((opened, px)) if y >= self.plain_top(opened + 1) => {
                self.plain_index((y - px).max(self.plain_top(opened)))
            }
            _ => self.plain_index(y),
        }
    }

    fn plain_top(&self, index: i64) -> f64 {
        match self.wrapped.as_deref() {
            None => (index - self.origin) as f64 * self.row_px,
            Some(wrapped) => wrapped.top(index, self.row_px),
        }
    }

    fn plain_index(&self, y: f64) -> i64 {
        match self.wrapped.as_deref() {
            None => self.origin + (y / self.row_px).floor() as i64,
            Some(wrapped) => wrapped.index(y, self.row_px),
        }
    }
}

impl Wrapped {
    /// The lines from `first` on take `rows` rows each, of `columns` characters. Where they are
    /// lines of `before`, they stay where they stood: `steady` does if it is among them, else the
    /// first that both hold. Without room above the first line, that is at the top.
    pub(crate) fn after(
        before: Option<&Wrapped>,
        (first, epoch, columns): (i64, u64, usize),
        rows: impl Iterator<Item = u32>,
        (room, steady): (i64, i64),
        row_px: f64,
    ) -> Wrapped {
        let mut tops = vec![0.0];
        for count in rows {
            tops.push(tops.last().copied().unwrap_or(0.0) + f64::from(count) * row_px);
        }
        let mut new = Wrapped {
            first,
            tops,
            epoch,
            columns,
            moved_px: 0.0,
        };
        let before = before.filter(|before| before.epoch == epoch);
        let anchor = before.map(|before| match before.columns == columns && before.holds(first) {
            true => first,
            false if before.columns == columns => before.first,
            false => steady.clamp(before.first, before.end()),
        });
        let wished = match (before, anchor) {
            (Some(before), Some(anchor)) => before.top(anchor, row_px) - new.top(anchor, row_px),
            _ => room as f64 * row_px,
        };
        let base = match room {
            0 => 0.0,
            _ if wished < row_px => room as f64 * row_px,
            _ => wished,
        };
        for top in &mut new.tops {
            *top += base;
        }
        new.moved_px = base - wished;
        new
    }

    fn end(&self) -> i64 {
        self.first + self.tops.len() as i64 - 1
    }

    fn holds(&self, index: i64) -> bool {
        (self.first..=self.end()).contains(&index)
    }

    fn top(&self, index: i64, row_px: f64) -> f64 {
        let within = index.clamp(self.first, self.end());
        self.tops[(within - self.first) as usize] + (index - within) as f64 * row_px
    }

    fn index(&self, y: f64, row_px: f64) -> i64 {
        let (top, bottom) = (self.tops[0], self.tops[self.tops.len() - 1]);
        if y < top {
            self.first + ((y - top) / row_px).floor() as i64
        } else if y >= bottom {
            self.end() + ((y - bottom) / row_px).floor() as i64
        } else {
            self.first + self.tops.partition_point(|top| *top <= y) as i64 - 1
        }
    }
}

/// The rows that a text takes when it is broken after every `columns` characters; never fewer
/// than the browser needs: what is not ASCII may be twice as wide, and is not broken in two.
pub(crate) fn rows(text: &str, columns: usize) -> u32 {
    let mut width = 0_usize;
    let mut is_wide = false;
    for c in text.chars() {
        width += match c {
            ' '..='~' => 1,
            '\t' => 4,
            // Shown as a picture of itself, perhaps of several characters.
            c if c.is_control() => 2,
            '\u{200b}'..='\u{206f}' | '\u{feff}' | '\u{ad}' | '\u{61c}' | '\u{e0000}'..='\u{e007f}' => 10,
            _ => 2,
        };
        is_wide |= !c.is_ascii() || c.is_control();
    }
    // A wide one may leave a place empty at the end of each row.
    let columns = columns.saturating_sub(usize::from(is_wide)).max(1);
    u32::try_from(width.div_ceil(columns)).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(origin: i64, opened: Option<(i64, f64)>) -> Layout {
        Layout {
            origin,
            row_px: ROW_PX,
            wrapped: None,
            opened,
        }
    }

    fn wrapped(before: Option<&Wrapped>, first: i64, rows: &[u32], room: i64) -> Wrapped {
        Wrapped::after(before, (first, 1, 80), rows.iter().copied(), (room, first), ROW_PX)
    }

    #[test]
    fn lines_below_an_opened_one_make_room() {
        let layout = plain(-5, Some((2, 100.0)));
        assert_eq!(layout.top(-5), 0.0);
        assert_eq!(layout.top(2), 7.0 * ROW_PX);
        assert_eq!(layout.top(3), 8.0 * ROW_PX + 100.0);
    }

    #[test]
    fn every_place_belongs_to_its_line() {
        let long = Arc::new(wrapped(None, -3, &[1, 4, 2, 1, 1, 9, 1, 1, 3], 2));
        for wrapped in [None, Some(long)] {
            for opened in [None, Some((2, 333.0))] {
                let layout = Layout {
                    wrapped: wrapped.clone(),
                    ..plain(-5, opened)
                };
                for index in -5..35 {
                    assert_eq!(layout.index_at(layout.top(index)), index, "{layout:?}");
                    assert_eq!(layout.index_at(layout.top(index + 1) - 0.5), index, "{layout:?}");
                }
            }
        }
    }

    #[test]
    fn wrapped_lines_stay_in_their_place_as_the_window_moves() {
        let before = wrapped(None, 0, &[3, 1, 2, 1], 10);
        // Two went at the front, one came at the end.
        let after = wrapped(Some(&before), 2, &[2, 1, 5], 12);
        assert_eq!(after.top(3, ROW_PX), before.top(3, ROW_PX));
        assert_eq!(after.moved_px, 0.0);
        // They come back.
        let again = wrapped(Some(&after), 0, &[3, 1, 2, 1], 10);
        assert_eq!(again.top(0, ROW_PX), before.top(0, ROW_PX));
    }

    #[test]
    fn without_room_the_first_line_is_at_the_top_and_says_how_far_it_moved() {
        let before = wrapped(None, 0, &[3, 1], 10);
        let after = wrapped(Some(&before), -1, &[2, 3, 1], 0);
        assert_eq!(after.top(-1, ROW_PX), 0.0);
        assert_eq!(before.top(0, ROW_PX) + after.moved_px, after.top(0, ROW_PX));
    }

    #[test]
    fn rows_are_never_too_few() {
        assert_eq!(rows("", 80), 1);
        assert_eq!(rows(&"x".repeat(80), 80), 1);
        assert_eq!(rows(&"x".repeat(81), 80), 2);
        assert_eq!(rows(&"語".repeat(40), 80), 2);
        assert_eq!(rows("abc", 0), 3);
    }
}
