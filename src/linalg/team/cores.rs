//! The core that a thread runs on.
//!
//! A system that is asked to wake a thread looks for an idle core, but not always: Linux does not while all were busy shortly before, and then a member runs on its leader's core, for up to 0.07 s, until the system
//! sees that another is idle.

/// The one that this thread runs on just now, by the system's number; none where it does not tell.
pub fn here() -> Option<usize> {
    #[cfg(target_os = "linux")]
    return Some(rustix::thread::sched_getcpu());
    #[cfg(not(target_os = "linux"))]
    None
}

/// Moves this thread to another core, whichever the system takes, if it runs on `core` and may run elsewhere; after that it may run where it might when this was called. Returns whether it did: not, either, if the system refuses the one or the other.
#[cfg(target_os = "linux")]
pub fn leave(core: usize) -> bool {
    use rustix::thread::{sched_getaffinity, sched_setaffinity};

    if here() != Some(core) {
        return false;
    }
    let Ok(all) = sched_getaffinity(None) else { return false };
    let mut others = all;
    others.unset(core);
    // At once: on return it runs elsewhere.
    let is_elsewhere = others.count() > 0 && sched_setaffinity(None, &others).is_ok();
    is_elsewhere && sched_setaffinity(None, &all).is_ok()
}

/// No other system is asked.
#[cfg(not(target_os = "linux"))]
pub fn leave(_core: usize) -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    #[test]
    fn a_thread_leaves_a_core_and_may_come_back() {
        let all = sched_getaffinity(None).unwrap();
        let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| all.is_set(core));
        let (first, is_alone) = (cores.next().unwrap(), cores.next().is_none());
        let mut only = CpuSet::new();
        only.set(first);
        sched_setaffinity(None, &only).unwrap();
        assert_eq!(here(), Some(first));
        assert!(!leave(first), "there is no other");
        assert!(!leave(first + 1), "it is not there");
        sched_setaffinity(None, &all).unwrap();
        sched_setaffinity(None, &only).and_then(|()| sched_setaffinity(None, &all)).unwrap(); // still there, most likely
        // The system may have moved it meanwhile: then there is nothing to leave.
        let (was_there, has_left) = (here() == Some(first), leave(first));
        assert!(!(has_left && is_alone));
        assert!(has_left || is_alone || !was_there || here() != Some(first));
        assert_eq!(sched_getaffinity(None).unwrap(), all);
    }
}
