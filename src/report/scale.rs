//! Axes: where a value stands, and at which values a reader looks.

/// How values become places on an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scale {
    /// From `lo` to `hi`, with a tick at every multiple of `step`.
    Linear { lo: f64, hi: f64, step: Round },
    /// Between two round values, both above 0.
    Log { lo: Round, hi: Round },
}

/// A value that is marked on an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub value: f64,
    /// `None`: a line between two that have a label.
    pub label: Option<String>,
}

/// Losses this many times apart do not show on one linear axis.
const WORTH_A_LOG: f64 = 100.0;
/// Runs of which one has so many times the epochs of another do not show on one linear axis.
const EPOCHS_WORTH_A_LOG: usize = 10;
/// Steps on a linear axis, about.
const STEPS: f64 = 5.0;
/// Epochs that still have a tick each.
const EPOCHS_WITH_TICKS: usize = 12;
/// What values differ by less than this share of themselves shows as one level line, not as mountains.
const LEVEL: f64 = 0.002;

impl Scale {
    /// For the epochs 1 to `last`.
    pub fn epochs(last: usize) -> Self {
        let end = last.max(1) as f64;
        if last <= EPOCHS_WITH_TICKS {
            return Self::Linear { lo: 0.5, hi: end + 0.5, step: Round { digit: 1, exponent: 0 } };
        }
        Self::Linear { lo: 0.0, hi: end * 1.02, step: Round::at_least(end / STEPS) }
    }

    /// For runs of so many epochs: logarithmic if the shortest would else not be seen beside the longest.
    pub fn epochs_of(runs: impl Iterator<Item = usize> + Clone) -> Self {
        let (shortest, longest) = (runs.clone().min().unwrap_or(1).max(2), runs.max().unwrap_or(1));
        if longest / shortest < EPOCHS_WORTH_A_LOG {
            return Self::epochs(longest);
        }
        Self::Log { lo: Round { digit: 1, exponent: 0 }, hi: Round::at_least(longest as f64) }
    }

    /// For learning rates that were tried: logarithmic.
    pub fn rates(values: impl IntoIterator<Item = f64>) -> Self {
        let (lo, hi) = span(values).filter(|(lo, hi)| *lo > 0.0 && lo < hi).unwrap_or((0.1, 1.0));
        Self::Log { lo: Round::at_most(lo), hi: Round::at_least(hi) }
    }

    /// For values above 0 that are seen beside 0, such as a learning rate that falls to it.
    pub fn from_zero(values: impl IntoIterator<Item = f64>) -> Self {
        Self::linear(0.0, span(values).map_or(1.0, |(_, hi)| hi))
    }

    /// For losses: logarithmic where they span orders of magnitude, and else from 0 on, unless that left most of the axis
    /// empty.
    pub fn losses(values: impl IntoIterator<Item = f64>) -> Self {
        let (lo, hi) = span(values).unwrap_or((0.0, 1.0));
        if lo > 0.0 && hi / lo >= WORTH_A_LOG {
            return Self::Log { lo: Round::at_most(lo), hi: Round::at_least(hi) };
        }
        Self::linear(if (0.0..=hi * 0.6).contains(&lo) { 0.0 } else { lo }, hi)
    }

    /// For shares in percent: never beyond 0 and 100.
    pub fn percents(values: impl IntoIterator<Item = f64>) -> Self {
        let (lo, hi) = span(values).unwrap_or((0.0, 100.0));
        match Self::linear(lo, hi) {
            Self::Linear { lo, hi, step } => Self::Linear { lo: lo.max(0.0), hi: hi.min(100.0), step },
            log => log,
        }
    }

    /// From a tick at or below `lo` to a tick at or above `hi`.
    fn linear(lo: f64, hi: f64) -> Self {
        let least = if hi.abs() < TINY { 1.0 } else { hi.abs() * LEVEL };
        let missing = (least - (hi - lo)).max(0.0);
        let (lo, hi) = (lo - missing / 2.0, hi + missing / 2.0);
        let step = Round::at_least((hi - lo) / STEPS);
        Self::Linear { lo: step.times(floor(lo / step.value())), hi: step.times(ceil(hi / step.value())), step }
    }

    /// Where `value` stands, the start of the axis being 0 and its end 1.
    pub fn place(&self, value: f64) -> f64 {
        match self {
            Self::Linear { lo, hi, .. } => (value - lo) / (hi - lo),
            Self::Log { lo, hi } => (value.log10() - lo.log10()) / (hi.log10() - lo.log10()),
        }
    }

