//! The bar on a terminal: how far, how fast, how long yet.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::Progress;
use crate::format::thousands;

/// A bar that moves more often flickers, and costs time.
const REDRAWS_A_SECOND: u8 = 10;

/// A bar over a number of images.
pub struct Bar(ProgressBar);

impl Bar {
    /// From none to `images` images; invisible unless `progress` asks for it.
    pub fn new(progress: Progress, images: usize) -> Self {
        let target = match progress {
            Progress::Bar => ProgressDrawTarget::stderr_with_hz(REDRAWS_A_SECOND),
            Progress::Hidden => ProgressDrawTarget::hidden(),
        };
        let style = ProgressStyle::with_template("{msg} {bar:40} {percent:>3} %  {speed}  {eta} left")
            .expect("a template that a test draws")
            .with_key("speed", |state: &ProgressState, text: &mut dyn std::fmt::Write| {
                let _ = write!(text, "{} images/s", thousands(state.per_sec().round())); // a bar that fails is no bar
            });
        Self(ProgressBar::with_draw_target(Some(images as u64), target).with_style(style))
    }

    /// What is going on, before the bar.
    pub fn announce(&self, message: String) {
        self.0.set_message(message);
    }

    /// So many images more.
    pub fn advance(&self, images: usize) {
        self.0.inc(images as u64);
    }

    /// Lines and the bar share a terminal: the bar makes room.
    pub fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }

    /// Removes the bar: lines follow, or an error.
    pub fn clear(&self) {
        self.0.finish_and_clear();
    }
}
