//! Pictures read back as XML: are they whole, do they show the right numbers at the right places.
#![cfg(feature = "report")]

use gemmnist::eval::Evaluation;
use gemmnist::nn::{Activation, Architecture, Output};
use gemmnist::report::{compare, confusion, curves, network};
use gemmnist::train::{EpochRecord, History, RunRecord, Scores, TrainConfig, TrainSettings};
use ndarray::Array2;
use roxmltree::{Document, Node};

/// What an attacker, or an honest user with a strange folder, might call things.
const ODD: &str = "a < b & \"c\" </text> ]]> \x1b[31m \0 ü 数";

fn epoch(epoch: usize, train_loss: f64, test: Option<(f64, f64)>) -> EpochRecord {
    EpochRecord {
        epoch,
        step: 10 * epoch as u64,
        learning_rate: 0.1,
        train_loss,
        train_accuracy: 1.0 / (1.0 + train_loss),
        validation_loss: None,
        validation_accuracy: None,
        test_loss: test.map(|(loss, _)| loss),
        test_accuracy: test.map(|(_, accuracy)| accuracy),
        train_seconds: 0.5,
        eval_seconds: 0.1,
        samples_per_second: 1000.0,
    }
}

/// A training loss that falls by `factor` each epoch, and a test loss that rises a little.
fn history(epochs: usize, factor: f64) -> History {
    let of = |i: usize| {
        let test = (0.2 + 0.01 * (i % 7) as f64, 0.97 + 0.002 * (i % 5) as f64);
        epoch(i, factor.powi(i as i32), Some(test))
    };
    History { epochs: (1..=epochs).map(of).collect() }
}

fn config() -> TrainConfig {
    TrainSettings::default().check().unwrap()
}

fn perceptron(hidden: &[usize]) -> Architecture {
    Architecture::perceptron(784, hidden, Activation::Relu, 10, Output::Softmax)
}

fn curves_of(history: &History) -> String {
    curves(&perceptron(&[128]), &config(), history)
}

fn run(name: &str, settings: TrainSettings) -> RunRecord {
    let settings = settings.check().unwrap().to_table();
    RunRecord { name: name.to_owned(), settings, history: history(8, 0.7) }
}

fn evaluation(classes: usize, wrong: impl Fn(usize, usize) -> u64) -> Evaluation {
    let count = |(label, predicted): (usize, usize)| if label == predicted { 90 } else { wrong(label, predicted) };
    let confusion = Array2::from_shape_fn((classes, classes), count);
    let accuracy = confusion.diag().sum() as f64 / confusion.sum() as f64;
    Evaluation { scores: Scores { loss: 0.1, accuracy }, confusion }
}

fn names(classes: usize) -> Vec<String> {
    (0..classes).map(|class| class.to_string()).collect()
}

/// All texts but title and description, in order.
fn texts<'d>(svg: &'d Document) -> Vec<&'d str> {
    elements(svg, "text").map(|text| text.text().unwrap_or_default()).collect()
}

fn elements<'d>(svg: &'d Document, name: &'static str) -> impl Iterator<Item = Node<'d, 'd>> {
    svg.descendants().filter(move |node| node.has_tag_name(name))
}

fn number(node: &Node, attribute: &str) -> f64 {
    let value = node.attribute(attribute).unwrap_or_else(|| panic!("{attribute} of {node:?}"));
    value.parse().unwrap_or_else(|_| panic!("{attribute}={value}"))
}

fn points(polyline: Node) -> Vec<(f64, f64)> {
    let pair = |pair: &str| pair.split_once(',').map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap())).unwrap();
    polyline.attribute("points").unwrap().split_whitespace().map(pair).collect()
}

