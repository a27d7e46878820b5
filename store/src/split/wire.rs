//! Explicit little-endian encoding, and reading that fails instead of panicking.
//!
//! A *varint* is LEB128: seven bits a byte, lowest first, the high bit set on all but the last; at
//! most ten bytes. *Zigzag* maps a signed number to an unsigned one: 0, −1, 1, −2 … to 0, 1, 2, 3 ….

/// Bytes that no writer makes. Becomes `SplitError::Damaged` with the place where they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Corrupt(pub(crate) &'static str);

pub(crate) fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

pub(crate) fn put_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_le_bytes());
}

pub(crate) fn put_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(&value.to_le_bytes());
}

#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A varint length, then the bytes.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(crate) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Bytes that `put_varint` takes for `value`.
#[inline]
pub(crate) fn varint_bytes(value: u64) -> u64 {
    // Of bits / 7, rounded up, for 1 to 64 bits.
    u64::from(((64 - (value | 1).leading_zeros()) * 37 + 222) >> 8)
}

/// Where bytes stand in a sink: `start..end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    start: usize,
    end: usize,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    pub(crate) fn start(self) -> usize {
        self.start
    }

    pub(crate) fn end(self) -> usize {
        self.end
    }

    /// These bytes of the sink that the span was read from.
    #[inline]
    pub(crate) fn of(self, sink: &[u8]) -> &[u8] {
        &sink[self.start..self.end]
    }
}

/// Reads what the functions above wrote.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    /// What is left.
    bytes: &'a [u8],
    /// Bytes taken.
    taken: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, taken: 0 }
    }

    pub(crate) fn remaining(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Corrupt> {
        if count > self.bytes.len() {
            return Err(Corrupt("ends too early"));
        }
        let (head, tail) = self.bytes.split_at(count);
        self.bytes = tail;
        self.taken += count;
        Ok(head)
    }

    /// Passes over `count` bytes; where they stand, for who keeps the bytes and not the reader.
    #[inline]
    pub(crate) fn span(&mut self, count: u64) -> Result<Span, Corrupt> {
        let start = self.taken;
        self.take(usize::try_from(count).map_err(|_| Corrupt("length beyond memory"))?)?;
        Ok(Span::new(start, self.taken))
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Corrupt> {
        Ok(self.take(N)?.try_into().expect("take gave N bytes"))
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Corrupt> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Corrupt> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Corrupt> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(crate) fn i64(&mut self) -> Result<i64, Corrupt> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, Corrupt> {
        let mut value = 0;
        for shift in (0..70).step_by(7) {
            let byte = self.u8()?;
            if shift == 63 && byte > 1 {
                return Err(Corrupt("number above 64 bits"));
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Corrupt("number above 64 bits"))
    }

    pub(crate) fn varint_u32(&mut self) -> Result<u32, Corrupt> {
        u32::try_from(self.varint()?).map_err(|_| Corrupt("number above 32 bits"))
    }

    /// A count of things that take at least one byte each: never more than the bytes left, so
    /// allocating for it is bounded by what was read.
    pub(crate) fn count(&mut self) -> Result<usize, Corrupt> {
        let count = self.varint()?;
        if count > self.bytes.len() as u64 {
            return Err(Corrupt("count beyond the bytes left"));
        }
        Ok(count as usize)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Corrupt> {
        let length = self.count()?;
        self.take(length)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Corrupt> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Corrupt("name is not UTF-8"))
    }

    pub(crate) fn end(&self) -> Result<(), Corrupt> {
        if self.bytes.is_empty() {
            Ok(())
        } else {
            Err(Corrupt("bytes left over"))
        }
    }
}
