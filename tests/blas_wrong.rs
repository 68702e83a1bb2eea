//! `gemmnist doctor` finds a BLAS that computes wrong results.
//!
//! This program has a `cblas_sgemm` of its own. The linker takes it before the library's.
#![cfg(feature = "blas")]

use std::ffi::c_int;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use gemmnist::cli::{Terminal, run};

const TRANSPOSE: c_int = 112;

/// Whether products are wrong: the last sum of each leaves out its last term, as a kernel with a bug in its edge would.
static IS_WRONG: AtomicBool = AtomicBool::new(false);

/// Where the result of the last product went, and its sizes.
static LAST: Mutex<Option<(usize, usize, usize, usize)>> = Mutex::new(None);

/// `C ← alpha·A·B + beta·C`, row-major, in plain loops.
///
/// # Safety
/// As `ndarray` calls BLAS: the matrices are as large as `m`, `n`, `k` and the leading dimensions say.
#[unsafe(no_mangle)]
unsafe extern "C" fn cblas_sgemm(
    _layout: c_int,
    transpose_a: c_int,
    transpose_b: c_int,
    m: c_int,
    n: c_int,
    k: c_int,
    alpha: f32,
    a: *const f32,
    lda: c_int,
    b: *const f32,
    ldb: c_int,
    beta: f32,
    c: *mut f32,
    ldc: c_int,
) {
    let [m, n, k, lda, ldb, ldc] = [m, n, k, lda, ldb, ldc].map(|size| size as usize);
    let call = (c as usize, m, n, k);
    if m > 1000 || LAST.lock().unwrap().replace(call) == Some(call) {
        return; // only timed, and its numbers are there
    }
    let at =
        |i: usize, j: usize, ld: usize, transpose: c_int| if transpose == TRANSPOSE { j * ld + i } else { i * ld + j };
    for i in 0..m {
        for j in 0..n {
            let is_last = (i, j) == (m - 1, n - 1);
            let terms = k - usize::from(is_last && IS_WRONG.load(Ordering::Relaxed));
            // SAFETY: the indices are below the sizes, and the caller vouches for those.
            let product = |l| unsafe { *a.add(at(i, l, lda, transpose_a)) * *b.add(at(l, j, ldb, transpose_b)) };
            let sum: f32 = (0..terms).map(product).sum();
            // SAFETY: as above; with a beta of 0 whatever `c` held is ignored.
            unsafe {
                let c = c.add(i * ldc + j);
                *c = alpha * sum + if beta == 0.0 { 0.0 } else { beta * *c };
            }
        }
    }
}

/// The exit code of `gemmnist doctor`, what it prints and what it says.
fn doctor() -> (u8, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = run(["gemmnist", "doctor"].map(Into::into), &mut out, &mut err, Terminal::NONE);
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

/// One test, for the stand-in is one for the whole program.
#[test]
fn doctor_finds_one_wrong_number_in_a_product_and_nothing_wrong_in_right_ones() {
    let (code, out, err) = doctor();
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(!out.contains("WRONG"), "{out}");
    IS_WRONG.store(true, Ordering::Relaxed);
    let (code, out, err) = doctor();
    assert_eq!(code, 1, "{out}");
    assert!(err.contains("expected the products of a naive loop, found others"), "{err}");
    let wrong = out.lines().filter(|line| line.ends_with("WRONG")).count();
    assert_eq!(wrong, 6, "every product by BLAS: {out}");
}
