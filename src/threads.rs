//! The only code that divides the cores between BLAS and rayon.
//!
//! Two rules, from measurement: threads inside BLAS lose on products below some 10 MFLOP, where waking them costs more
//! than they save; and BLAS threads under rayon threads fight for the same cores. So a training step gives its products
//! all the cores or one, by the size of its largest product; while rayon works, BLAS has one thread in each.

use std::num::NonZero;

use crate::linalg::blas;

/// Below this many floating-point operations a product is faster on one thread (measured with OpenBLAS 0.3.21 on two
/// cores of a Zen 4: even at 10 MFLOP, 1.9 times faster at 160).
const WORTH_DIVIDING: usize = 20_000_000;

/// The cores of one run, and who has them when.
#[derive(Debug)]
pub struct Crew {
    pool: rayon::ThreadPool,
    blas_threads: usize,
}

impl Crew {
    /// `threads` workers (at least 1) for a network whose largest product in a step takes `largest_product` floating-
    /// point operations.
    ///
    /// # Panics
    /// If the system refuses to start a thread.
    pub fn new(threads: usize, largest_product: usize) -> Self {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("gemmnist-{i}"))
            .build()
            .expect("the system starts threads");
        let crew = Self { pool, blas_threads: if largest_product >= WORTH_DIVIDING { threads } else { 1 } };
        blas::set_threads(crew.blas_threads);
        crew
    }

    /// Workers that share an evaluation.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Runs `work` with all cores for rayon and one BLAS thread in each; gives BLAS its share back afterwards.
    pub fn side_by_side<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        blas::set_threads(1);
        let result = self.pool.install(work);
        blas::set_threads(self.blas_threads);
        result
    }
}

/// Runs `work` with `threads` BLAS threads, and restores what was set before: for measurements.
pub fn with_blas_threads<R>(threads: usize, work: impl FnOnce() -> R) -> R {
    let before = blas::threads();
    blas::set_threads(threads);
    let result = work();
    blas::set_threads(before);
    result
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
        let crew = Crew::new(3, 0);
        assert_eq!(crew.side_by_side(rayon::current_num_threads), 3);
    }

    #[cfg(any(feature = "openblas", feature = "openblas-static"))]
    #[test]
    fn blas_has_one_thread_beside_rayon_and_the_cores_only_for_large_products() {
        for (largest_product, expected) in [(1_000_000, 1), (160_000_000, 2)] {
            let crew = Crew::new(2, largest_product);
            assert_eq!(blas::threads(), expected);
            assert_eq!(crew.side_by_side(blas::threads), 1);
            assert_eq!(blas::threads(), expected);
        }
        blas::set_threads(1);
    }
}