    /// From the start of the axis to its end.
    pub fn ticks(&self) -> Vec<Tick> {
        match self {
            Self::Linear { lo, hi, step } => {
                let numbers = ceil(lo / step.value()) as i64..=floor(hi / step.value()) as i64;
                let tick = |number| step.times(number as f64);
                numbers.map(|number| Tick { value: tick(number), label: Some(step.label(tick(number))) }).collect()
            }
            Self::Log { lo, hi } => log_ticks(*lo, *hi),
        }
    }
}

/// Labels at every 1, 2 and 5 over two powers of ten, at every power of ten over seven, and then at every second, ...
fn log_ticks(lo: Round, hi: Round) -> Vec<Tick> {
    let decades = hi.log10() - lo.log10();
    let stride = (decades / 7.0).ceil() as i32;
    let shown = |round: Round| match round.digit {
        1 => round.exponent.rem_euclid(stride) == 0,
        2 | 5 => decades <= 2.4,
        _ => false,
    };
    let digits = |exponent| (1..=9).map(move |digit| Round { digit, exponent });
    let inside = |round: &Round| (lo.log10()..=hi.log10()).contains(&round.log10());
    let lined = |round: &Round| round.digit == 1 || decades <= 4.0;
    let rounds = (lo.exponent..=hi.exponent).flat_map(digits).filter(|round| inside(round) && lined(round));
    rounds.map(|round| Tick { value: round.value(), label: shown(round).then(|| round.power_label()) }).collect()
}

/// A number of one digit: `digit · 10^exponent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Round {
    digit: i32,
    exponent: i32,
}

impl Round {
    /// The digits that divide ten, and so stay round when they are added up.
    const DIGITS: [i32; 3] = [1, 2, 5];

    /// The next one from `value` on upwards.
    fn at_least(value: f64) -> Self {
        let exponent = exponent_of(value);
        let here = Self::DIGITS.map(|digit| Self { digit, exponent });
        let next = Self { digit: 1, exponent: exponent + 1 };
        here.into_iter().find(|round| round.value() >= value * (1.0 - CLOSE)).unwrap_or(next)
    }

    /// The next one from `value` on downwards.
    fn at_most(value: f64) -> Self {
        let exponent = exponent_of(value);
        let here = Self::DIGITS.map(|digit| Self { digit, exponent });
        let below = Self { digit: 5, exponent: exponent - 1 };
        here.into_iter().rev().find(|round| round.value() <= value * (1.0 + CLOSE)).unwrap_or(below)
    }

    fn value(self) -> f64 {
        self.times(1.0)
    }

    /// Divides by a power of ten where it could multiply by a fraction: 3 · 0.1 is not 0.3, 3 / 10 is.
    fn times(self, number: f64) -> f64 {
        let product = number * f64::from(self.digit);
        if self.exponent < 0 { product / 10_f64.powi(-self.exponent) } else { product * 10_f64.powi(self.exponent) }
    }

    fn log10(self) -> f64 {
        f64::from(self.digit).log10() + f64::from(self.exponent)
    }

    /// `value` with as many decimals as a multiple of this step needs.
    fn label(self, value: f64) -> String {
        match self.exponent {
            -4..=5 => format!("{value:.*}", usize::try_from(-self.exponent).unwrap_or(0)),
            _ => format!("{value:e}"),
        }
    }

    /// `0.02`, `500`, and far from 1 `10⁻⁶`.
    fn power_label(self) -> String {
        if (-4..=4).contains(&self.exponent) {
            return self.label(self.value());
        }
        let raised =
            |c: char| c.to_digit(10).map_or('⁻', |digit| "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().nth(digit as usize).unwrap_or(c));
        let factor = if self.digit == 1 { String::new() } else { format!("{}·", self.digit) };
        format!("{factor}10{}", self.exponent.to_string().chars().map(raised).collect::<String>())
    }
}

/// Powers of ten beyond these are not reached without loss, and no loss that means anything is.
const HUGE: f64 = 1e300;
/// As above.
const TINY: f64 = 1e-300;
/// What counts as equal after a division.
const CLOSE: f64 = 1e-9;

/// Whether `value` can stand on an axis.
pub(super) fn is_drawable(value: f64) -> bool {
    value.abs() < HUGE && (value == 0.0 || value.abs() > TINY) // not NaN
}

/// The least and the greatest.
fn span(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let drawable = values.into_iter().filter(|value| is_drawable(*value));
    drawable.fold(None, |span, value| {
        let (lo, hi) = span.unwrap_or((value, value));
        Some((value.min(lo), value.max(hi)))
    })
}

/// Of the first digit of `value`, above 0.
fn exponent_of(value: f64) -> i32 {
    floor(value.log10()) as i32
}

fn floor(value: f64) -> f64 {
    (value + CLOSE).floor()
}

fn ceil(value: f64) -> f64 {
    (value - CLOSE).ceil()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Purpose, Seed, unit};

