//! A sweep of the learning rate: the loss by the rate.

use super::plot::{self, Curve, Look, Marker, Panel};
use super::scale::Scale;
use super::svg::Svg;
use crate::train::{Sweep, TrainConfig};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 440.0;
/// Above the frame: heading and legend.
const TOP: f64 = 116.0;
/// Losses above so many times the first are cut off: what exploded would make all else a level line.
const CUT: f64 = 1.5;

/// The losses of `sweep` by the learning rate, as SVG, with the suggestion marked.
pub fn sweep(sweep: &Sweep, config: &TrainConfig, title: &str) -> String {
    let first = sweep.smoothed.first().copied().unwrap_or(1.0);
    let curve = |name: &str, losses: &mut dyn Iterator<Item = f64>, look: Look| {
        let rates = sweep.trials.iter().map(|trial| trial.learning_rate);
        let points = rates.zip(losses).map(|(rate, loss)| (rate, (loss <= CUT * first).then_some(loss)));
        Curve { name: name.to_owned(), points: points.collect(), look }
    };
    let thin = Look { color: "#8a8a8a", dashes: "", width: 0.6, marker: None };
    let thick = Look { color: "#0060a0", dashes: "", width: 2.2, marker: None };
    let mut curves = vec![
        curve("of each batch", &mut sweep.trials.iter().map(|trial| trial.loss), thin),
        curve("mean of those near it", &mut sweep.smoothed.iter().copied(), thick),
    ];
    let near = |rate: f64| sweep.trials.iter().position(|trial| trial.learning_rate >= rate).map(|i| sweep.smoothed[i]);
    if let Some(rate) = sweep.suggestion() {
        let look = Look { color: "#d55e00", dashes: "", width: 2.0, marker: Some(Marker::Diamond) };
        let points = vec![(rate, near(rate))];
        curves.push(Curve { name: format!("suggested: {rate}"), points, look });
    }
    let losses = curves.iter().flat_map(|curve| curve.points.iter().filter_map(|(_, loss)| *loss));
    let y = Scale::losses(losses.collect::<Vec<_>>());
    let said = sweep.suggestion().map_or("none is suggested".to_owned(), |rate| format!("{rate} is suggested"));
    let mut svg = Svg::new((WIDTH, HEIGHT), title, &format!("Loss by learning rate; {said}."));
    let (optimizer, batch) = (config.optimizer, config.batch_size);
    let particulars = format!("{}, {optimizer}, batch {batch}, seed {}", config.loss, config.seed().0);
    plot::draw_heading(&mut svg, WIDTH, title, &particulars);
    let y_label = format!("{}, mean of a batch", config.loss);
    let panel = Panel {
        title: "",
        x_label: "learning rate",
        y_label: &y_label,
        x: Scale::rates(sweep.trials.iter().map(|trial| trial.learning_rate)),
        y,
        curves: &curves,
        label: None,
    };
    plot::draw_below(&mut svg, (WIDTH, HEIGHT), TOP, &panel);
    curves.iter().fold(plot::MARGIN, |x, curve| curve.look.legend(&mut svg, (x, TOP - 26.0), &curve.name));
    svg.finish()
}
