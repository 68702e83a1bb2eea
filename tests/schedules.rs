//! Every learning-rate schedule against PyTorch's, step by step; `scripts/golden_schedules.py` wrote what is expected.

use gemmnist::optim::{Schedule, ScheduleName};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    /// Of each epoch, as many as the longest case has.
    losses: Vec<f64>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    schedule: ScheduleName,
    learning_rate: f64,
    warmup: u64,
    every: usize,
    factor: f64,
    epochs: usize,
    steps_an_epoch: usize,
    rates: Vec<f64>,
}

fn golden() -> Golden {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/schedules.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// f64 on both sides; PyTorch multiplies its way from step to step, and each product rounds.
const TOLERANCE: f64 = 1e-12;

#[test]
fn every_schedule_has_the_rates_of_pytorch_at_every_step() {
    let Golden { losses, cases } = golden();
    for case in &cases {
        let Case { schedule: name, learning_rate, warmup, every, factor, epochs, steps_an_epoch, .. } = *case;
        let schedule = Schedule { name, learning_rate, warmup, every, factor, steps: (epochs * steps_an_epoch) as u64 };
        assert_eq!(case.rates.len(), epochs * steps_an_epoch, "{schedule:?}");
        for (epoch, expected) in case.rates.chunks(steps_an_epoch).enumerate() {
            let level = schedule.level(&losses[..epoch]);
            for (in_epoch, expected) in expected.iter().enumerate() {
                let found = schedule.rate(level, (epoch * steps_an_epoch + in_epoch) as u64);
                let distance = (found / expected - 1.0).abs();
                assert!(distance < TOLERANCE, "{schedule:?}, epoch {epoch}, step {in_epoch}: {found} {expected}");
            }
        }
    }
}

/// Or a mistake in one would not show.
#[test]
fn the_expected_rates_meet_every_schedule_with_and_without_a_warm_up_and_change_in_all_but_one() {
    let cases = golden().cases;
    for &name in ScheduleName::ALL {
        let of_it: Vec<_> = cases.iter().filter(|case| case.schedule == name).collect();
        assert!(of_it.iter().any(|case| case.warmup == 0) && of_it.iter().any(|case| case.warmup > 0), "{name}");
        let changes = of_it.iter().any(|case| case.warmup == 0 && case.rates.iter().any(|rate| *rate != case.rates[0]));
        assert_eq!(changes, name != ScheduleName::Constant, "{name}");
    }
}

/// The main job must be what it was before there were schedules.
#[test]
fn a_constant_schedule_is_its_learning_rate_to_the_last_bit() {
    let schedule = Schedule {
        name: ScheduleName::Constant,
        learning_rate: 0.1 + 0.2,
        warmup: 0,
        every: 10,
        factor: 0.1,
        steps: 1000,
    };
    for step in 0..1000 {
        assert_eq!(schedule.rate(schedule.level(&vec![1.0; step]), step as u64).to_bits(), (0.1_f64 + 0.2).to_bits());
    }
}
