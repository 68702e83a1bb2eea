//! Several runs in one picture.

use super::curves::values;
use super::plot::{self, BELOW_FRAME, Curve, Look, MARGIN, Marker, Panel, legend_width};
use super::scale::Scale;
use super::svg::{GRAY, INK, Svg, fit};
use crate::train::{EpochRecord, RunRecord, differences};

const WIDTH: f64 = 1040.0;
/// Both frames: below heading and titles.
const TOP: f64 = 112.0;
const FRAME_HEIGHT: f64 = 300.0;
/// A line of the legend.
const ROW: f64 = 21.0;

/// Told apart by the colour-blind too (Okabe and Ito 2008, the yellow ones left out for they vanish on paper).
pub(super) const COLORS: [&str; 6] = ["#0060a0", "#d55e00", "#1a1a1a", "#008f6b", "#b0508a", "#6a6a6a"];
/// As many as are coprime to the colours: 30 pairs before one comes again.
const DASHES: [&str; 5] = ["", "7 3", "2 3", "9 3 2 3", "4 2 1.5 2 1.5 2"];
const MARKERS: [Marker; 4] = [Marker::Circle, Marker::Square, Marker::Triangle, Marker::Diamond];
/// More settings than these would make a label nobody reads: the run's name says where to look.
const MOST_SETTINGS_IN_A_LABEL: usize = 3;
/// Longest label, in pixels.
const LABEL: f64 = 300.0;

/// Cost and accuracy of `runs` over their epochs, laid over each other, as SVG: on the test images thick, on the training
/// images thin. The legend, in the order of `runs`, tells each by the settings it differs in.
pub fn compare(runs: &[RunRecord]) -> String {
    let labels = labels(runs);
    let different = differences(runs);
    let title = match runs.first().and_then(|run| run.setting("data")).filter(|_| !differs(&different, "data")) {
        Some(data) => format!("{} on {data}", count(runs.len())),
        None => count(runs.len()),
    };
    let same = in_common(runs, &different);

    let widest = labels.iter().map(|label| legend_width(label)).fold(0.0, f64::max);
    let columns = (((WIDTH - 2.0 * MARGIN) / widest) as usize).clamp(1, runs.len().max(1));
    let legend_top = TOP + FRAME_HEIGHT + BELOW_FRAME + 30.0;
    let rows = runs.len().div_ceil(columns);
    let height = legend_top + (rows + 1) as f64 * ROW + MARGIN;

    let mut svg = Svg::new((WIDTH, height), &title, &format!("Cost and accuracy by epoch. {}.", labels.join("; ")));
    plot::draw_heading(&mut svg, WIDTH, &title, &same);
    let drawn = Drawn::of(runs, &different);
    let [cost, accuracy] = drawn.panels();
    plot::draw_side_by_side(&mut svg, WIDTH, (TOP, FRAME_HEIGHT), [&cost, &accuracy]);

    for (i, label) in labels.iter().enumerate() {
        let x = MARGIN + (i % columns) as f64 * widest;
        test_look(i).legend(&mut svg, (x, legend_top + (i / columns) as f64 * ROW), label);
    }
    draw_key(&mut svg, legend_top + rows as f64 * ROW + 4.0, drawn.one_loss);
    svg.finish()
}

/// The curves of runs, and what their axes are.
pub(super) struct Drawn {
    costs: Vec<Curve>,
    accuracies: Vec<Curve>,
    x: Scale,
    cost_label: String,
    /// Whether costs compare.
    pub one_loss: bool,
}

impl Drawn {
    /// Of `runs` that differ in these settings.
    pub fn of(runs: &[RunRecord], different: &[String]) -> Self {
        let one_loss = !differs(different, "loss") && !differs(different, "output");
        let loss = runs.first().and_then(|run| run.setting("loss")).filter(|_| one_loss);
        Self {
            costs: curves(runs, |epoch| Some(epoch.train_loss), |epoch| epoch.test_loss),
            accuracies: curves(
                runs,
                |epoch| Some(100.0 * epoch.train_accuracy),
                |epoch| epoch.test_accuracy.map(|share| 100.0 * share),
            ),
            x: Scale::epochs_of(runs.iter().filter_map(|run| run.history.last()).map(|last| last.epoch)),
            cost_label: format!("{}, mean of the images", loss.unwrap_or("loss".to_owned())),
            one_loss,
        }
    }

