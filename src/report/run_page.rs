//! The report of a run, as one page: what came of it, where it errs, how it was made, how to make it again.

use std::path::Path;

use super::html::{Cell, Page};
use super::weights::{self, Weights};
use super::{confusion, curves, mistakes, network};
use crate::data::Dataset;
use crate::error::OneLine;
use crate::eval::{Evaluation, Prediction};
use crate::format::{count, duration, percent, thousands};
use crate::nn::Network;
use crate::recipes::paper;
use crate::train::{EpochRecord, History, TrainConfig};

/// Classes whose confusion is still drawn on the page: EMNIST has 62.
const MOST_CLASSES: usize = 62;
/// Epochs that have a row each; of more, evenly chosen ones do.
const MOST_EPOCHS: usize = 200;
/// A drawing above this would make the page heavy: that of a hundred layers.
const LARGEST_DRAWING: usize = 200_000;
/// Pairs of classes that are named.
const MOST_PAIRS: usize = 8;

/// What a run was, and what came of it.
#[derive(Debug)]
pub struct RunReport<'a> {
    /// The run's folder.
    pub folder: &'a Path,
    /// How it was made.
    pub config: &'a TrainConfig,
    /// As it is after the last epoch.
    pub network: &'a Network,
    /// The epochs there have been.
    pub history: &'a History,
    /// The images that were learnt.
    pub train: &'a Dataset,
    /// BLAS, kernels, threads.
    pub machine: &'a str,
    /// None if the run did not come to its end.
    pub outcome: Option<Outcome<'a>>,
    /// What went wrong, if anything did.
    pub trouble: Option<&'a str>,
}

/// What a network makes of the test images.
#[derive(Debug, Clone, Copy)]
pub struct Outcome<'a> {
    /// The images.
    pub test: &'a Dataset,
    /// Of all of them.
    pub evaluation: &'a Evaluation,
    /// Of each.
    pub predictions: &'a [Prediction],
    /// One a class, (K).
    pub class_names: &'a [String],
}

/// The report of a run as HTML: one file, without scripts, that needs no other.
pub fn run_page(run: &RunReport<'_>) -> String {
    let mut page = Page::new();
    run.trouble.iter().for_each(|trouble| page.notice(trouble));
    let remark = run.outcome.and_then(|outcome| outcome.evaluation.remark());
    remark.iter().for_each(|remark| page.notice(remark));
    page.figures(&headline(run));
    if !run.history.epochs.is_empty() {
        page.section("curves", "Curves", |page| draw_curves(page, run));
    }
    if let Some(outcome) = &run.outcome {
        page.section("confusion", "What is taken for what", |page| draw_confusion(page, outcome));
        let worst = mistakes::worst(outcome.test.labels(), outcome.predictions);
        if !worst.is_empty() {
            page.section("mistakes", "The worst mistakes", |page| draw_mistakes(page, outcome, &worst));
        }
    }
    page.section("network", "The network", |page| draw_network(page, run));
    if let Some(weights) = weights::first_layer(run.network, run.train.size()) {
        page.section("weights", "What the first layer looks for", |page| draw_weights(page, &weights));
    }
    if !run.history.epochs.is_empty() {
        page.section("time", "Time", |page| draw_time(page, run));
    }
    page.section("settings", "Settings, and how to repeat it", |page| draw_settings(page, run));
    let title = format!("{} on {}", run.network.architecture(), run.config.data);
    page.finish(&title, &format!("{}, seed {}. {}", run.config.describe(), run.config.seed().0, OneLine(run.folder)))
}

fn headline(run: &RunReport<'_>) -> Vec<(String, String)> {
    let last = run.history.last();
    let mut figures = Vec::new();
    let mut add = |name: &str, value: Option<String>| figures.extend(value.map(|value| (name.to_owned(), value)));
    add("Test accuracy", last.and_then(|last| last.test_accuracy).map(percent));
    let missed = |outcome: &Outcome<'_>| {
        let wrong = outcome.evaluation.confusion.sum() - outcome.evaluation.confusion.diag().sum();
        format!("{} of {}", thousands(wrong), thousands(outcome.test.len()))
    };
    add("Test images missed", run.outcome.as_ref().map(missed));
    add("Validation accuracy", last.and_then(|last| last.validation_accuracy).map(percent));
    add("Parameters", Some(thousands(run.network.architecture().parameters())));
    let epochs = count(run.history.epochs.len(), "epoch");
    add(&format!("Training, {epochs}"), last.map(|_| train_time(run)));
    let speed_up = paper::speed_up(run.network.architecture(), run.train.len(), run.history);
    add("Against the published time", speed_up.map(|times| format!("{times:.0} times faster")));
    figures
}

