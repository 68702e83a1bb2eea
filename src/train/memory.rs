//! How much memory a training takes: told, and held against what is free, before any of it is asked for.

use super::TrainConfig;
use crate::error::{Error, Problem, Result};
use crate::format::megabytes;
use crate::nn::{Architecture, LayerSpec, Network};
use crate::optim::OptimizerName;

/// Of the program and its libraries, measured: a run on 7 x 7 digits takes 14 MB.
const PROGRAM: u64 = 13_000_000;
/// Of a number.
const F32: u64 = 4;
/// Images that a thread evaluates at once.
const EVALUATED: u64 = 50;

impl TrainConfig {
    /// Bytes that a training of `architecture` on `images` images takes at most, beside the images themselves: parameters,
    /// what the optimizer remembers, the buffers of a step, or of several at once, the two batches after it, those of each thread's evaluation, and a checkpoint twice (its
    /// arrays, and the file made of them).
    pub fn memory(&self, architecture: &Architecture, images: usize) -> u64 {
        let parameters = architecture.parameters() as u64 * F32;
        let layers = architecture.layers_with_inputs();
        let largest = layers.map(|(layer, inputs)| layer.spec().parameters(inputs)).max().unwrap_or(0) as u64;
        let (memories, gradient) = match self.optimizer {
            OptimizerName::Sgd => (0, 0),
            OptimizerName::Momentum | OptimizerName::Nesterov | OptimizerName::RmsProp => (1, largest),
            OptimizerName::Adam | OptimizerName::AdamW => (2, largest),
        };
        let state = parameters.saturating_mul(1 + memories);
        let batch = self.batch_size.min(images).max(Network::IMAGES_AT_ONCE) as u64;
        let rows = batch.saturating_add(EVALUATED.saturating_mul(self.threads() as u64));
        let buffers = rows.saturating_mul(numbers_an_image(architecture) * F32);
        let next = batch.saturating_mul(2 * 5 * architecture.inputs as u64);
        let order = images as u64 * F32;
        [state, gradient.saturating_mul(F32), buffers, next, order, state.saturating_mul(2), PROGRAM]
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    /// That as much is free, where the system tells.
    ///
    /// # Errors
    /// [`Error::Settings`] naming `--hidden`.
    pub(super) fn require_memory(&self, architecture: &Architecture, images: usize) -> Result<()> {
        match (self.memory(architecture, images), free()) {
            (needed, Some(free)) if needed > free => Err(Error::Settings(vec![Problem {
                place: "--hidden".to_owned(),
                expected: format!("a training for which there is memory, {} are free", megabytes(free)),
                found: format!("{architecture} in batches of {}, which takes {}", self.batch_size, megabytes(needed)),
                remedy: Some("choose narrower layers, smaller batches or fewer threads".to_owned()),
            }])),
            _ => Ok(()),
        }
    }
}

/// Inputs, and of each layer its outputs, their gradients, and for dropout its mask.
fn numbers_an_image(architecture: &Architecture) -> u64 {
    let of_layer = |(layer, inputs): (&LayerSpec, usize)| {
        let arrays = if matches!(layer, LayerSpec::Dropout(_)) { 3 } else { 2 };
        (layer.spec().outputs(inputs) as u64).saturating_mul(arrays)
    };
    // A batch without zeros takes up to five bytes a pixel.
    let inputs = (architecture.inputs as u64).saturating_mul(5) / F32;
    architecture.layers_with_inputs().map(of_layer).fold(inputs, u64::saturating_add)
}

/// Bytes that this process may still take: of the machine, and of the group it was put in. Linux tells.
fn free() -> Option<u64> {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let number = |path: &str| read(path)?.trim().parse::<u64>().ok();
    let of_machine = read("/proc/meminfo").and_then(|text| available(&text));
    let limits = number("/sys/fs/cgroup/memory.max").zip(number("/sys/fs/cgroup/memory.current"));
    let of_group = limits.map(|(most, now)| most.saturating_sub(now));
    of_machine.into_iter().chain(of_group).min()
}

/// The line `MemAvailable:   3915312 kB` of `/proc/meminfo`, in bytes.
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::TrainSettings;

    #[test]
    fn the_free_memory_is_read_off_what_the_system_tells() {
        let meminfo = "MemTotal:       4018148 kB\nMemFree:         123456 kB\nMemAvailable:    3915312 kB\n";
        assert_eq!(available(meminfo), Some(3_915_312 * 1024));
        assert_eq!(available("MemTotal: 1 kB\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_training_that_takes_more_than_is_free_is_refused_before_it_is_tried() {
        let settings = TrainSettings { hidden: vec![20_000, 20_000], threads: Some(2), ..TrainSettings::default() };
        let adam = TrainSettings { optimizer: OptimizerName::Adam, batch_size: 8000, ..settings };
        let config = adam.check().unwrap();
        let architecture = config.architecture(784, 10);
        let needed = config.memory(&architecture, 60_000);
        let parameters = 784 * 20_000 + 20_000 * 20_000 + 20_000 * 10 + 40_010;
        // Nine times for parameters, two memories, and both twice more in a checkpoint; the gradient; the buffers.
        assert!((11 * 4 * parameters..12 * 4 * parameters).contains(&needed), "{needed}");
        let asked = config.require_memory(&architecture, 60_000);
        if free().is_some_and(|free| free < needed) {
            let message = asked.unwrap_err().to_string();
            let found = "found 784-20000-20000-10 in batches of 8000, which takes ";
            assert!(message.starts_with("--hidden: expected") && message.contains(found), "{message}");
        } else {
            asked.unwrap();
        }
    }
}
