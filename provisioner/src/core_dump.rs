//! A crash leaves no image of the memory behind, in which there are secrets.

/// Forbids core dumps of this process, whatever the limits it was started with. On Linux that goes for crash reporters
/// that the kernel hands a dump to as well, for which it asks no limit
/// (<https://man7.org/linux/man-pages/man5/core.5.html>), and its environment can be read by root alone.
///
/// Where it is not possible nothing is said: nobody who could do something about it would be told by a crash.
pub fn forbid() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}
