//! What the benches share: the published jobs, and what Criterion has measured, as tables.

#![allow(dead_code, reason = "each bench uses a part of it")]

pub mod estimates;

use std::time::Duration;

use criterion::Criterion;
use estimates::Estimate;
use gemmnist::recipes;
use gemmnist::train::{Draft, TrainConfig, TrainSettings};

/// What the authors of 784-128-10 report for an epoch, learning one image at a time.
pub const PAPER_EPOCH_SECONDS: f64 = 65.15;
/// Images in an epoch of MNIST.
pub const IMAGES: usize = 60_000;
/// Side of the square product that shows what the processor can do: 4 MB a matrix is beyond its nearest cache.
pub const PEAK_SIDE: usize = 1024;
/// Groups of the benches that the table of epochs is made of.
pub const EPOCH: &str = "epoch";
pub const PEAK: &str = "peak";

/// Two seconds a measurement, not nine: there are over a hundred. `-- --measurement-time` asks for more.
pub fn brief() -> Criterion {
    let (warm_up, measurement) = (Duration::from_millis(500), Duration::from_millis(1500));
    Criterion::default().warm_up_time(warm_up).measurement_time(measurement).sample_size(30)
}

/// The main job, then the recipes, each for one epoch of all images: by name.
pub fn epochs() -> Vec<(String, TrainConfig)> {
    let main = TrainSettings { epochs: 1, ..TrainSettings::default() }.check().expect("the defaults");
    let recipe = |family: recipes::Family| {
        let mut draft = Draft::default();
        family.base().overlay(&mut draft);
        let published = draft.finish().expect("a recipe is tested");
        let settings = TrainSettings { epochs: 1, validation: 0, ..(*published).clone() };
        (family.base().name.clone(), settings.check().expect("as published"))
    };
    std::iter::once(("main-job".to_owned(), main)).chain(recipes::built_in().into_iter().map(recipe)).collect()
}

/// Floating-point operations of an epoch that leaves out nothing: `X·W`, `Xᵀ·δ` and, above the first layer, `δ·Wᵀ`.
pub fn dense_operations(config: &TrainConfig) -> f64 {
    let widths: Vec<usize> = [784].into_iter().chain(config.hidden.iter().copied()).chain([10]).collect();
    let weights: Vec<usize> = widths.windows(2).map(|sides| sides[0] * sides[1]).collect();
    (2 * IMAGES * (3 * weights.iter().sum::<usize>() - weights[0])) as f64
}

/// Seconds of an epoch, what that is in images a second and against the paper, and which share of the time is the least
/// that dense products can take at the measured peak. Above 100 %, work was left out.
pub fn epoch_table(estimates: &[Estimate]) -> String {
    let peak = estimates.iter().find(|estimate| estimate.group == PEAK);
    let peak = peak.map(|estimate| 2.0 * (PEAK_SIDE as f64).powi(3) / estimate.median_seconds);
    let mut table = match peak {
        Some(peak) => format!("GEMM peak on all cores: {:.0} GFLOP/s\n\n", peak / 1e9),
        None => String::new(),
    };
    table += &format!(
        "{:<24} {:>10} {:>12} {:>14} {:>12}\n",
        "epoch", "seconds", "images/s", "paper's / ours", "dense floor"
    );
    for (name, config) in epochs() {
        let Some(epoch) = estimates.iter().find(|estimate| estimate.group == EPOCH && estimate.function == name) else {
            continue;
        };
        let seconds = epoch.median_seconds;
        let floor = peak.map_or_else(
            || "-".to_owned(),
            |peak| format!("{:.0} %", 100.0 * dense_operations(&config) / peak / seconds),
        );
        let (rate, ratio) = (IMAGES as f64 / seconds, PAPER_EPOCH_SECONDS / seconds);
        table += &format!("{name:<24} {seconds:>10.4} {rate:>12.0} {ratio:>14.0} {floor:>12}\n");
    }
    table
}