    /// Cost and accuracy.
    pub fn panels(&self) -> [Panel<'_>; 2] {
        let cost = Panel {
            title: "Cost",
            x_label: "epoch",
            y_label: &self.cost_label,
            x: self.x.clone(),
            y: Scale::losses(values(&self.costs)),
            curves: &self.costs,
            label: None,
        };
        let accuracy = Panel {
            title: "Accuracy",
            x_label: "epoch",
            y_label: "images recognised, %",
            x: self.x.clone(),
            y: Scale::percents(values(&self.accuracies)),
            curves: &self.accuracies,
            label: None,
        };
        [cost, accuracy]
    }
}

type Value = fn(&EpochRecord) -> Option<f64>;

/// The training curves first, so that those on the test images lie above.
fn curves(runs: &[RunRecord], train: Value, test: Value) -> Vec<Curve> {
    let all = |value: Value, look: fn(usize) -> Look| {
        let curve = move |(i, run): (usize, &RunRecord)| Curve {
            name: run.name.clone(),
            points: run.history.epochs.iter().map(|epoch| (epoch.epoch as f64, value(epoch))).collect(),
            look: look(i),
        };
        runs.iter().enumerate().map(curve)
    };
    all(train, train_look).chain(all(test, test_look)).collect()
}

pub(super) fn test_look(run: usize) -> Look {
    let (color, dashes) = (COLORS[run % COLORS.len()], DASHES[run % DASHES.len()]);
    Look { color, dashes, width: 2.2, marker: Some(MARKERS[run % MARKERS.len()]) }
}

fn train_look(run: usize) -> Look {
    Look { width: 0.9, marker: None, ..test_look(run) }
}

/// What thick and thin mean.
fn draw_key(svg: &mut Svg, y: f64, one_loss: bool) {
    let look = |width| Look { color: INK, dashes: "", width, marker: None };
    let x = look(2.2).legend(svg, (MARGIN, y), "test images");
    let x = look(0.9).legend(svg, (x, y), "training images, while learning");
    if !one_loss {
        let warning = "The losses are not the same: costs do not compare, accuracies do.";
        svg.text((x, y), &format!(r#"fill="{GRAY}""#), warning);
    }
}

/// What tells each run from the others, and how well it did.
fn labels(runs: &[RunRecord]) -> Vec<String> {
    let mut telling = differences(runs);
    telling.retain(|name| name != "threads"); // changes no result
    let settings = |run: &RunRecord| {
        let given = telling.iter().map(|name| format!("{name} {}", run.setting(name).unwrap_or("not set".to_owned())));
        given.collect::<Vec<_>>().join(", ")
    };
    let told: Vec<_> = runs.iter().map(settings).collect();
    let all_different = told.iter().enumerate().all(|(i, label)| !told[..i].contains(label));
    let by_settings = all_different && (1..=MOST_SETTINGS_IN_A_LABEL).contains(&telling.len());
    let label = |(run, told): (&RunRecord, String)| {
        let label = fit(if by_settings { &told } else { &run.name }, LABEL, 12.0);
        match run.history.last().and_then(|last| last.test_accuracy) {
            Some(share) => format!("{label}: {:.2} %", 100.0 * share),
            None => label,
        }
    };
    runs.iter().zip(told).map(label).collect()
}

/// What a reader wants to know of all of them.
pub(super) fn in_common(runs: &[RunRecord], different: &[String]) -> String {
    const TELLING: [&str; 8] = ["hidden", "activation", "output", "loss", "optimizer", "lr", "batch", "seed"];
    let Some(run) = runs.first() else { return String::new() };
    let same = TELLING.iter().filter(|name| !differs(different, name));
    let same = same.filter_map(|name| Some(format!("{name} {}", run.setting(name)?)));
    same.collect::<Vec<_>>().join(", ")
}

fn differs(different: &[String], name: &str) -> bool {
    different.iter().any(|other| other == name)
}

fn count(runs: usize) -> String {
    if runs == 1 { "One run".to_owned() } else { format!("{runs} runs") }
}
