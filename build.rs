//! Looks for OpenBLAS before the linker does, so that a missing one ends in one line and not in a linker's page.

use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs, io};

/// What to do about it; the features are the default ones without `openblas`.
const REMEDY: &str =
    "run scripts/setup.sh, or build without it: cargo build --release --no-default-features --features report";

/// The features that name a BLAS. More than one is refused by `src/lib.rs`, which says so better.
const BLAS_FEATURES: [&str; 5] = ["OPENBLAS", "OPENBLAS_STATIC", "ACCELERATE", "INTEL_MKL", "BLIS"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let asked: Vec<_> = BLAS_FEATURES.into_iter().filter(|name| is_set(&format!("CARGO_FEATURE_{name}"))).collect();
    // Elsewhere (Windows, macOS, another target) openblas-src knows better than we do where to look.
    let linux_like = is_set("CARGO_CFG_UNIX") && env::var("CARGO_CFG_TARGET_VENDOR").as_deref() != Ok("apple");
    if asked != ["OPENBLAS"] || !linux_like || env::var("HOST") != env::var("TARGET") {
        return;
    }
    // As openblas-src looks, but it links what it finds, we only ask. Its variables cause a rerun by themselves.
    if pkg_config::Config::new().cargo_metadata(false).probe("openblas").is_ok() {
        return;
    }
    println!("cargo::rerun-if-env-changed=LIBRARY_PATH");
    match links_with_openblas() {
        Ok(true) => {}
        Ok(false) => println!("cargo::error=OpenBLAS was not found: {REMEDY}"),
        Err(error) => {
            println!("cargo::error=OpenBLAS was not found, and no C compiler to look for it ({error}): {REMEDY}")
        }
    }
}

fn is_set(variable: &str) -> bool {
    env::var_os(variable).is_some()
}

/// Whether the linker finds an OpenBLAS with the C interface that `ndarray` calls.
fn links_with_openblas() -> io::Result<bool> {
    let folder = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    let source = Path::new(&folder).join("openblas.c");
    fs::write(&source, "void cblas_sgemm(void); int main(void) { cblas_sgemm(); return 0; }\n")?; // linked, never run
    let compiler = env::var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    let status = Command::new(compiler)
        .arg(&source)
        .args(["-w", "-lopenblas", "-o"])
        .arg(source.with_extension("out"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    Ok(status.success())
}
