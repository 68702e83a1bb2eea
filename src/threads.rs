//! The only code that divides the cores between BLAS and rayon.
//!
//! BLAS has one thread, in each of those that call it: threads of its own would fight with theirs for the same cores. The products of a training step are cut into parts for the
//! threads of a team, by whoever they are computed, and rayon divides the rest. Only where there are more threads than a team has does BLAS divide large products itself.

use std::num::NonZero;

use crate::error::{Error, Result};
use crate::linalg::blas;
use crate::linalg::team::{MOST_PARTS, Team};

/// Below this many floating-point operations a product that BLAS divides is faster on one thread: docs/MEASUREMENTS.md, "When a product is
/// worth two threads".
const WORTH_DIVIDING: usize = 20_000_000;

/// The cores of one run, and who has them when.
#[derive(Debug)]
pub struct Crew {
    pool: rayon::ThreadPool,
    team: Team,
    blas_threads: usize,
}

impl Crew {
    /// `threads` workers (at least 1) for a network whose largest product in a step takes `largest_product` floating-
    /// point operations.
    ///
    /// # Errors
    /// [`Error::Threads`] if the system refuses to start as many.
    pub fn new(threads: usize, largest_product: usize) -> Result<Self> {
        let pool =
            rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("gemmnist-{i}")).build();
        let pool = pool.map_err(|error| Error::Threads { threads, reason: error.to_string() })?;
        let team = Team::new(threads).map_err(|error| Error::Threads { threads, reason: error.to_string() })?;
        Ok(Self { pool, team, blas_threads: threads_of_blas(largest_product, threads) })
    }

    /// Threads that BLAS has for a product of a step, or for its part of one.
    pub fn blas_threads(&self) -> usize {
        self.blas_threads
    }

    /// Runs `work`, the steps of a training, with all cores for the products of each.
    ///
    /// # Panics
    /// Inside such work, or while another thread does it.
    pub fn steps<R>(&self, work: impl FnOnce() -> R) -> R {
        with_blas_threads(self.blas_threads, || self.team.lead(work))
    }

    /// Runs `work` with all cores for rayon, and one BLAS thread in each.
    pub fn side_by_side<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        with_blas_threads(1, || self.pool.install(work))
    }
}

/// Of `threads`, how many BLAS has for the products of a training whose largest takes `largest_product` floating-point operations: one, unless a team has not as many.
pub fn threads_of_blas(largest_product: usize, threads: usize) -> usize {
    if threads > MOST_PARTS && largest_product >= WORTH_DIVIDING { threads } else { 1 }
}

/// Runs `work` with `threads` BLAS threads, and restores what was set before, even if it panics.
///
/// OpenBLAS has one number for the whole process: two trainings side by side in one process share it, and the products of
/// large networks may then be divided otherwise than alone.
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
    fn work_side_by_side_has_the_workers_it_was_given() {
        let crew = Crew::new(3, 0).unwrap();
        assert_eq!(crew.side_by_side(rayon::current_num_threads), 3);
    }
}
