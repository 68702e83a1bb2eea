//! What people look at: the report of a run, the page of several, predictions, a sweep of learning rates, examples in help,
//! the guide.
#![cfg(feature = "report")]

mod colours;
mod commands;
mod examples;
mod guide;
mod place;
