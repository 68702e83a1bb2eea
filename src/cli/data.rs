//! `gemmnist data`: what data sets are here, are they whole, what do they look like.

use std::io::Write;

use super::Failure;

#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(_args: Args, _out: &mut dyn Write) -> Result<(), Failure> {
    Ok(())
}
