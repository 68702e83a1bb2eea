//! The images that a network was most wrong about, and what it thought of them.

use super::html::Page;
use super::png;
use super::run_page::Outcome;
use super::svg::{Px, escape};
use crate::eval::Prediction;
use crate::format::percent;

/// Images that are shown at most.
const MOST: usize = 30;
/// Pixels of images that are shown at most, so that a page stays small.
const MOST_PIXELS: usize = 400_000;
/// Classes that are named with each: the most probable ones, and the right one.
const CLASSES: usize = 3;

/// The numbers of the images that were taken for another class, those first whose own class was thought least probable.
pub(super) fn worst(labels: &[u8], predictions: &[Prediction]) -> Vec<usize> {
    let of_label = |i: usize| predictions[i].probabilities[usize::from(labels[i])];
    let wrong = (0..labels.len()).filter(|&i| predictions[i].class != labels[i]);
    let mut wrong: Vec<_> = wrong.collect();
    wrong.sort_by(|&a, &b| of_label(a).total_cmp(&of_label(b)).then(a.cmp(&b)));
    wrong
}

/// The worst of `outcome`'s mistakes as a list of pictures, each with its label and the probabilities of some classes.
pub(super) fn gallery(page: &mut Page, outcome: &Outcome<'_>, worst: &[usize]) {
    let room = MOST_PIXELS / outcome.test.pixels();
    page.add(format_args!("<ul class=\"mistakes\">"));
    for &i in worst.iter().take(MOST.min(room)) {
        entry(page, outcome, i);
    }
    page.add(format_args!("</ul>"));
}

fn entry(page: &mut Page, outcome: &Outcome<'_>, i: usize) {
    let (test, names) = (outcome.test, outcome.class_names);
    let (label, prediction) = (usize::from(test.labels()[i]), &outcome.predictions[i]);
    let (is, taken) = (escape(&names[label]), escape(&names[usize::from(prediction.class)]));
    let (height, width) = test.size();
    page.add(format_args!(
        "<li><figure><img src=\"{}\" width=\"{width}\" height=\"{height}\" alt=\"test image {i}\">\n\
         <figcaption><b>{is}</b> taken for <b>{taken}</b>\n<dl>",
        png::data_uri(test.image(i), (height, width), 1),
    ));
    let ranked = prediction.ranked();
    let likely = ranked.iter().take(CLASSES).filter(|(class, _)| *class != label).take(CLASSES - 1);
    for &(class, probability) in likely.chain(ranked.iter().filter(|(class, _)| *class == label)) {
        let kind = match class {
            _ if class == label => "right",
            _ if class == usize::from(prediction.class) => "wrong",
            _ => "other",
        };
        page.add(format_args!(
            "<div class=\"{kind}\"><dt>{}</dt><dd><svg viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
             <rect width=\"{}\" height=\"8\"/></svg></dd><dd>{}</dd></div>",
            escape(&names[class]),
            Px(100.0 * f64::from(probability)),
            percent(probability.into()),
        ));
    }
    page.add(format_args!("</dl></figcaption></figure></li>"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_mistake_is_the_one_whose_own_class_was_thought_least_probable() {
        let think = |probabilities: [f32; 3], class| Prediction { class, probabilities: probabilities.to_vec() };
        let predictions = [
            think([0.6, 0.3, 0.1], 0), // right
            think([0.5, 0.4, 0.1], 0),
            think([0.1, 0.01, 0.89], 2),
            think([0.2, 0.01, 0.79], 2),
        ];
        assert_eq!(worst(&[0, 1, 1, 1], &predictions), [2, 3, 1], "of equals the first");
    }
}