fn train_time(run: &RunReport<'_>) -> String {
    duration(run.history.train_seconds())
}

fn draw_curves(page: &mut Page, run: &RunReport<'_>) {
    page.side_by_side("beside", |page| {
        curves::panels(run.config, run.history).iter().for_each(|panel| page.picture(panel, None));
    });
    page.paragraph(curves::FOOTNOTE);
    if let Some(best) = run.history.best() {
        let loss = best.validation_loss.unwrap_or(f64::NAN);
        page.paragraph(format!("The lowest validation loss, {loss:.4}, was that of epoch {}.", best.epoch));
    }
    page.folded("Epoch by epoch", |page| draw_epochs(page, run.history));
}

fn draw_epochs(page: &mut Page, history: &History) {
    let validated = history.best().is_some();
    let mut head = vec![Cell::number("epoch"), Cell::number("learning rate")];
    let pair = |name: &str| [Cell::number(format!("{name} loss")), Cell::number(format!("{name} accuracy"))];
    head.extend(pair("training"));
    head.extend(validated.then(|| pair("validation")).into_iter().flatten());
    head.extend(pair("test"));
    head.extend([Cell::number("seconds"), Cell::number("images/s")]);
    let none = || "-".to_owned();
    let scores = |loss: Option<f64>, accuracy: Option<f64>| {
        let loss = loss.map_or_else(none, |loss| format!("{loss:.4}"));
        [Cell::number(loss), Cell::number(accuracy.map_or_else(none, percent))]
    };
    let row = |epoch: &EpochRecord| {
        let rate = (epoch.learning_rate * 1e6).round() / 1e6;
        let mut row = vec![Cell::Head(epoch.epoch.to_string()), Cell::number(rate)];
        row.extend(scores(Some(epoch.train_loss), Some(epoch.train_accuracy)));
        row.extend(validated.then(|| scores(epoch.validation_loss, epoch.validation_accuracy)).into_iter().flatten());
        row.extend(scores(epoch.test_loss, epoch.test_accuracy));
        row.push(Cell::number(format!("{:.3}", epoch.train_seconds)));
        row.push(Cell::number(thousands(epoch.samples_per_second.round())));
        row
    };
    let stride = history.epochs.len().div_ceil(MOST_EPOCHS).max(1);
    let last = history.epochs.len().saturating_sub(1);
    let chosen = history.epochs.iter().enumerate().filter(|(i, _)| (i + 1) % stride == 0 || *i == last);
    let caption = match stride {
        1 => "Every epoch".to_owned(),
        _ => format!("One epoch in {stride}; metrics.jsonl has all"),
    };
    page.table(&caption, &head, &chosen.map(|(_, epoch)| row(epoch)).collect::<Vec<_>>());
}

fn draw_confusion(page: &mut Page, outcome: &Outcome<'_>) {
    let names = outcome.class_names;
    let pairs = outcome.evaluation.most_confused();
    if !pairs.is_empty() {
        let told = pairs.iter().take(MOST_PAIRS);
        let told = told
            .map(|pair| format!("{} for {} ({})", names[pair.label], names[pair.prediction], thousands(pair.images)));
        page.paragraph(format!("Most often: {}.", told.collect::<Vec<_>>().join(", ")));
    }
    page.side_by_side("matrix", |page| {
        if names.len() <= MOST_CLASSES {
            let matrix = confusion(outcome.evaluation, names, "Confusion matrix");
            page.picture(&matrix, Some("Confusion matrix"));
        }
        draw_classes(page, outcome, names);
    });
}