/// That the picture is one: XML, said in words too, nothing outside the paper, no number that is none.
fn check(picture: &str) {
    let svg = Document::parse(picture).unwrap_or_else(|error| panic!("{error}: {picture}"));
    let root = svg.root_element();
    assert_eq!(root.tag_name().namespace(), Some("http://www.w3.org/2000/svg"));
    for said in ["title", "desc"] {
        let said = root.children().find(|node| node.has_tag_name(said)).and_then(|node| node.text());
        assert!(said.is_some_and(|text| !text.trim().is_empty()), "{picture}");
    }
    let (width, height) = (number(&root, "width"), number(&root, "height"));
    let on_paper = |x: f64, y: f64| (0.0..=width).contains(&x) && (0.0..=height).contains(&y);
    for node in svg.descendants() {
        for (x, y) in [("x", "y"), ("cx", "cy"), ("x1", "y1"), ("x2", "y2")] {
            if node.has_attribute(x) {
                assert!(on_paper(number(&node, x), number(&node, y)), "{node:?} is beyond {width} x {height}");
            }
        }
        if node.has_tag_name("polyline") {
            assert!(points(node).into_iter().all(|(x, y)| on_paper(x, y)), "{node:?}");
        }
        assert!(node.attributes().all(|attribute| !attribute.value().contains("NaN")), "{node:?}");
    }
}

#[test]
fn every_picture_is_whole_whatever_it_shows() {
    let endless = [epoch(1, 1e300, Some((f64::INFINITY, 0.1))), epoch(2, 0.0, None), epoch(3, f64::NAN, None)];
    let level = |i| epoch(i, 0.3, Some((0.3, 1.0)));
    let odd_histories = [vec![], vec![epoch(1, 0.2, None)], endless.to_vec(), (1..9).map(level).collect()]
        .map(|epochs| History { epochs });
    let histories = [1, 2, 8, 20, 500, 5000].map(|epochs| history(epochs, 0.9));
    for history in histories.iter().chain(&odd_histories) {
        check(&curves_of(history));
        check(&compare(&[RunRecord { history: history.clone(), ..run(ODD, TrainSettings::default()) }]));
    }
    let odd = TrainSettings { data: ODD.to_owned(), hidden: vec![7; 60], ..TrainSettings::default() };
    check(&curves(&perceptron(&[7; 60]), &odd.clone().check().unwrap(), &histories[2]));
    let many = |i| run(&format!("{ODD}{i}"), TrainSettings { seed: i, epochs: i as usize + 1, ..odd.clone() });
    check(&compare(&(0..50).map(many).collect::<Vec<_>>()));
    check(&compare(&[]));
    for classes in [1, 2, 10, 26, 47, 62, 256] {
        check(&confusion(
            &evaluation(classes, |label, predicted| (label * predicted % 7) as u64),
            &names(classes),
            ODD,
        ));
    }
    let long_names: Vec<_> = (0..10).map(|class| format!("{ODD} {class} and more, and more, and more")).collect();
    check(&confusion(&evaluation(10, |_, _| 123_456), &long_names, "title"));
    for hidden in [&[][..], &[16, 16], &[300, 200, 100, 64, 32, 16], &[1], &[65_536; 64]] {
        check(&network(&perceptron(hidden), ODD));
        check(&network(&perceptron(hidden).with_dropout(0.2, 0.5).with_input_bias(Activation::Tanh), "title"));
    }
}

/// How a reader finds a value: by the labels of an axis.
struct Axis {
    place: (f64, f64),
    value: (f64, f64),
}

impl Axis {
    /// Through the first and the last label.
    fn through(mut labels: Vec<(f64, f64)>) -> Self {
        labels.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (first, last) = (labels[0], labels[labels.len() - 1]);
        Self { place: (first.0, last.0), value: (first.1, last.1) }
    }

    fn at(&self, value: f64) -> f64 {
        let share = (value - self.value.0) / (self.value.1 - self.value.0);
        self.place.0 + share * (self.place.1 - self.place.0)
    }
}

