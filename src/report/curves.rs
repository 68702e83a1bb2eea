//! The curves of a training: cost and accuracy, epoch by epoch.

use super::plot::{self, Curve, Look, MARGIN, Marker, Panel};
use super::scale::Scale;
use super::svg::{GRAY, INK, Svg};
use crate::nn::Architecture;
use crate::train::{EpochRecord, History, TrainConfig};

const WIDTH: f64 = 1040.0;
const HEIGHT: f64 = 492.0;
/// Both panels: between heading, legend and footnote.
const TOP: f64 = 132.0;
const FRAME_HEIGHT: f64 = 276.0;

/// When the values of a curve were taken.
pub(super) const FOOTNOTE: &str =
    "Training: mean over the epoch, each image scored before it is learnt from. The others: after the epoch.";

/// A value of an epoch, where it has one.
type Value = fn(&EpochRecord) -> Option<f64>;

/// Images that the network is scored on, and how their curves are drawn.
struct Scored {
    name: &'static str,
    look: Look,
    loss: Value,
    /// In percent.
    accuracy: Value,
}

const SCORED: [Scored; 3] = [
    Scored {
        name: "training",
        look: Look { color: "#d55e00", dashes: "7 4", width: 1.6, marker: Some(Marker::Square) },
        loss: |epoch| Some(epoch.train_loss),
        accuracy: |epoch| Some(100.0 * epoch.train_accuracy),
    },
    Scored {
        name: "validation",
        look: Look { color: "#00785a", dashes: "2 3", width: 1.8, marker: Some(Marker::Triangle) },
        loss: |epoch| epoch.validation_loss,
        accuracy: |epoch| Some(100.0 * epoch.validation_accuracy?),
    },
    Scored {
        name: "test",
        look: Look { color: "#0060a0", dashes: "", width: 2.0, marker: Some(Marker::Circle) },
        loss: |epoch| epoch.test_loss,
        accuracy: |epoch| Some(100.0 * epoch.test_accuracy?),
    },
];

/// Cost and accuracy of a training over its epochs, side by side, as SVG: training, validation where there is one, test.
/// The values after the last epoch stand at the ends of the curves.
pub fn curves(architecture: &Architecture, config: &TrainConfig, history: &History) -> String {
    let title = format!("{} on {}", architecture.describe(), config.data);
    let particulars = format!("{}, seed {}", config.describe(), config.seed().0);
    let mut svg = Svg::new((WIDTH, HEIGHT), &title, &describe(&particulars, history));
    plot::draw_heading(&mut svg, WIDTH, &title, &particulars);

    let drawn = Drawn::of(config, history);
    let [cost, accuracy] = drawn.panels();
    plot::draw_side_by_side(&mut svg, WIDTH, (TOP, FRAME_HEIGHT), [&cost, &accuracy]);
    svg.text((MARGIN, HEIGHT - 16.0), &format!(r#"font-size="11" fill="{GRAY}""#), FOOTNOTE);
    svg.finish()
}

/// The same as two pictures, cost and accuracy, and a third of the learning rate where that changes.
pub(super) fn panels(config: &TrainConfig, history: &History) -> Vec<String> {
    let drawn = Drawn::of(config, history);
    let [cost, accuracy] = drawn.panels();
    let mut pictures = vec![plot::alone(&cost), plot::alone(&accuracy)];
    let rates: Vec<_> = history.epochs.iter().map(|epoch| (epoch.epoch as f64, Some(epoch.learning_rate))).collect();
    if rates.windows(2).any(|pair| pair[0].1 != pair[1].1) {
        let look = Look { color: INK, dashes: "", width: 1.6, marker: Some(Marker::Diamond) };
        let rates = [Curve { name: "at the end of the epoch".to_owned(), points: rates, look }];
        pictures.push(plot::alone(&Panel {
            title: "Learning rate",
            x_label: "epoch",
            y_label: "step size",
            x: drawn.x.clone(),
            y: Scale::from_zero(values(&rates)),
            curves: &rates,
            label: Some(significant),
        }));
    }
    pictures
}

/// The curves of a training, and what their axes are.
struct Drawn {
    costs: Vec<Curve>,
    accuracies: Vec<Curve>,
    x: Scale,
    cost_label: String,
}

impl Drawn {
    fn of(config: &TrainConfig, history: &History) -> Self {
        Self {
            costs: lines(history, |scored| scored.loss),
            accuracies: lines(history, |scored| scored.accuracy),
            x: Scale::epochs(history.last().map_or(1, |last| last.epoch)),
            cost_label: format!("{}, mean of the images", config.loss),
        }
    }

    /// Cost and accuracy.
    fn panels(&self) -> [Panel<'_>; 2] {
        let cost = Panel {
            title: "Cost",
            x_label: "epoch",
            y_label: &self.cost_label,
            x: self.x.clone(),
            y: Scale::losses(values(&self.costs)),
            curves: &self.costs,
            label: Some(significant),
        };
        let accuracy = Panel {
            title: "Accuracy",
            x_label: "epoch",
            y_label: "images recognised, %",
            x: self.x.clone(),
            y: Scale::percents(values(&self.accuracies)),
            curves: &self.accuracies,
            label: Some(|percent| format!("{percent:.2} %")),
        };
        [cost, accuracy]
    }
}

/// One curve for each that has values at all.
fn lines(history: &History, value: fn(&Scored) -> Value) -> Vec<Curve> {
    let curve = |scored: &Scored| {
        let points: Vec<_> = history.epochs.iter().map(|epoch| (epoch.epoch as f64, value(scored)(epoch))).collect();
        let any = points.iter().any(|(_, value)| value.is_some());
        any.then(|| Curve { name: scored.name.to_owned(), points, look: scored.look })
    };
    SCORED.iter().filter_map(curve).collect()
}

/// The values of all curves, for a common axis.
pub(super) fn values(curves: &[Curve]) -> impl Iterator<Item = f64> {
    curves.iter().flat_map(|curve| curve.points.iter().filter_map(|(_, value)| *value))
}

/// Three significant digits; of small losses two.
fn significant(loss: f64) -> String {
    match loss.abs() {
        0.0 => "0".to_owned(),
        size @ 0.001..1000.0 => format!("{loss:.*}", (2 - size.log10().floor() as i32).max(0) as usize),
        0.0001..0.001 => format!("{loss:.5}"),
        _ => format!("{loss:.1e}"),
    }
}

/// The picture in words.
fn describe(particulars: &str, history: &History) -> String {
    let epochs = history.epochs.len();
    let test = history.last().and_then(|last| last.test_accuracy);
    let outcome = test.map(|share| format!(", {:.2} % of the test images recognised", 100.0 * share));
    let outcome = outcome.unwrap_or_default();
    format!("Cost and accuracy by epoch: {particulars}. After epoch {epochs}{outcome}.")
}
