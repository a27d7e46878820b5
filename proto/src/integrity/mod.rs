//! Tamper evidence, the part without files: hashes, trees, proofs, salts and signed notes.
//!
//! A record is a leaf; the leaves of a published split are a tree; the roots of all trees, and what
//! became of them, are the leaves of one log; the root of the log is signed as a checkpoint. So
//! whoever holds a checkpoint holds everything before it. What is hashed, byte for byte:
//! docs/integrity.md.
//!
//! | module | what | source |
//! |---|---|---|
//! | [`hash`] | SHA-256 with prefixes for leaves and nodes | RFC 9162, 2.1.1 |
//! | [`tree`] | roots, proofs of inclusion and of consistency | RFC 9162, 2.1.2–2.1.4 |
//! | [`salt`] | salts of leaves from one seed a page, punctured by erasure | Goldreich, Goldwasser, Micali 1986 |
//! | [`record`] | a record as bytes, and its leaf | ours |
//! | [`note`] | signed notes, Ed25519 | C2SP signed-note |
//! | [`checkpoint`] | what a note says of a log | C2SP tlog-checkpoint |
//!
//! Everything that is read here comes from outside: nothing panics, and nothing is allocated beyond
//! what was read.

pub mod checkpoint;
pub mod hash;
pub mod note;
pub mod record;
pub mod salt;
pub mod tree;

#[cfg(test)]
mod tests;

pub use checkpoint::Checkpoint;
pub use hash::Hash;
pub use note::{Note, NoteError, NoteKey, NoteSigner};
pub use record::{Context, Leaf, RecordPlace};
pub use salt::{Salt, SaltNode, Salts};
pub use tree::Frontier;
