//! Signals that ask a training to end: it finishes its step, saves itself and says how to go on. The second one ends the
//! process at once.

use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Ctrl-C, and what a scheduler or a shutdown sends; and that the terminal was closed.
#[cfg(unix)]
const SIGNALS: [i32; 3] = [SIGINT, SIGTERM, signal_hook::consts::SIGHUP];
#[cfg(not(unix))]
const SIGNALS: [i32; 2] = [SIGINT, SIGTERM];

/// From now on, signals are noted: the number of the last one, 0 before the first.
pub fn listen() -> Arc<AtomicUsize> {
    static NOTED: OnceLock<Arc<AtomicUsize>> = OnceLock::new();
    let register = || {
        let (noted, is_second) = (Arc::default(), Arc::default());
        for signal in SIGNALS.into_iter().filter(|signal| !is_ignored(*signal)) {
            // Where a signal cannot be caught, it ends the process as ever.
            let _ = catch(signal, &noted, &is_second);
        }
        noted
    };
    NOTED.get_or_init(register).clone()
}

/// In this order: the first signal arms the second. Two that two threads take at the same instant may each find itself the first; then the
/// third ends the process.
fn catch(signal: i32, noted: &Arc<AtomicUsize>, is_second: &Arc<AtomicBool>) -> std::io::Result<()> {
    flag::register_conditional_shutdown(signal, 128 + signal, is_second.clone())?;
    flag::register(signal, is_second.clone())?;
    flag::register_usize(signal, noted.clone(), signal as usize)?;
    Ok(())
}

/// Whether the process was started to ignore `signal`, as `nohup` and a shell's `&` ask for; Linux tells.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}
