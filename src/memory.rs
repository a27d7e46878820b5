//! The allocator of the program: mimalloc, that gives memory back soon.
//!
//! Queries and merges allocate and free a great many small things on several threads. What was freed
//! goes back to the system after [`PURGE_DELAY_MS`]: kept for the second that is usual, it makes roles at
//! full speed twice as large.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc 3's `mi_option_t`.
const PURGE_DELAY_OPTION: i32 = 15;

/// How long freed memory is kept for what is allocated next, milliseconds.
const PURGE_DELAY_MS: std::ffi::c_long = 10;

/// To be called first thing.
#[allow(unsafe_code, reason = "mimalloc's options are set by a C function")]
pub(crate) fn set_up() {
    // SAFETY: it writes a number into a table of the allocator's, of which the index is checked there, and
    // no other thread has been started that could read it meanwhile.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY_OPTION, PURGE_DELAY_MS) }
}
