//! The only code that divides the cores between rayon, the team that shares a training's steps, and BLAS.
//!
//! BLAS has one thread, in each of those that call it: threads of its own would wake up for each product, and fight for the same cores. What it computes in a step is cut into parts for
//! the team, as what vector code computes is (`linalg::products`).

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::linalg::blas;
use crate::linalg::team::{Team, cores};

/// The cores of one run, and who has them when.
#[derive(Debug)]
pub struct Crew {
    pool: rayon::ThreadPool,
    team: Team,
    /// There is a core for each worker.
    has_cores: bool,
}

impl Crew {
    /// `threads` workers (at least 1).
    ///
    /// # Errors
    /// [`Error::Threads`] if the system refuses to start as many.
    pub fn new(threads: usize) -> Result<Self> {
        let pool =
            rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("gemmnist-{i}")).build();
        let pool = pool.map_err(|error| Error::Threads { threads, reason: error.to_string() })?;
        let team = Team::new(threads).map_err(|error| Error::Threads { threads, reason: error.to_string() })?;
        let has_cores = threads <= available();
        Ok(Self { pool, team, has_cores })
    }

    /// Runs `work`, the steps of a training, with all cores for the products of each.
    ///
    /// # Panics
    /// Inside such work, or while another thread does it.
    pub fn steps<R>(&self, work: impl FnOnce() -> R) -> R {
        with_one_blas_thread(|| self.team.lead(work))
    }

    /// Runs `work` with all cores for rayon.
    pub fn side_by_side<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        let work = || {
            if self.has_cores {
                spread();
            }
            work()
        };
        with_one_blas_thread(|| self.pool.install(work))
    }
}

/// Waits until all workers of this pool are awake. Those that wait for long leave their cores, for who is not awake may have been woken on one of them (see [`cores`]); each once.
fn spread() {
    /// To wake a thread takes 5 to 50 µs.
    const LONG: Duration = Duration::from_micros(100);
    let (workers, awake) = (rayon::current_num_threads(), AtomicUsize::new(0));
    rayon::broadcast(|_| {
        awake.fetch_add(1, Ordering::Relaxed);
        let since = Instant::now();
        while awake.load(Ordering::Relaxed) < workers {
            if since.elapsed() > LONG {
                cores::here().map(cores::leave);
                return;
            }
            std::hint::spin_loop();
        }
    });
}

/// Runs `work` with one BLAS thread, in each of those that call it, as many do so at a time: when the last has ended, even by a panic, what was set before the first is restored. OpenBLAS has one number for
/// the whole process.
pub fn with_one_blas_thread<R>(work: impl FnOnce() -> R) -> R {
    /// How many run, and what was set before.
    static RUNNING: Mutex<(usize, usize)> = Mutex::new((0, 0));
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
            running.0 -= 1;
            if running.0 == 0 {
                blas::set_threads(running.1);
            }
        }
    }
    {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        if running.0 == 0 {
            running.1 = blas::threads();
            blas::set_threads(1);
        }
        running.0 += 1;
    }
    let _end = End;
    work()
}

/// Runs `work`, which measures what BLAS does with `threads`, and restores what was set before, even if it panics.
pub fn with_blas_threads<R>(threads: usize, work: impl FnOnce() -> R) -> R {
    struct Restore(usize);
    impl Drop for Restore {
        fn drop(&mut self) {
            blas::set_threads(self.0);
        }
    }
    let _before = Restore(blas::threads());
    blas::set_threads(threads);
    work()
}

/// Cores that this process may use.
pub fn available() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_that_wait_for_each_other_begin() {
        let crew = Crew::new(available()).unwrap();
        assert!(crew.has_cores);
        for _ in 0..100 {
            assert_eq!(crew.side_by_side(rayon::current_num_threads), available());
        }
    }

    #[test]
    fn work_side_by_side_has_the_workers_it_was_given() {
        let crew = Crew::new(3).unwrap();
        assert_eq!(crew.side_by_side(rayon::current_num_threads), 3);
    }
}