/// The axes of the left half of a picture, or of its right half; `scale` is what the upward axis shows of a value.
fn axes(svg: &Document, left_half: bool, scale: fn(f64) -> f64) -> (Axis, Axis) {
    let half = number(&svg.root_element(), "width") / 2.0;
    let labels = |anchor: &'static str| {
        let here = move |text: &Node| (number(text, "x") < half) == left_half;
        let anchored = move |text: &Node| text.attribute("text-anchor") == Some(anchor);
        elements(svg, "text").filter(here).filter(anchored).filter_map(|text| Some((text, text.text()?.parse().ok()?)))
    };
    let across = labels("middle").map(|(text, value): (Node, f64)| (number(&text, "x"), value)).collect();
    /// Labels stand with their foot this far below their line.
    const FOOT: f64 = 4.0;
    let up = labels("end").map(|(text, value): (Node, f64)| (number(&text, "y") - FOOT, scale(value))).collect();
    (Axis::through(across), Axis::through(up))
}

#[test]
fn every_epoch_has_its_point_where_the_axes_say() {
    let same: fn(f64) -> f64 = |value| value;
    // Linear and logarithmic; each epoch with a tick, and not.
    for (epochs, factor, scale) in [(8, 0.7, same), (20, 0.5, f64::log10), (500, 0.999, same)] {
        let history = history(epochs, factor);
        let picture = curves_of(&history);
        let svg = Document::parse(&picture).unwrap();
        let drawn: Vec<_> = elements(&svg, "polyline").map(points).filter(|points| points.len() == epochs).collect();
        type Value = fn(&EpochRecord) -> f64;
        type Shown = fn(f64) -> f64;
        let expected: [(bool, Value, Shown); 4] = [
            (true, |epoch| epoch.train_loss, scale),
            (true, |epoch| epoch.test_loss.unwrap(), scale),
            (false, |epoch| 100.0 * epoch.train_accuracy, same),
            (false, |epoch| 100.0 * epoch.test_accuracy.unwrap(), same),
        ];
        assert_eq!(drawn.len(), 4, "training and test, cost and accuracy");
        for (points, (left_half, value, scale)) in drawn.iter().zip(expected) {
            let (across, up) = axes(&svg, left_half, scale);
            for ((x, y), record) in points.iter().zip(&history.epochs) {
                let (right_x, right_y) = (across.at(record.epoch as f64), up.at(scale(value(record))));
                assert!((x - right_x).abs() < 0.02 && (y - right_y).abs() < 0.02, "{x} {y}, not {right_x} {right_y}");
            }
        }
    }
}

#[test]
fn an_epoch_without_a_finite_loss_interrupts_the_curve() {
    let mut history = history(9, 0.7);
    history.epochs[3].test_loss = None; // JSON has no infinity
    let picture = curves_of(&history);
    let svg = Document::parse(&picture).unwrap();
    let mut lengths: Vec<_> = elements(&svg, "polyline").map(|line| points(line).len()).collect();
    lengths.retain(|length| *length > 2); // those of the legend have two
    assert_eq!(lengths, [9, 3, 5, 9, 9]);
}

#[test]
fn a_validation_split_has_its_curve_and_none_has_not() {
    let without = history(5, 0.7);
    let mut with = without.clone();
    for record in &mut with.epochs {
        (record.validation_loss, record.validation_accuracy) = (Some(0.25), Some(0.9375));
    }
    for (history, expected) in [(without, 0), (with, 2)] {
        let picture = curves_of(&history);
        let svg = Document::parse(&picture).unwrap();
        let texts = texts(&svg);
        assert_eq!(texts.iter().filter(|text| **text == "validation").count(), expected, "{texts:?}");
        assert_eq!(texts.iter().filter(|text| **text == "93.75 %").count(), expected / 2, "its last value: {texts:?}");
        assert_eq!(texts.iter().filter(|text| **text == "test").count(), 2);
    }
}