    fn labels(scale: &Scale) -> Vec<String> {
        scale.ticks().into_iter().filter_map(|tick| tick.label).collect()
    }

    #[test]
    fn ticks_are_where_a_person_would_put_them() {
        assert_eq!(labels(&Scale::losses([0.05, 0.23])), ["0.00", "0.05", "0.10", "0.15", "0.20", "0.25"]);
        assert_eq!(labels(&Scale::losses([0.3, 0.35])), ["0.30", "0.31", "0.32", "0.33", "0.34", "0.35"]);
        assert_eq!(labels(&Scale::percents([97.1, 99.98])), ["97", "98", "99", "100"]);
        assert_eq!(labels(&Scale::percents([9.8, 98.2])), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(labels(&Scale::losses([0.0007, 0.2156])), ["0.001", "0.01", "0.1"]);
        assert_eq!(labels(&Scale::losses([0.02, 3.0])), ["0.02", "0.05", "0.1", "0.2", "0.5", "1", "2", "5"]);
        assert_eq!(labels(&Scale::losses([1e-9, 1e9])), ["10⁻⁹", "10⁻⁶", "0.001", "1", "1000", "10⁶", "10⁹"]);
        assert_eq!(labels(&Scale::epochs(1)), ["1"]);
        assert_eq!(labels(&Scale::epochs(8)), ["1", "2", "3", "4", "5", "6", "7", "8"]);
        assert_eq!(labels(&Scale::epochs(20)), ["0", "5", "10", "15", "20"]);
        assert_eq!(labels(&Scale::epochs(500)), ["0", "100", "200", "300", "400", "500"]);
    }

    /// Whatever the range: a handful of ticks, none twice, each where its label says, and all values on the axis.
    #[test]
    fn ticks_of_any_range_are_few_and_true() {
        let mut stream = Seed(1).stream(Purpose::Shuffle, 1);
        for last in 1..=5000 {
            let [a, b] = [(); 2].map(|()| 10_f64.powf(unit(&mut stream) * 40.0 - 20.0));
            let near = a * (1.0 + b.min(1.0));
            for values in [[a, b], [a, near], [0.0, a], [-a, b], [a, a], [0.0, 0.0], [f64::NAN, f64::INFINITY]] {
                check(&Scale::losses(values), &values);
            }
            let percents = [100.0 * unit(&mut stream), 100.0 * unit(&mut stream).sqrt()];
            check(&Scale::percents(percents), &percents);
            check(&Scale::epochs(last), &[1.0, last as f64]);
        }
    }

    fn check(scale: &Scale, values: &[f64]) {
        let ticks = scale.ticks();
        let on_axis = |value: f64| (-1e-6..=1.0 + 1e-6).contains(&scale.place(value));
        let labelled: Vec<_> = ticks.iter().filter_map(|tick| Some((tick.value, tick.label.clone()?))).collect();
        let least = if *scale == Scale::epochs(1) { 1 } else { 2 };
        assert!((least..=12).contains(&labelled.len()), "{values:?}: {labelled:?}");
        assert!(ticks.iter().all(|tick| on_axis(tick.value)), "{values:?}: {ticks:?}");
        assert!(ticks.windows(2).all(|pair| pair[0].value < pair[1].value), "{values:?}: {ticks:?}");
        assert!(values.iter().all(|value| !is_drawable(*value) || on_axis(*value)), "{values:?}: {scale:?}");
        for (value, label) in labelled {
            let Ok(written) = label.parse::<f64>() else {
                assert!(label.contains("10"), "a power of ten: {label}");
                continue;
            };
            assert!((written - value).abs() <= 1e-9 * value.abs(), "{values:?}: {label} at {value}");
        }
    }
}
