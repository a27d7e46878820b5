//! Where panels stand: twelve columns, rows without end. No two overlap, and each stands as high as it can.

use timberline_proto::api::dashboards::{COLUMNS, PANEL_ROWS_MAX, Panel, ROWS_MAX};

/// A panel's place and size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub x: u32,
    pub y: u32,
    pub w: u32,
    pub h: u32,
}

impl Place {
    pub(crate) fn of(panel: &Panel) -> Place {
        Place {
            x: panel.x,
            y: panel.y,
            w: panel.w,
            h: panel.h,
        }
    }

    /// Moved by so many columns and rows, as far as there are any.
    pub(crate) fn moved(self, columns: i64, rows: i64) -> Place {
        let add = |value: u32, by: i64, max: u32| (i64::from(value) + by).clamp(0, i64::from(max)) as u32;
        Place {
            x: add(self.x, columns, COLUMNS.saturating_sub(self.w)),
            y: add(self.y, rows, ROWS_MAX - 1),
            ..self
        }
    }

    /// Larger or smaller by so many columns and rows.
    pub(crate) fn resized(self, columns: i64, rows: i64) -> Place {
        let add = |value: u32, by: i64, max: u32| (i64::from(value) + by).clamp(1, i64::from(max.max(1))) as u32;
        Place {
            w: add(self.w, columns, COLUMNS.saturating_sub(self.x)),
            h: add(self.h, rows, PANEL_ROWS_MAX),
            ..self
        }
    }

    fn within(self) -> Place {
        let w = self.w.clamp(1, COLUMNS);
        Place {
            x: self.x.min(COLUMNS - w),
            y: self.y.min(ROWS_MAX - 1),
            w,
            h: self.h.clamp(1, PANEL_ROWS_MAX),
        }
    }

    fn meets(self, other: Place) -> bool {
        self.x < other.x + other.w
            && other.x < self.x + self.w
            && self.y < other.y + other.h
            && other.y < self.y + self.h
    }
}

/// Puts a panel there; the others make room.
pub(crate) fn put(panels: &mut [Panel], id: u32, place: Place) {
    let place = place.within();
    if let Some(panel) = panels.iter_mut().find(|panel| panel.id == id) {
        (panel.x, panel.y, panel.w, panel.h) = (place.x, place.y, place.w, place.h);
    }
    settle(panels, Some(id));
}

/// Takes away overlaps and empty rows. Where two want the same place, `first` has it.
pub(crate) fn settle(panels: &mut [Panel], first: Option<u32>) {
    let mut order: Vec<usize> = (0..panels.len()).collect();
    order.sort_by_key(|&at| (panels[at].y, Some(panels[at].id) != first, panels[at].x));
    let mut placed: Vec<Place> = Vec::with_capacity(panels.len());
    for at in order {
        let mut place = Place::of(&panels[at]).within();
        let is_free = |place: Place| placed.iter().all(|other| !place.meets(*other));
        while !is_free(place) {
            place.y += 1;
        }
        while place.y > 0
            && is_free(Place {
                y: place.y - 1,
                ..place
            })
        {
            place.y -= 1;
        }
        placed.push(place);
        let panel = &mut panels[at];
        (panel.x, panel.y, panel.w, panel.h) = (place.x, place.y, place.w, place.h);
    }
}

/// In the order in which they are read.
pub(crate) fn reading_order(panels: &[Panel]) -> Vec<u32> {
    let mut order: Vec<&Panel> = panels.iter().collect();
    order.sort_by_key(|panel| (panel.y, panel.x));
    order.into_iter().map(|panel| panel.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(id: u32, x: u32, y: u32, w: u32, h: u32) -> Panel {
        Panel {
            id,
            x,
            y,
            w,
            h,
            ..Panel::default()
        }
    }

    fn places(panels: &[Panel]) -> Vec<(u32, u32)> {
        panels.iter().map(|panel| (panel.x, panel.y)).collect()
    }

    #[test]
    fn a_panel_that_is_moved_pushes_others_down() {
        let mut panels = [panel(1, 0, 0, 6, 4), panel(2, 6, 0, 6, 4), panel(3, 0, 4, 12, 2)];
        put(&mut panels, 2, Place { x: 0, y: 0, w: 6, h: 4 });
        assert_eq!(places(&panels), [(0, 4), (0, 0), (0, 8)]);
    }

    #[test]
    fn empty_rows_close() {
        let mut panels = [panel(1, 0, 5, 3, 2), panel(2, 3, 9, 3, 2)];
        settle(&mut panels, None);
        assert_eq!(places(&panels), [(0, 0), (3, 0)]);
    }

    #[test]
    fn nothing_leaves_the_grid() {
        let place = Place {
            x: 10,
            y: 0,
            w: 2,
            h: 1,
        };
        assert_eq!(place.moved(9, -3), Place { x: 10, ..place });
        assert_eq!(place.moved(-99, 2), Place { x: 0, y: 2, ..place });
        assert_eq!(place.resized(9, -9), place);
        assert_eq!(place.resized(-9, 999).h, PANEL_ROWS_MAX);
        let mut panels = [panel(1, 50, 1, 90, 0)];
        settle(&mut panels, None);
        assert_eq!(
            Place::of(&panels[0]),
            Place {
                x: 0,
                y: 0,
                w: 12,
                h: 1
            }
        );
    }

    #[test]
    fn whatever_is_moved_no_two_overlap() {
        // Many moves, chosen by a small generator.
        let mut seed = 7_u32;
        let mut next = |max: u32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) % max
        };
        let mut panels: Vec<Panel> = (1..=12).map(|id| panel(id, id % 9, id, 3, 2)).collect();
        for _ in 0..300 {
            let place = Place {
                x: next(12),
                y: next(20),
                w: 1 + next(12),
                h: 1 + next(6),
            };
            put(&mut panels, 1 + next(12), place);
            for (at, a) in panels.iter().enumerate() {
                assert!(a.x + a.w <= COLUMNS);
                assert!(panels[at + 1..].iter().all(|b| !Place::of(a).meets(Place::of(b))));
            }
        }
    }
}
