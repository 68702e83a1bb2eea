//! Several runs on one page.

use super::compare::{COLORS, Drawn, in_common, test_look};
use super::html::{Cell, Page};
use super::plot;
use super::svg::Svg;
use crate::format::count;
use crate::train::{RunRecord, differences};

/// Runs laid over each other as one HTML file, with a table of them: `head` names its columns, `rows` are in the order of
/// `runs`, the name of a run first.
pub fn compare_page(runs: &[RunRecord], head: &[String], rows: &[Vec<String>], left_out: &[String]) -> String {
    let different = differences(runs);
    let drawn = Drawn::of(runs, &different);
    let mut page = Page::new();
    page.section("curves", "Curves", |page| {
        page.side_by_side("beside", |page| {
            drawn.panels().iter().for_each(|panel| page.picture(&plot::alone(panel), None));
        });
        page.paragraph("Thick: on the test images, after the epoch. Thin: on the training images, while learning.");
        if !drawn.one_loss {
            page.paragraph("The losses are not the same: costs do not compare, accuracies do.");
        }
        if runs.len() > COLORS.len() {
            page.paragraph("Colours come again, with other dashes and markers.");
        }
    });
    page.section("runs", "Runs", |page| {
        let head = [Cell::text("curve"), Cell::text(&head[0])].into_iter().chain(head[1..].iter().map(Cell::number));
        let row = |(i, row): (usize, &Vec<String>)| {
            let first = [Cell::Text(key(i)), Cell::head(&row[0])];
            first.into_iter().chain(row[1..].iter().map(Cell::number)).collect()
        };
        let rows: Vec<Vec<Cell>> = rows.iter().enumerate().map(row).collect();
        page.table("What the runs came to, and where their settings differ", &head.collect::<Vec<_>>(), &rows);
        left_out.iter().for_each(|line| page.paragraph(line));
    });
    page.finish(&format!("{} compared", count(runs.len(), "run")), &in_common(runs, &different))
}

/// A piece of the curve of run `i`.
fn key(i: usize) -> String {
    let mut svg = Svg::new((36.0, 14.0), &format!("curve {}", i + 1), "the line of this run");
    test_look(i).legend(&mut svg, (3.0, 11.0), "");
    svg.finish().replace('\n', " ")
}
