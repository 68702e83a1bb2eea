//! `gemmnist doctor`: which BLAS is this, is it right, how fast is it, are the data here.

use std::io::Write;

use serde_json::json;

use super::Failure;
use super::terminal::{BAD, GOOD};
use crate::data;
use crate::format::{count, thousands};
use crate::linalg::blas;
use crate::linalg::examine::{self, Finding};
use crate::linalg::kernels::Kind;
use crate::threads;

#[derive(clap::Args)]
pub struct Args {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args, out: &mut dyn Write) -> Result<(), Failure> {
    let cores = threads::available();
    let findings = threads::with_one_blas_thread(examine::products);
    // BLAS may have other threads than it is asked for: some have one only.
    let mut peaks: Vec<_> =
        [1, cores].map(|n| threads::with_blas_threads(n, || (blas::threads(), examine::peak()))).to_vec();
    peaks.dedup_by_key(|(threads, _)| *threads);
    let right = findings.iter().all(Finding::is_right);
    if args.json {
        print_json(&findings, &peaks, out)?;
    } else {
        print_text(&findings, &peaks, cores, out)?;
    }
    if right { Ok(()) } else { Err(Failure::WrongProducts { blas: blas::describe().to_string() }) }
}

fn print_text(findings: &[Finding], peaks: &[(usize, f64)], cores: usize, out: &mut dyn Write) -> std::io::Result<()> {
    let blas = blas::describe();
    writeln!(out, "BLAS      {blas}, up to {}", count(blas.threads, "thread"))?;
    writeln!(out, "cores     {cores}; vectors: {}", vector_units().join(" "))?;
    let kind = Kind::of_this_processor();
    let name = kind.name();
    if blas::is_behind() {
        writeln!(out, "kernels   {name}, for all products: this BLAS computes as for a processor from before AVX")?;
        if std::env::var_os("OPENBLAS_CORETYPE").is_none() {
            writeln!(
                out,
                "          OPENBLAS_CORETYPE={} in the environment would let it do better",
                better_core(kind)
            )?;
        }
    } else {
        let [limit, of_pixels] = [kind.limit(), kind.limit_of_pixels()].map(|limit| thousands(limit / 1_000_000));
        write!(out, "kernels   {name}, for products of less than {limit} million operations")?;
        if of_pixels != limit {
            write!(out, " ({of_pixels} million in the first layer)")?;
        }
        writeln!(out, "; BLAS for the others")?;
    }
    for (variable, value) in environment() {
        writeln!(out, "set       {variable}={} in the environment", value.as_str().unwrap_or_default())?;
    }
    writeln!(out, "data      {}", describe_data())?;
    for (threads, gflops) in peaks {
        writeln!(out, "peak      {gflops:.0} GFLOP/s on {}", count(*threads, "thread"))?;
    }
    writeln!(out, "\n{:<20}{:>12}{:>12}{:>10}  against a naive loop", "product", "µs", "GFLOP/s", "error")?;
    for finding @ Finding { name, error, microseconds, gflops } in findings {
        let (style, verdict) = if finding.is_right() { (GOOD, "right") } else { (BAD, "WRONG") };
        writeln!(out, "{name:<20}{microseconds:>12.1}{gflops:>12.0}{error:>10.0e}  {style}{verdict}{style:#}")?;
    }
    Ok(())
}

/// The kernel of OpenBLAS with the vectors of this processor.
fn better_core(kind: Kind) -> &'static str {
    if kind == Kind::Avx512 { "SkylakeX" } else { "Haswell" }
}

fn print_json(findings: &[Finding], peaks: &[(usize, f64)], out: &mut dyn Write) -> std::io::Result<()> {
    let blas = blas::describe();
    let products = findings.iter().map(|finding| {
        json!({
            "name": finding.name,
            "relative_error": finding.error,
            "right": finding.is_right(),
            "microseconds": finding.microseconds,
            "gflops": finding.gflops,
        })
    });
    let object = json!({
        "blas": {
            "name": blas.name,
            "version": blas.version,
            "kernel": blas.kernel,
            "threads": blas.threads,
            "is_behind": blas::is_behind(),
        },
        "cores": threads::available(),
        "vectors": vector_units(),
        "kernels": Kind::of_this_processor().name(),
        "environment": environment().collect::<serde_json::Map<_, _>>(),
        "data": describe_data(),
        "products": products.collect::<Vec<_>>(),
        "peak": peaks.iter().map(|(threads, gflops)| json!({ "threads": threads, "gflops": gflops })).collect::<Vec<_>>(),
    });
    writeln!(out, "{object}")
}

fn describe_data() -> String {
    match data::load("mnist") {
        Ok(splits) => {
            format!(
                "mnist: {} training and {} test images",
                thousands(splits.train.len()),
                thousands(splits.test.len())
            )
        }
        Err(error) => error.to_string(),
    }
}

/// The variables that change what BLAS does.
fn environment() -> impl Iterator<Item = (String, serde_json::Value)> {
    let variables = ["OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "GOTO_NUM_THREADS"];
    variables.into_iter().filter_map(|variable| Some((variable.to_owned(), std::env::var(variable).ok()?.into())))
}

fn vector_units() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    {
        let units = [
            ("AVX2", is_x86_feature_detected!("avx2")),
            ("FMA", is_x86_feature_detected!("fma")),
            ("AVX-512", is_x86_feature_detected!("avx512f")),
        ];
        units.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
    }
    #[cfg(not(target_arch = "x86_64"))]
    vec![std::env::consts::ARCH]
}