fn draw_classes(page: &mut Page, outcome: &Outcome<'_>, names: &[String]) {
    let pairs = outcome.evaluation.most_confused();
    let head = ["images", "missed", "recognised"].map(Cell::number);
    let head: Vec<_> = [Cell::text("class")].into_iter().chain(head).chain([Cell::text("taken for")]).collect();
    let rows = names.iter().enumerate().map(|(class, name)| {
        let (right, all) = outcome.evaluation.of_class(class);
        let rate = if all > 0 { percent(right as f64 / all as f64) } else { "none".to_owned() };
        let other = pairs.iter().find(|pair| pair.label == class);
        let other = other.map(|pair| format!("{} ({})", names[pair.prediction], thousands(pair.images)));
        let [all, missed] = [all, all - right].map(|images| Cell::number(thousands(images)));
        vec![Cell::head(name), all, missed, Cell::number(rate), Cell::text(other.unwrap_or_default())]
    });
    page.table("Class by class, with the commonest mistake", &head, &rows.collect::<Vec<_>>());
}

fn draw_mistakes(page: &mut Page, outcome: &Outcome<'_>, worst: &[usize]) {
    page.paragraph(format!(
        "Of the {} that were taken for another class, those whose own class (the last bar) the network thought least \
         probable.",
        count(worst.len(), "test image")
    ));
    mistakes::gallery(page, outcome, worst);
}

fn draw_network(page: &mut Page, run: &RunReport<'_>) {
    let architecture = run.network.architecture();
    page.paragraph(architecture.describe());
    let drawing = network(architecture, &format!("The network {architecture}"));
    if drawing.len() <= LARGEST_DRAWING {
        page.picture(&drawing, Some("Drawing of the network"));
    }
}

fn draw_weights(page: &mut Page, weights: &Weights) {
    let which = match weights.shown {
        shown if shown == weights.units => format!("The weights of all {}", count(shown, "unit")),
        shown => format!("The weights of the first {shown} of {} units", thousands(weights.units)),
    };
    let (height, width) = weights.size;
    let caption = format!("{which} of the first layer, each laid out as the image it looks at");
    page.add(format_args!(
        "<figure><img class=\"weights\" src=\"{}\" width=\"{width}\" height=\"{height}\" alt=\"{caption}\">\n\
         <figcaption>{caption}. Ink on orange excites the unit, ink on blue quiets it; what is empty does not count.</figcaption></figure>",
        weights.uri,
    ));
}

fn draw_time(page: &mut Page, run: &RunReport<'_>) {
    let Some(median) = run.history.median_epoch_seconds() else { return };
    let epochs = run.history.epochs.len();
    let judged: f64 = run.history.epochs.iter().map(|epoch| epoch.eval_seconds).sum();
    let rate = run.train.len() as f64 / median;
    let head = [Cell::text(""), Cell::number("this run"), Cell::number("published")];
    let row =
        |what: &str, ours: String, theirs: String| vec![Cell::head(what), Cell::number(ours), Cell::number(theirs)];
    let seconds = |seconds: f64| format!("{} s", (seconds * 1e3).round() / 1e3);
    let rows = [
        row("an epoch (the median)", seconds(median), seconds(paper::EPOCH_SECONDS)),
        row("epochs", epochs.to_string(), paper::EPOCHS.to_string()),
        row("all steps", train_time(run), duration(paper::SECONDS)),
        row("evaluation after each epoch, in all", duration(judged), "-".to_owned()),
        row("images a second", thousands(rate.round()), thousands((60_000.0 / paper::EPOCH_SECONDS).round())),
    ];
    page.table("Wall time", &head, &rows);
    page.paragraph(match paper::speed_up(run.network.architecture(), run.train.len(), run.history) {
        Some(times) => format!(
            "{times:.0} times faster than published, and no less accurate (published: {}). The authors train the same \
             network on as many images, one at a time.",
            percent(paper::ACCURACY)
        ),
        None => format!(
            "The published time is that of 784-128-10 on 60,000 images, one at a time, to {}: of another training than \
             this one, so the two are not to be divided.",
            percent(paper::ACCURACY)
        ),
    });
    page.paragraph(format!("Machine: {}.", run.machine));
}

fn draw_settings(page: &mut Page, run: &RunReport<'_>) {
    page.paragraph("The same run again, to the last bit on the same kind of machine:");
    page.command(&format!("gemmnist train --config {}", OneLine(&run.folder.join("config.toml"))));
    page.paragraph("Or without that file:");
    page.command(&run.config.command());
    let head = [Cell::text("setting"), Cell::text("value")];
    let rows = run.config.as_typed().into_iter().map(|(name, value)| vec![Cell::head(name), Cell::text(value)]);
    page.folded("Every setting", |page| page.table("As in config.toml", &head, &rows.collect::<Vec<_>>()));
}
