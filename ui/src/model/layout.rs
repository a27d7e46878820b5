//! Where each line of a list stands: rows of one height, one of which may be opened.

/// A row's height in pixels; the style sheet says the same.
pub(crate) const ROW_PX: f64 = 20.0;

/// The places of all lines.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Layout {
    /// The index at the top.
    pub origin: i64,
    /// The opened line and how much it adds.
    pub opened: Option<(i64, f64)>,
}

impl Layout {
    /// The top of the line `index`.
    pub(crate) fn top(&self, index: i64) -> f64 {
        let extra = self
            .opened
            .filter(|(opened, _)| *opened < index)
            .map_or(0.0, |(_, px)| px);
        (index - self.origin) as f64 * ROW_PX + extra
    }

    /// The line that covers `y`.
    pub(crate) fn index_at(&self, y: f64) -> i64 {
        let plain = |y: f64| self.origin + (y / ROW_PX).floor() as i64;
        match self.opened {
            Some((opened, px)) if y >= self.top(opened) + ROW_PX => plain((y - px).max(self.top(opened))),
            _ => plain(y),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_below_an_opened_one_make_room() {
        let layout = Layout {
            origin: -5,
            opened: Some((2, 100.0)),
        };
        assert_eq!(layout.top(-5), 0.0);
        assert_eq!(layout.top(2), 7.0 * ROW_PX);
        assert_eq!(layout.top(3), 8.0 * ROW_PX + 100.0);
    }

    #[test]
    fn every_place_belongs_to_its_line() {
        for layout in [
            Layout {
                origin: 3,
                opened: None,
            },
            Layout {
                origin: -5,
                opened: Some((2, 333.0)),
            },
        ] {
            for index in layout.origin..layout.origin + 40 {
                assert_eq!(layout.index_at(layout.top(index)), index);
                assert_eq!(layout.index_at(layout.top(index + 1) - 0.5), index);
            }
        }
    }
}
