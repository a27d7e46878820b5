//! The allocator of the program: the system's, with as many arenas as there are cores.
//!
//! glibc gives threads up to eight arenas a core, and what was freed in one is of no use to the others.
//! Ours are many threads of which few work at a time, so that makes a role a third larger for nothing:
//! by as many arenas as cores a store that merges takes 265 MB instead of 342, at the same speed.
//! (mimalloc, which gives memory back soon if told to, takes as little and a tenth to a fifth more CPU.)

/// To be called first thing.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "the allocator's limits are set by a C function")]
pub(crate) fn set_up() {
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let arenas = std::ffi::c_int::try_from(cores.max(2)).unwrap_or(std::ffi::c_int::MAX);
    // SAFETY: mallopt takes two numbers and keeps one; no other thread has been started that could
    // allocate meanwhile. What it does not know it refuses, and then the default holds.
    _ = unsafe { libc::mallopt(libc::M_ARENA_MAX, arenas) };
}

/// Other systems' allocators are left as they are.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn set_up() {}
