//! A network as textbooks draw it: a column of nodes a layer, and what lies between them.

use std::fmt::Write;

use super::plot;
use super::svg::{GRAY, INK, Point, Px, Svg};
use crate::format::thousands;
use crate::nn::{Activation, Architecture, LayerSpec};

/// From the middle of a column to the middle of the next.
const BETWEEN: f64 = 176.0;
/// Of a node.
const RADIUS: f64 = 9.0;
/// From the middle of a node to the middle of the next.
const STEP: f64 = 25.0;
/// A layer of more nodes shows its first and its last few.
const MOST_NODES: usize = 16;
/// The first, and the last, of a layer that does not show all.
const FEW: usize = 7;
/// Above the nodes: heading, and what the connections are.
const TOP: f64 = 132.0;
/// A line of what is said of a layer.
const NOTE: f64 = 15.0;
/// To the left of the first column and to the right of the last.
const SIDE: f64 = 96.0;
/// Room for the heading where there are few layers.
const LEAST_WIDTH: f64 = 460.0;

/// A layer of units, as it is drawn.
struct Column {
    units: usize,
    /// Below the number of units.
    notes: Vec<String>,
    /// Share that a step leaves out.
    dropout: Option<f64>,
    /// Weights from the column before and biases, and their number in all.
    connection: Option<(String, usize)>,
    /// Parameters that are none of a connection.
    own: usize,
}

