//! What a network takes for what.

use super::plot::{self, MARGIN};
use super::svg::{GRAY, INK, Px, Svg, fit, width_of};
use crate::eval::Evaluation;
use crate::format::{percent, thousands};

/// Above the column heads.
const HEAD: f64 = 88.0;
/// Longest name of a class, in pixels.
const NAME: f64 = 130.0;
/// The two columns at the right.
const SIDE: f64 = 150.0;
/// What the shades mean.
const FOOT: f64 = 52.0;
/// Room for the heading where there are few classes.
const LEAST_WIDTH: f64 = 620.0;
/// A class taken for itself.
const RIGHT: &str = "rgb(0,70,130)";
/// A class taken for another.
const WRONG: &str = "rgb(208,80,0)";

/// Sizes of a matrix, by its number of classes.
struct Layout {
    classes: usize,
    font: f64,
    cell: f64,
    /// Upper left corner of the matrix.
    left: f64,
    top: f64,
    /// Whether the column heads stand upright, for want of room.
    upright: bool,
}

impl Layout {
    fn of(evaluation: &Evaluation, names: &[String]) -> Self {
        let classes = names.len();
        let (font, least) = match classes {
            0..=12 => (12.0, 44.0),
            13..=30 => (10.0, 30.0),
            _ => (8.5, 22.0),
        };
        let largest = evaluation.confusion.iter().max().copied().unwrap_or(0).to_string();
        let cell = f64::max(least, width_of(&largest, font) + 6.0);
        let widest = names.iter().map(|name| width_of(name, font).min(NAME)).fold(0.0, f64::max);
        let upright = widest > cell - 4.0;
        let head = if upright { widest } else { font };
        Self { classes, font, cell, left: MARGIN + 30.0 + widest, top: HEAD + head + 10.0, upright }
    }

    fn side(&self) -> f64 {
        self.cell * self.classes as f64
    }

    /// Middle of row or column `class`, from the edge of the matrix.
    fn middle(&self, class: usize) -> f64 {
        (class as f64 + 0.5) * self.cell
    }
}

/// The confusion matrix as SVG: a row a label, a column a prediction, each cell shaded by its share of the row, beside it
/// how many of the class were recognised. `names` are those of the classes, (K).
pub fn confusion(evaluation: &Evaluation, names: &[String], title: &str) -> String {
    let layout = Layout::of(evaluation, names);
    let width = (layout.left + layout.side() + SIDE + MARGIN).max(LEAST_WIDTH);
    let height = layout.top + layout.side() + FOOT + MARGIN;
    let summary = format!(
        "{} of {} images recognised: {}",
        thousands(evaluation.confusion.diag().sum()),
        thousands(evaluation.confusion.sum()),
        percent(evaluation.scores.accuracy)
    );
    let mut svg = Svg::new((width, height), title, &format!("Confusion matrix. {summary}."));
    plot::draw_heading(&mut svg, width, title, &summary);
    draw_heads(&mut svg, &layout, names);
    for label in 0..names.len() {
        draw_row(&mut svg, &layout, evaluation, names, label);
        draw_side(&mut svg, &layout, evaluation, label);
    }
    draw_lines(&mut svg, &layout);
    draw_shades(&mut svg, &layout);
    svg.finish()
}

