//! Measures nothing: prints what the other benches of this build have measured. `cargo bench` ends with it, as it runs them in
//! the order of their names.

mod common;

use common::estimates::{Estimate, of_this_build};

/// A row of the table: the median, the interval that it is in with 95 % confidence, and what that is a second.
fn row(estimate: &Estimate) -> String {
    let (name, (low, high)) = (format!("{}/{}", estimate.group, estimate.function), estimate.interval_seconds);
    let rate = estimate.elements.map_or_else(String::new, |elements| scaled(elements / estimate.median_seconds));
    format!(
        "{name:<44} {:>12.2} {:>26} {rate:>10}",
        estimate.median_seconds * 1e6,
        format!("{:.2} to {:.2}", low * 1e6, high * 1e6)
    )
}

/// Three figures and a unit: 1.23 G.
fn scaled(value: f64) -> String {
    let units = [(1e9, "G"), (1e6, "M"), (1e3, "k")];
    let (unit, letter) = units.into_iter().find(|(unit, _)| value >= *unit).unwrap_or((1.0, " "));
    format!("{:.2} {letter}", value / unit)
}

fn main() {
    let estimates = of_this_build();
    if estimates.is_empty() {
        println!("Nothing was measured by this build: cargo bench");
        return;
    }
    println!("\n{:<44} {:>12} {:>26} {:>10}", "what", "median, µs", "95 % interval, µs", "a second");
    estimates.iter().for_each(|estimate| println!("{}", row(estimate)));
    println!(
        "\na second: images; of products and peak, floating-point operations\n\n{}",
        common::epoch_table(&estimates)
    );
}
