//! The bar on a terminal: how far, how fast, how long yet.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::drawing::Characters;
use super::epochs::loss;
use super::terminal::Progress;
use crate::format::thousands;
use crate::train::RunningScore;

/// A bar that moves more often flickers, and costs time.
const REDRAWS_A_SECOND: u8 = 10;
/// Columns that all of it needs; a narrower terminal shows how far, and how long yet.
const WIDE: usize = 80;

/// A bar over a number of images.
pub struct Bar {
    bar: ProgressBar,
    /// The loss over the epoch so far, as bits: read when the bar is drawn, not at every step.
    loss: Arc<AtomicU64>,
}

impl Bar {
    /// From none to `images` images; invisible unless `progress` asks for it.
    pub fn new(progress: Progress, images: usize) -> Self {
        let target = match progress {
            Progress::Bar => ProgressDrawTarget::stderr_with_hz(REDRAWS_A_SECOND),
            Progress::Hidden => ProgressDrawTarget::hidden(),
        };
        let template = match progress.width() {
            Some(..WIDE) => "{msg} {wide_bar} {percent:>3}% {eta}",
            _ => "{msg}, loss {loss} {wide_bar} {percent:>3} %  {speed}  {eta} left",
        };
        let characters = match Characters::of_locale() {
            Characters::Unicode => "█▉▊▋▌▍▎▏ ",
            Characters::Ascii => "#. ",
        };
        let running = Arc::new(AtomicU64::new(f64::NAN.to_bits()));
        let shown = Arc::clone(&running);
        // A bar that fails is no bar: what writing returns is of no use.
        let style = ProgressStyle::with_template(template)
            .expect("a template that a test draws")
            .with_key("speed", |state: &ProgressState, text: &mut dyn Write| {
                let _ = write!(text, "{} images/s", thousands(state.per_sec().round()));
            })
            .with_key("loss", move |_: &ProgressState, text: &mut dyn Write| {
                let value = f64::from_bits(shown.load(Ordering::Relaxed));
                let _ = write!(text, "{}", loss((!value.is_nan()).then_some(value)));
            })
            .progress_chars(characters);
        Self { bar: ProgressBar::with_draw_target(Some(images as u64), target).with_style(style), loss: running }
    }

    /// What is going on, before the bar.
    pub fn announce(&self, message: String) {
        self.bar.set_message(message);
    }

    /// So many images more, and what the epoch has come to.
    pub fn advance(&self, images: usize, so_far: RunningScore) {
        self.loss.store(so_far.scores().loss.to_bits(), Ordering::Relaxed);
        self.bar.inc(images as u64);
    }

    /// Lines and the bar share a terminal: the bar makes room.
    pub fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    /// Removes the bar: lines follow, or an error.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
