//! Values that are the same but for their numbers: `rdd_50_88`. Each number is a column.

use super::super::block::Sinks;
use super::super::wire::{put_bytes, put_varint};
use super::values::{self, Plan};

/// Numbers of a value at most.
pub(super) const PARTS_MAX: usize = 8;

pub(super) struct Parts<'a> {
    /// Before, between and after the numbers.
    literals: Vec<&'a [u8]>,
    /// The numbers, as text.
    columns: Vec<(Vec<&'a [u8]>, Plan<'a>)>,
    pub(super) bits: f64,
}

impl<'a> Parts<'a> {
    /// None unless all values have the same texts around two numbers or more.
    pub(super) fn of(values: &[&'a [u8]]) -> Option<Self> {
        let mut literals = Vec::new();
        let mut rest = *values.first()?;
        while let Some((literal, _, after)) = next_number(rest) {
            literals.push(literal);
            rest = after;
        }
        if !(2..=PARTS_MAX).contains(&literals.len()) {
            return None;
        }
        let mut columns = vec![Vec::with_capacity(values.len()); literals.len()];
        let last = rest;
        for &value in values {
            let mut rest = value;
            for (literal, column) in literals.iter().zip(&mut columns) {
                let (before, number, after) = next_number(rest)?;
                if before != *literal {
                    return None;
                }
                column.push(number);
                rest = after;
            }
            if rest != last {
                return None;
            }
        }
        literals.push(last);
        let planned = |column: Vec<&'a [u8]>| {
            let plan = values::plan(&column);
            (column, plan)
        };
        let columns: Vec<_> = columns.into_iter().map(planned).collect();
        let bits = columns.iter().map(|(_, plan)| plan.bits + 16.0).sum::<f64>() + 64.0;
        Some(Self {
            literals,
            columns,
            bits,
        })
    }

    pub(super) fn write(&self, out: &mut Sinks) {
        put_varint(&mut out.meta, self.columns.len() as u64);
        self.literals
            .iter()
            .for_each(|literal| put_bytes(&mut out.meta, literal));
        self.columns.iter().for_each(|(column, plan)| plan.write(column, out));
    }
}

/// What stands before the first number, its digits, what stands after them.
fn next_number(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let start = text.iter().position(u8::is_ascii_digit)?;
    let digits = &text[start..];
    let length = digits.iter().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
    let (number, after) = digits.split_at(length);
    Some((&text[..start], number, after))
}
