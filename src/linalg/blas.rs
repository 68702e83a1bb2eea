//! Which BLAS is linked, and how many threads it may use. The only foreign calls outside `ndarray`.

use std::sync::OnceLock;

/// The BLAS behind [`gemm`](super::gemm), as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blas {
    /// Library: `OpenBLAS`, `BLIS`, ... or `matrixmultiply` where no BLAS is linked.
    pub name: &'static str,
    /// Version, where the library tells.
    pub version: Option<String>,
    /// The processor kind whose kernels it chose, where the library tells.
    pub kernel: Option<String>,
    /// Threads a product may use now.
    pub threads: usize,
}

impl std::fmt::Display for Blas {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)?;
        if let Some(version) = &self.version {
            write!(f, " {version}")?;
        }
        if let Some(kernel) = &self.kernel {
            write!(f, " ({kernel})")?;
        }
        Ok(())
    }
}

#[cfg(any(feature = "openblas", feature = "openblas-static"))]
#[expect(unsafe_code, reason = "OpenBLAS is a C library")]
mod library {
    use std::ffi::{CStr, c_char, c_int};

    unsafe extern "C" {
        fn openblas_get_config() -> *const c_char;
        fn openblas_get_corename() -> *const c_char;
        fn openblas_get_num_threads() -> c_int;
        fn openblas_set_num_threads(threads: c_int);
    }

    pub fn describe() -> super::Blas {
        // SAFETY: both return a pointer to a NUL-terminated string that OpenBLAS never frees or changes.
        let (config, kernel) =
            unsafe { (CStr::from_ptr(openblas_get_config()), CStr::from_ptr(openblas_get_corename())) };
        let config = config.to_string_lossy();
        let version = config.split_whitespace().nth(1).map(str::to_owned); // "OpenBLAS 0.3.21 NO_LAPACKE ..."
        super::Blas {
            name: "OpenBLAS",
            version,
            kernel: Some(kernel.to_string_lossy().into_owned()),
            threads: threads(),
        }
    }

    pub fn threads() -> usize {
        // SAFETY: reads one global integer.
        let threads = unsafe { openblas_get_num_threads() };
        usize::try_from(threads).unwrap_or(1)
    }

    pub fn set_threads(threads: usize) {
        // SAFETY: any positive count is allowed; OpenBLAS caps it, and starts further threads under a lock of its own.
        unsafe { openblas_set_num_threads(c_int::try_from(threads).unwrap_or(c_int::MAX)) }
    }
}

#[cfg(not(any(feature = "openblas", feature = "openblas-static")))]
mod library {
    const NAME: &str = if cfg!(feature = "accelerate") {
        "Accelerate"
    } else if cfg!(feature = "intel-mkl") {
        "Intel MKL (sequential)"
    } else if cfg!(feature = "blis") {
        "BLIS"
    } else {
        "matrixmultiply (pure Rust)"
    };

    pub fn describe() -> super::Blas {
        super::Blas { name: NAME, version: None, kernel: None, threads: threads() }
    }

    /// These are linked sequential, or divide the cores by themselves.
    pub fn threads() -> usize {
        1
    }

    pub fn set_threads(_threads: usize) {}
}

/// What is linked, and how it is set now.
pub fn describe() -> Blas {
    library::describe()
}

/// Whether the library computes with a kernel for a processor from before AVX, though this one has AVX2: OpenBLAS 0.3.21 does so on Intel's of 2023 and later, which
/// it does not know. It is five times slower then. Found out once.
pub fn is_behind() -> bool {
    static IS_BEHIND: OnceLock<bool> = OnceLock::new();
    *IS_BEHIND.get_or_init(|| has_avx2() && describe().kernel.is_some_and(|kernel| is_before_avx(&kernel)))
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx2() -> bool {
    false
}

/// By the names that OpenBLAS gives its kernels.
fn is_before_avx(kernel: &str) -> bool {
    const BEFORE: [&str; 15] = [
        "Katmai",
        "Coppermine",
        "Northwood",
        "Banias",
        "Prescott",
        "Core2",
        "Penryn",
        "Dunnington",
        "Nehalem",
        "Atom",
        "Athlon",
        "Opteron",
        "Opteron_SSE3",
        "Barcelona",
        "Bobcat",
    ];
    BEFORE.iter().any(|name| name.eq_ignore_ascii_case(kernel))
}

/// Threads that a product may use now.
pub fn threads() -> usize {
    library::threads()
}

/// Lets each product that starts from now on use `threads` threads. One value for the whole process, so only
/// [`threads`](crate::threads) calls it.
pub(crate) fn set_threads(threads: usize) {
    library::set_threads(threads);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_from_before_avx_are_known_by_name() {
        assert!(["Prescott", "prescott", "Nehalem", "Core2"].into_iter().all(is_before_avx));
        assert!(
            !["Haswell", "SkylakeX", "Cooperlake", "Sapphirerapids", "Zen", "Sandybridge"]
                .into_iter()
                .any(is_before_avx)
        );
    }
}