#[test]
fn curves_say_what_was_trained_and_how() {
    let settings = TrainSettings { l2: 1e-4, seed: 77, batch_size: 32, ..TrainSettings::default() };
    let picture = curves(&perceptron(&[16, 16]), &settings.check().unwrap(), &history(3, 0.5));
    let svg = Document::parse(&picture).unwrap();
    let texts = texts(&svg);
    assert!(texts.contains(&"784-16-16-10, relu, softmax on mnist"), "{texts:?}");
    assert!(texts.contains(&"cross-entropy, sgd, learning rate 0.1, L2 0.0001, batch 32, seed 77"), "{texts:?}");
}

/// The labels of a comparison's legend, without the accuracies behind them.
fn labels(runs: &[RunRecord]) -> Vec<String> {
    let picture = compare(runs);
    let svg = Document::parse(&picture).unwrap();
    let of = |text: &str| Some(text.strip_suffix(" %")?.rsplit_once(": ")?.0.to_owned());
    texts(&svg).into_iter().filter_map(of).collect()
}

#[test]
fn a_comparison_tells_runs_by_what_they_differ_in() {
    let default = TrainSettings::default;
    let of = |settings: [TrainSettings; 2]| labels(&settings.map(|settings| run("a name", settings)));
    assert_eq!(of([default(), TrainSettings { l2: 1e-4, ..default() }]), ["l2 0", "l2 0.0001"]);
    let seeds = [1, 2].map(|seed| TrainSettings { seed, ..default() });
    assert_eq!(of(seeds), ["seed 1", "seed 2"]);
    let mse = TrainSettings { loss: gemmnist::nn::Loss::Mse, threads: Some(3), ..default() };
    let other = TrainSettings { threads: Some(5), ..default() };
    assert_eq!(of([mse, other]), ["loss mse", "loss cross-entropy"], "threads change no result");
}

#[test]
fn runs_that_differ_in_nothing_or_in_much_go_by_their_names() {
    let same = ["one", "two"].map(|name| run(name, TrainSettings::default()));
    assert_eq!(labels(&same), ["one", "two"]);
    let much = TrainSettings { seed: 1, l2: 1e-4, batch_size: 2, epochs: 3, ..TrainSettings::default() };
    assert_eq!(labels(&[run("one", TrainSettings::default()), run("two", much)]), ["one", "two"]);
    let seeds = [1, 2, 1].map(|seed| TrainSettings { seed, ..TrainSettings::default() });
    let runs: Vec<_> =
        seeds.into_iter().zip(["one", "two", "three"]).map(|(settings, name)| run(name, settings)).collect();
    assert_eq!(labels(&runs), ["one", "two", "three"], "two of them would have the same label");
}

#[test]
fn no_two_of_thirty_runs_are_drawn_alike() {
    let runs: Vec<_> = (0..30).map(|seed| run("run", TrainSettings { seed, ..TrainSettings::default() })).collect();
    let picture = compare(&runs);
    let svg = Document::parse(&picture).unwrap();
    let looks = elements(&svg, "polyline").filter(|line| points(*line).len() == 8);
    let looks = looks.map(|line| ["stroke", "stroke-dasharray", "stroke-width"].map(|name| line.attribute(name)));
    let looks: std::collections::HashSet<_> = looks.collect();
    assert_eq!(looks.len(), 60, "training and test of each");
}

#[test]
fn runs_with_different_losses_come_with_a_warning() {
    let mse = TrainSettings { loss: gemmnist::nn::Loss::Mse, ..TrainSettings::default() };
    for (settings, warned) in [(mse, true), (TrainSettings::default(), false)] {
        let picture = compare(&[run("a", TrainSettings::default()), run("b", settings)]);
        assert_eq!(picture.contains("costs do not compare"), warned);
        assert_eq!(picture.contains("cross-entropy, mean of the images"), !warned);
    }
}

