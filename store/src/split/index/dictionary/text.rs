//! A block of terms as text, ascending: per term a varint of the bytes that it shares with the term
//! before and a varint of its own (both in one byte, own × 16 + shared, if both are below 15; else the
//! byte 255 and the two); behind those of all, the terms' own bytes.

use crate::split::wire::{Corrupt, Reader, put_varint};

const LONG: u8 = 255;
const SHORT: usize = 15;

#[derive(Debug, Default)]
pub(super) struct TextWriter {
    lengths: Vec<u8>,
    own: Vec<u8>,
    before: Vec<u8>,
    terms: u32,
}

impl TextWriter {
    pub(super) fn push(&mut self, term: &[u8]) {
        let shared = term.iter().zip(&self.before).take_while(|(a, b)| a == b).count();
        let own = term.len() - shared;
        if shared < SHORT && own < SHORT {
            self.lengths.push((own << 4 | shared) as u8);
        } else {
            self.lengths.push(LONG);
            put_varint(&mut self.lengths, shared as u64);
            put_varint(&mut self.lengths, own as u64);
        }
        self.own.extend_from_slice(&term[shared..]);
        self.before.truncate(shared);
        self.before.extend_from_slice(&term[shared..]);
        self.terms += 1;
    }

    pub(super) fn bytes(&self) -> usize {
        self.lengths.len() + self.own.len()
    }

    pub(super) fn terms(&self) -> u32 {
        self.terms
    }

    /// The block's bytes; begins the next one.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        let mut block = std::mem::take(&mut self.lengths);
        block.append(&mut self.own);
        self.before.clear();
        self.terms = 0;
        block
    }
}

/// Terms one after another.
#[derive(Debug)]
pub(super) struct TextReader<'a> {
    lengths: Reader<'a>,
    own: Reader<'a>,
}

impl<'a> TextReader<'a> {
    pub(super) fn new(block: &'a [u8], terms: u32) -> Result<Self, Corrupt> {
        let mut own = Reader::new(block);
        for _ in 0..terms {
            if own.u8()? == LONG {
                own.varint()?;
                own.varint()?;
            }
        }
        let lengths = Reader::new(&block[..block.len() - own.remaining()]);
        Ok(Self { lengths, own })
    }

    /// Puts the next term in place of the one before.
    #[inline]
    pub(super) fn next(&mut self, term: &mut Vec<u8>) -> Result<(), Corrupt> {
        let (shared, own) = self.next_parts()?;
        if shared > term.len() {
            return Err(Corrupt("term shares more than there is"));
        }
        term.truncate(shared);
        term.extend_from_slice(own);
        Ok(())
    }

    /// How many bytes the next term shares with the one before, and its own.
    #[inline]
    pub(super) fn next_parts(&mut self) -> Result<(usize, &'a [u8]), Corrupt> {
        let (shared, own) = match self.lengths.u8()? {
            LONG => (self.lengths.varint()?, self.lengths.varint()?),
            both => (u64::from(both & 15), u64::from(both >> 4)),
        };
        let length = |bytes: u64| usize::try_from(bytes).map_err(|_| Corrupt("term beyond memory"));
        Ok((length(shared)?, self.own.take(length(own)?)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn terms_come_back(terms in prop::collection::btree_set(prop::collection::vec(0..3_u8, 0..60), 0..100)) {
            let mut writer = TextWriter::default();
            terms.iter().for_each(|term| writer.push(term));
            let block = writer.finish();
            let mut reader = TextReader::new(&block, terms.len() as u32).unwrap();
            let mut read = Vec::new();
            for term in &terms {
                reader.next(&mut read).unwrap();
                prop_assert_eq!(&read, term);
            }
            prop_assert!(reader.next(&mut read).is_err());
        }
    }
}
