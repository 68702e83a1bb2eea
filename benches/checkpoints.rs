//! What checkpoints cost the main job: epochs with and without, in turn in one training, and the time that goes by in saving.
//!
//! `cargo bench --bench checkpoints`, with the number of epochs in `GEMMNIST_EPOCHS` (200).

use std::time::{Duration, Instant};

use gemmnist::Result;
use gemmnist::data;
use gemmnist::eval;
use gemmnist::nn::loss;
use gemmnist::train::{Moment, Observer, RunFolder, TrainSettings, Trainer};

/// Keeps checkpoints in every second epoch. The clock is looked at in all of them: that alone takes half a per cent.
struct InTurn<'d> {
    folder: RunFolder<'d>,
    /// Time that went by between steps, in epochs without and with checkpoints.
    between: [Duration; 2],
}

fn is_kept(epoch: usize) -> bool {
    epoch.is_multiple_of(2)
}

impl Observer for InTurn<'_> {
    fn between_steps(&mut self, moment: &Moment<'_>) -> Result<()> {
        let (started, is_kept) = (Instant::now(), is_kept(moment.position.epoch));
        if is_kept {
            self.folder.between_steps(moment)?;
        }
        self.between[usize::from(is_kept)] += started.elapsed();
        Ok(())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> Result<()> {
    let epochs =
        std::env::var("GEMMNIST_EPOCHS").map_or(200, |epochs| epochs.parse().expect("GEMMNIST_EPOCHS: a number"));
    let mnist = data::load("mnist")?;
    let config = TrainSettings { epochs, ..TrainSettings::default() }.check()?;
    let objective = loss::objective(config.output, config.loss).expect("a checked pair");
    let place = tempfile::tempdir().expect("a folder for a run");
    let folder = RunFolder::create(place.path(), None, &config, &mnist.train)?;
    let judge = eval::judge(objective, config.input(), None, &mnist.test);
    let mut trainer = Trainer::new(config, &mnist.train)?;
    let mut observer = InTurn { folder, between: [Duration::ZERO; 2] };
    let started = Instant::now();
    trainer.run(&judge, &mut observer)?;
    let all = started.elapsed();
    let seconds = |kept: bool| -> Vec<f64> {
        let epochs = trainer.history().epochs.iter().filter(|epoch| is_kept(epoch.epoch) == kept);
        epochs.map(|epoch| epoch.train_seconds).collect()
    };
    let ratios = seconds(true).iter().zip(seconds(false)).map(|(with, without)| with / without).collect();
    println!("{epochs} epochs, every second one with checkpoints");
    println!("median epoch with     {:.4} s", median(seconds(true)));
    println!("median epoch without  {:.4} s", median(seconds(false)));
    println!("median ratio of neighbours  {:.4}", median(ratios));
    let [without, with] = observer.between.map(|time| time.as_secs_f64());
    println!("time in checkpoints         {:.2} % of all", 100.0 * (with - without) / all.as_secs_f64());
    Ok(())
}