/// Names of the classes above and to the left, and what rows and columns are.
fn draw_heads(svg: &mut Svg, layout: &Layout, names: &[String]) {
    let Layout { font, left, top, .. } = *layout;
    for (class, name) in names.iter().enumerate() {
        let name = fit(name, NAME, font);
        let x = left + layout.middle(class);
        if layout.upright {
            let x = x + font * 0.35;
            let turned = format!(r#"font-size="{font}" transform="rotate(-90 {} {})""#, Px(x), Px(top - 6.0));
            svg.text((x, top - 6.0), &turned, &name);
        } else {
            svg.text((x, top - 7.0), &format!(r#"font-size="{font}" text-anchor="middle""#), &name);
        }
        let at = (left - 7.0, top + layout.middle(class) + font * 0.35);
        svg.text(at, &format!(r#"font-size="{font}" text-anchor="end""#), &name);
    }
    svg.text((left, HEAD - 8.0), &format!(r#"fill="{GRAY}""#), "taken for");
    let (x, y) = (MARGIN + 10.0, top + layout.side() / 2.0);
    let turned = format!(r#"fill="{GRAY}" text-anchor="middle" transform="rotate(-90 {} {})""#, Px(x), Px(y));
    svg.text((x, y), &turned, "label");
    let right = left + layout.side();
    for (column, head) in SIDE_COLUMNS.into_iter().zip(["images", "recognised"]) {
        svg.text((right + column, top - 7.0), &format!(r#"fill="{GRAY}" text-anchor="end""#), head);
    }
}

/// Right edges of the two columns beside the matrix, from its right edge.
const SIDE_COLUMNS: [f64; 2] = [62.0, SIDE];

fn draw_row(svg: &mut Svg, layout: &Layout, evaluation: &Evaluation, names: &[String], label: usize) {
    let row = evaluation.confusion.row(label);
    let all = row.sum();
    for (predicted, &count) in row.iter().enumerate().filter(|(_, count)| **count > 0) {
        let share = count as f64 / all as f64;
        let (fill, dark) = shade(share, label == predicted);
        let (x, y) = (layout.left + predicted as f64 * layout.cell, layout.top + label as f64 * layout.cell);
        let cell = Px(layout.cell);
        let tip = super::svg::escape(&format!("{} taken for {}", names[label], names[predicted]));
        svg.add(format_args!(
            r#"<rect x="{}" y="{}" width="{cell}" height="{cell}" {fill}><title>{tip}: {count}, {}</title></rect>"#,
            Px(x),
            Px(y),
            percent(share)
        ));
        let ink = if dark { "white" } else { INK };
        let weight = if label == predicted { r#" font-weight="600""# } else { "" };
        let attributes =
            format!(r#"font-size="{}" text-anchor="middle" fill="{ink}"{weight} pointer-events="none""#, layout.font);
        svg.text((x + layout.cell / 2.0, y + layout.cell / 2.0 + layout.font * 0.35), &attributes, count);
    }
}

/// Images of the class, and how many of them were recognised.
fn draw_side(svg: &mut Svg, layout: &Layout, evaluation: &Evaluation, class: usize) {
    let (right, all) = evaluation.of_class(class);
    let rate = if all > 0 { percent(right as f64 / all as f64) } else { "none".to_owned() };
    let y = layout.top + layout.middle(class) + layout.font * 0.35;
    for (column, text) in SIDE_COLUMNS.into_iter().zip([thousands(all), rate]) {
        let x = layout.left + layout.side() + column;
        svg.text((x, y), &format!(r#"font-size="{}" text-anchor="end""#, layout.font), text);
    }
}

/// Between the cells, and around those of the diagonal.
fn draw_lines(svg: &mut Svg, layout: &Layout) {
    let Layout { left, top, cell, classes, .. } = *layout;
    let side = layout.side();
    for edge in (0..=classes).map(|class| class as f64 * cell) {
        svg.line((left, top + edge), (left + side, top + edge), r##"stroke="#ddd""##);
        svg.line((left + edge, top), (left + edge, top + side), r##"stroke="#ddd""##);
    }
    for edge in (0..classes).map(|class| class as f64 * cell) {
        let (x, y, cell) = (Px(left + edge), Px(top + edge), Px(cell));
        svg.add(format_args!(
            r#"<rect x="{x}" y="{y}" width="{cell}" height="{cell}" fill="none" stroke="{INK}" stroke-width="1.2"/>"#
        ));
    }
}

/// What the shades mean.
fn draw_shades(svg: &mut Svg, layout: &Layout) {
    let y = layout.top + layout.side() + 30.0;
    let mut x = layout.left;
    let mut entry = |fill: &str, frame: &str, text: &str| {
        svg.add(format_args!(
            r#"<rect x="{}" y="{}" width="16" height="16" {fill} stroke="{frame}"/>"#,
            Px(x),
            Px(y - 12.5)
        ));
        svg.text((x + 22.0, y), r#"font-size="11""#, text);
        x += 22.0 + width_of(text, 11.0) + 16.0;
    };
    entry(&shade(1.0, true).0, INK, "recognised");
    for (share, text) in [(0.001, "0.1 %"), (0.01, "1 %"), (0.1, "10 %"), (1.0, "100 % of the row mistaken")] {
        entry(&shade(share, false).0, "#ddd", text);
    }
}

/// The colour of a share of a row, as attributes, and whether it is dark. Mistakes are rare: the cube root shows a thousandth
/// as a tenth.
fn shade(share: f64, right: bool) -> (String, bool) {
    let (full, depth) = if right { (RIGHT, share) } else { (WRONG, share.cbrt()) };
    (format!(r#"fill="{full}" fill-opacity="{depth:.3}""#), depth > 0.6)
}