#[test]
fn a_confusion_matrix_shows_every_count_at_its_row_and_column() {
    let evaluation = evaluation(5, |label, predicted| (10 * label + predicted) as u64 % 4);
    let picture = confusion(&evaluation, &names(5), "title");
    let svg = Document::parse(&picture).unwrap();
    let cells: Vec<_> = elements(&svg, "rect").filter(|cell| cell.has_children()).collect();
    let side = number(&cells[0], "width");
    let (left, top) = (number(&cells[0], "x"), number(&cells[0], "y")); // that of 0 taken for 0
    for ((label, predicted), &count) in evaluation.confusion.indexed_iter() {
        let at = |cell: &&Node| {
            let column = (number(cell, "x") - left) / side;
            let row = (number(cell, "y") - top) / side;
            (row.round() as usize, column.round() as usize) == (label, predicted)
        };
        let tip = cells.iter().find(at).and_then(|cell| cell.first_element_child()?.text());
        let all = evaluation.confusion.row(label).sum();
        let share = 100.0 * count as f64 / all as f64;
        let expected = (count > 0).then(|| format!("{label} taken for {predicted}: {count}, {share:.2} %"));
        assert_eq!(tip, expected.as_deref());
    }
}

#[test]
fn a_confusion_matrix_tells_how_many_of_each_class_were_recognised() {
    let mut evaluation = evaluation(3, |_, _| 5);
    evaluation.confusion.row_mut(2).fill(0);
    let picture = confusion(&evaluation, &["T-shirt", "Ankle boot", "Bag"].map(str::to_owned), "title");
    let svg = Document::parse(&picture).unwrap();
    let texts = texts(&svg);
    assert_eq!(texts.iter().filter(|text| **text == "90.00 %").count(), 2, "{texts:?}");
    assert_eq!(texts.iter().filter(|text| **text == "none").count(), 1, "a class without images: {texts:?}");
    assert_eq!(texts.iter().filter(|text| **text == "Ankle boot").count(), 2, "row and column: {texts:?}");
}

#[test]
fn a_network_shows_its_shapes_and_where_its_parameters_are() {
    let picture = network(&perceptron(&[16, 16]), "a textbook's");
    let svg = Document::parse(&picture).unwrap();
    let texts = texts(&svg);
    for expected in ["784 × 16 + 16", "= 12,560", "16 × 16 + 16", "= 272", "16 × 10 + 10", "= 170"] {
        assert!(texts.contains(&expected), "{expected}: {texts:?}");
    }
    assert!(texts.contains(&"12,560 + 272 + 170 = 13,002 parameters"), "{texts:?}");
    for class in names(10) {
        assert!(texts.contains(&class.as_str()), "every output has its class: {texts:?}");
    }
    let nodes = elements(&svg, "circle").filter(|circle| number(circle, "r") > 5.0).count();
    assert_eq!(nodes, 14 + 16 + 16 + 10, "the inputs do not all fit");
    let connections: Vec<_> =
        elements(&svg, "path").map(|path| path.attribute("d").unwrap().matches('M').count()).collect();
    assert_eq!(connections, [14 * 16, 16 * 16, 16 * 10]);
}

#[test]
fn a_network_marks_dropout_and_a_bias_on_the_input() {
    let architecture = perceptron(&[128]).with_dropout(0.2, 0.5).with_input_bias(Activation::Tanh);
    let picture = network(&architecture, "title");
    let svg = Document::parse(&picture).unwrap();
    let texts = texts(&svg);
    for expected in ["+ 784 biases, tanh", "dropout 0.2", "dropout 0.5", "784 + 100,480 + 1,290 = 102,554 parameters"] {
        assert!(texts.contains(&expected), "{expected}: {texts:?}");
    }
    let dashed = elements(&svg, "circle").filter(|circle| circle.has_attribute("stroke-dasharray")).count();
    assert_eq!(dashed, 14 + 14, "inputs and hidden units, not the outputs");
}