/// The network as SVG: layers as columns of nodes, their widths and activations below them, the shape of the weights and
/// the number of parameters on each connection, the sum at the bottom.
pub fn network(architecture: &Architecture, title: &str) -> String {
    let columns = columns(architecture);
    let drawn = LEAST_WIDTH.max(2.0 * SIDE + (columns.len() - 1) as f64 * BETWEEN);
    let tallest = columns.iter().map(|column| places(column.units).len()).max().unwrap_or(1);
    let middle = TOP + tallest as f64 * STEP / 2.0;
    let bottom = TOP + tallest as f64 * STEP;
    let notes = columns.iter().map(|column| column.notes.len()).max().unwrap_or(0);
    let height = bottom + 84.0 + NOTE * notes as f64;
    let sum = sum(&columns, architecture.parameters());
    let mut svg = Svg::new((drawn, height), title, &format!("{}. {sum}.", architecture.describe()));
    let described = architecture.describe();
    let particulars = described.split_once(", ").map_or("", |(_widths, rest)| rest);
    plot::draw_heading(&mut svg, drawn, title, particulars);

    let first = drawn / 2.0 - (columns.len() - 1) as f64 * BETWEEN / 2.0;
    let x = |column: usize| first + column as f64 * BETWEEN;
    for (i, pair) in columns.windows(2).enumerate() {
        draw_connections(&mut svg, (x(i), &pair[0]), (x(i + 1), &pair[1]), middle);
    }
    for (i, column) in columns.iter().enumerate() {
        draw_nodes(&mut svg, (x(i), middle), column);
        draw_notes(&mut svg, (x(i), bottom + 22.0), column);
    }
    if let Some(outputs) = columns.last().filter(|_| columns.len() > 1) {
        draw_classes(&mut svg, (x(columns.len() - 1), middle), outputs.units);
    }
    svg.text((drawn / 2.0, height - 20.0), r#"font-size="13" text-anchor="middle""#, sum);
    svg.finish()
}

fn columns(architecture: &Architecture) -> Vec<Column> {
    let input = Column {
        units: architecture.inputs,
        notes: vec!["inputs".to_owned()],
        dropout: None,
        connection: None,
        own: 0,
    };
    let mut columns = vec![input];
    let last = architecture.layers.iter().rposition(|layer| matches!(layer, LayerSpec::Dense(_)));
    for (i, (layer, inputs)) in architecture.layers_with_inputs().enumerate() {
        let parameters = layer.spec().parameters(inputs);
        let here = columns.last_mut().expect("begun with the inputs");
        match layer {
            LayerSpec::Dense(dense) => columns.push(Column {
                units: dense.outputs,
                notes: unit_notes(dense.activation, (Some(i) == last).then_some(architecture)),
                dropout: None,
                connection: Some((format!("{} × {} + {}", inputs, dense.outputs, dense.outputs), parameters)),
                own: 0,
            }),
            LayerSpec::Dropout(dropout) => {
                here.dropout = Some(dropout.rate);
                here.notes.push(format!("dropout {}", dropout.rate));
            }
            LayerSpec::InputBias(bias) => {
                here.own += parameters;
                here.notes.push(format!("+ {} biases, {}", thousands(parameters), bias.activation));
            }
        }
    }
    columns
}

/// What the units of a dense layer are; `output_of`: the network, if they are its last.
fn unit_notes(activation: Activation, output_of: Option<&Architecture>) -> Vec<String> {
    let own = (activation != Activation::Identity).then(|| activation.to_string());
    match output_of {
        Some(architecture) => {
            ["outputs".to_owned()].into_iter().chain(own).chain([architecture.output.to_string()]).collect()
        }
        None => vec!["hidden".to_owned(), activation.to_string()],
    }
}

/// The units that are shown, from the top; `None` where some are left out.
fn places(units: usize) -> Vec<Option<usize>> {
    if units <= MOST_NODES {
        return (0..units).map(Some).collect();
    }
    (0..FEW).map(Some).chain([None]).chain((units - FEW..units).map(Some)).collect()
}

/// Units with their places on the paper, in a column whose middle is at `middle`.
fn nodes(units: usize, (x, middle): Point) -> impl Iterator<Item = (Option<usize>, Point)> {
    let places = places(units);
    let top = middle - (places.len() as f64 - 1.0) / 2.0 * STEP;
    places.into_iter().enumerate().map(move |(i, unit)| (unit, (x, top + i as f64 * STEP)))
}

fn draw_connections(svg: &mut Svg, (from, before): (f64, &Column), (to, after): (f64, &Column), middle: f64) {
    let mut lines = String::new();
    for (_, (x1, y1)) in nodes(before.units, (from, middle)).filter(|(unit, _)| unit.is_some()) {
        for (_, (x2, y2)) in nodes(after.units, (to, middle)).filter(|(unit, _)| unit.is_some()) {
            let _ = write!(lines, "M{} {}L{} {}", Px(x1), Px(y1), Px(x2), Px(y2)); // as all writing to a string
        }
    }
    svg.add(format_args!(
        r##"<path d="{lines}" fill="none" stroke="#8a8a8a" stroke-width="0.5" stroke-opacity="0.6"/>"##
    ));
    if let Some((shape, parameters)) = &after.connection {
        let x = (from + to) / 2.0;
        svg.text((x, TOP - 44.0), r#"text-anchor="middle""#, shape);
        svg.text((x, TOP - 28.0), r#"text-anchor="middle" font-weight="600""#, format!("= {}", thousands(parameters)));
    }
}

fn draw_nodes(svg: &mut Svg, at: Point, column: &Column) {
    let dashes = if column.dropout.is_some() { r#" stroke-dasharray="2.5 2.5""# } else { "" };
    for (unit, (x, y)) in nodes(column.units, at) {
        let circle = |svg: &mut Svg, y: f64, radius: f64, attributes: &str| {
            svg.add(format_args!(r#"<circle cx="{}" cy="{}" r="{radius}" {attributes}/>"#, Px(x), Px(y)));
        };
        match unit {
            Some(_) => circle(svg, y, RADIUS, &format!(r##"fill="#fff" stroke="{INK}" stroke-width="1.2"{dashes}"##)),
            None => [-6.0, 0.0, 6.0].into_iter().for_each(|dy| circle(svg, y + dy, 1.6, &format!(r#"fill="{INK}""#))),
        }
    }
}

/// Number of units, what they are, what else is done to them.
fn draw_notes(svg: &mut Svg, (x, y): Point, column: &Column) {
    svg.text((x, y), r#"font-size="15" font-weight="600" text-anchor="middle""#, thousands(column.units));
    for (i, note) in column.notes.iter().enumerate() {
        let attributes = format!(r#"text-anchor="middle" fill="{GRAY}""#);
        svg.text((x, y + 18.0 + NOTE * i as f64), &attributes, note);
    }
}

/// The number of its class beside each output.
fn draw_classes(svg: &mut Svg, at: Point, classes: usize) {
    for (class, (x, y)) in nodes(classes, at) {
        if let Some(class) = class {
            svg.text((x + RADIUS + 8.0, y + 4.0), "", class);
        }
    }
}

/// `100,480 + 1,290 = 101,770 parameters`.
fn sum(columns: &[Column], all: usize) -> String {
    let terms = columns.iter().flat_map(|column| [column.own, column.connection.as_ref().map_or(0, |(_, n)| *n)]);
    let terms: Vec<_> = terms.filter(|term| *term > 0).map(thousands).collect();
    let shown = if terms.len() > 1 { format!("{} = ", terms.join(" + ")) } else { String::new() };
    format!("{shown}{} parameters", thousands(all))
}
