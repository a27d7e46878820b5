//! Giving memory back to the system.

/// Gives back what the allocator keeps of memory that was freed. A flush and a merge use a lot for a
/// short time, on threads of their own, and glibc keeps it for each thread apart.
pub(super) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        #[allow(unsafe_code, reason = "the standard library has no call for it")]
        mod glibc {
            unsafe extern "C" {
                // SAFETY: as malloc.h declares it. It may be called at any time, from any thread.
                pub(super) safe fn malloc_trim(pad: usize) -> i32;
            }
        }
        // It says whether there was anything to give back: nothing hangs on it.
        let _had_some = glibc::malloc_trim(0);
    }
}
