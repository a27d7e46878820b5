//! Where a field's values stand in the lines of a template.

use crate::split::{LeafField, PageText, Shape};

/// Where a field's values stand in the lines of one template.
#[derive(Debug)]
pub(crate) enum FieldPlace<'a> {
    /// None of the lines has the field.
    Nowhere,
    /// Its values are what fills these slots, in this order.
    Slots(Vec<&'a LeafField>),
    /// Each line has to be read.
    Line,
}

impl<'a> FieldPlace<'a> {
    pub(crate) fn of(shape: &'a Shape, name: &str) -> Self {
        match shape {
            Shape::Plain => Self::Nowhere,
            Shape::Unread => Self::Line,
            Shape::Fields(fields) => {
                let slots: Vec<_> = fields.iter().filter(|field| field.name == name).collect();
                match slots.is_empty() {
                    true => Self::Nowhere,
                    false => Self::Slots(slots),
                }
            }
        }
    }

    /// The same of a template of a page, by its number there.
    pub(crate) fn in_page(text: &'a PageText, which: usize, name: &str) -> Self {
        Self::of(text.shape(which), name)
    }

    pub(crate) fn is_nowhere(&self) -> bool {
        matches!(self, Self::Nowhere)
    }
}
