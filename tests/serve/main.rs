//! `gemmnist serve` as a browser meets it, and as those do who are up to something.

#![cfg(all(feature = "serve", unix))]

mod browser;
mod page;
mod strangers;
mod support;
