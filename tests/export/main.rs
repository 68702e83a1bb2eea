//! What is written for other tools: exports and event files, taken apart by the formats' specifications and not by the
//! code that wrote them; and `gemmnist export` as a user meets it.

mod cli;
mod files;
mod golden;
mod protobuf;
mod source;
mod support;
mod tensorboard;
