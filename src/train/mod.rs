//! Training: settings, the loop, its history, and the files of a run.
//!
//! Never sees the test split (it asks a judge, and writes down what the judge says), and never prints: observers do.

mod history;
mod lr_find;
pub mod model_file;
mod run_folder;
mod run_record;
mod settings;

use std::time::Instant;

pub use history::{EpochRecord, History, Judgement, RunningScore, Scores, StepRecord};
pub use lr_find::{Sweep, Trial};
pub use run_folder::{RunFolder, new_folder};
pub use run_record::{LeftOut, RunRecord, Runs, differences, read_runs};
pub use settings::{ClassWeights, Draft, FIELDS, Field, InitName, InputName, Range, TrainConfig, TrainSettings};
pub(crate) use settings::{parse_toml, read_toml};

use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::linalg::team;
use crate::nn::{Batch, Network, Objective, Parameter, Step, Workspace, loss};
use crate::optim::{Optimizer, Schedule, optimizer};
use crate::threads::Crew;

/// Watches a run. Nothing it does changes the outcome.
pub trait Observer {
    /// A step is over.
    fn step(&mut self, record: &StepRecord) {
        let _ = record;
    }

    /// An epoch is over.
    ///
    /// # Errors
    /// Ends the run: its files can no longer be written.
    fn epoch(&mut self, record: &EpochRecord) -> Result<()> {
        let _ = record;
        Ok(())
    }

    /// The epoch that is over left the network with the lowest validation loss so far.
    ///
    /// # Errors
    /// As [`epoch`](Self::epoch).
    fn best(&mut self, record: &EpochRecord, network: &Network) -> Result<()> {
        let _ = (record, network);
        Ok(())
    }
}

/// Watches nothing.
impl Observer for () {}

/// Judges a network after every epoch, beside the shuffling for the next one.
pub type Judge<'a> = dyn Fn(&Network) -> Judgement + Send + Sync + 'a;

/// A network and all it needs to learn.
#[derive(Debug)]
pub struct Trainer<'d> {
    config: TrainConfig,
    data: &'d Dataset,
    network: Network,
    objective: &'static dyn Objective,
    /// The same with class weights, where there are any.
    weighted: Option<loss::Weighted>,
    optimizer: Box<dyn Optimizer>,
    schedule: Schedule,
    /// Of the last step.
    learning_rate: f64,
    workspace: Workspace,
    /// The batch after the one in `workspace`.
    next: Batch,
    order: Vec<u32>,
    crew: Crew,
    history: History,
    step: u64,
}

impl<'d> Trainer<'d> {
    /// A network with its initial parameters, ready for the first epoch on `data`.
    ///
    /// # Errors
    /// [`Error::Model`] if `init_from` is not a file with parameters of this network, [`Error::Settings`] if the network
    /// is too large to be meant.
    pub fn new(config: TrainConfig, data: &'d Dataset) -> Result<Self> {
        let architecture = config.architecture(data.pixels(), data.classes());
        config.check_size(&architecture, data.len())?;
        let schedule = config.schedule(data.len())?;
        let objective = loss::objective(config.output, config.loss).expect("checked with the settings");
        let class_weights = config.class_weights(data.labels(), data.classes())?;
        let mut network = Network::initialised(architecture, config.init(), config.seed());
        if let Some(path) = &config.init_from {
            model_file::read_parameters(path, &mut network)?;
        }
        let batch_size = config.batch_size.min(data.len());
        Ok(Self {
            objective,
            weighted: class_weights.map(|weights| loss::Weighted::new(objective, weights)),
            optimizer: optimizer(config.optimizer, config.l2, &network),
            schedule,
            learning_rate: schedule.learning_rate,
            workspace: Workspace::new(&network, batch_size),
            next: Batch::new(&network, batch_size),
            order: (0..data.len() as u32).collect(),
            crew: Crew::new(config.threads(), network.largest_product(batch_size))?,
            history: History::default(),
            step: 0,
            config,
            data,
            network,
        })
    }

    /// The network as it is now.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The epochs so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Trains for all epochs of the settings, or until the validation loss has not fallen for as many as `patience` says.
    /// `judge` is asked after each.
    ///
    /// # Errors
    /// [`Error::Diverged`] at the first step whose loss is not finite, [`Error::Data`] if the file that the images are mapped from was
    /// written meanwhile, or what `observer` returns.
    pub fn run(&mut self, judge: &Judge<'_>, observer: &mut dyn Observer) -> Result<()> {
        self.shuffle(1);
        for epoch in 1..=self.config.epochs {
            let started = Instant::now();
            let train = self.learn_epoch(epoch, observer)?;
            let train_seconds = started.elapsed().as_secs_f64();
            self.data.require_unchanged()?;
            let judgement = self.judge_and_shuffle(judge, epoch + 1);
            let eval_seconds = started.elapsed().as_secs_f64() - train_seconds;
            self.require_finite(judgement.validation, epoch)?;
            let record = self.record(epoch, train, judgement, train_seconds, eval_seconds);
            observer.epoch(&record)?;
            self.history.epochs.push(record);
            if let Some(best) = self.history.best().filter(|best| best.epoch == epoch) {
                observer.best(best, &self.network)?;
            }
            if self.is_out_of_patience() {
                break;
            }
        }
        Ok(())
    }

    /// The test split is not asked.
    fn is_out_of_patience(&self) -> bool {
        let waited = self.history.best().map_or(0, |best| self.history.epochs.len() - best.epoch);
        self.config.patience > 0 && waited >= self.config.patience
    }

    /// One pass over the images in the current order; the last short batch included. While a step learns from one batch,
    /// the next is loaded.
    fn learn_epoch(&mut self, epoch: usize, observer: &mut dyn Observer) -> Result<Scores> {
        let Self { crew, config, data, order, workspace, next, network, optimizer, .. } = self;
        let input = config.input();
        let objective = self.weighted.as_ref().map_or(self.objective, |weighted| weighted);
        let level = self.schedule.level(&self.history.watched_losses());
        let mut running = RunningScore::default();
        let mut batches = order.chunks(config.batch_size).peekable();
        if let Some(first) = batches.peek() {
            workspace.load(data, input, first);
        }
        crew.steps(|| {
            for batch in 1.. {
                let Some(images) = batches.next() else { break };
                self.learning_rate = self.schedule.rate(level, self.step);
                self.step += 1;
                optimizer.begin_step(self.learning_rate);
                let step = Step { seed: config.seed(), number: self.step };
                let load_next = || batches.peek().into_iter().for_each(|images| next.load(data, input, images));
                let learn = || network.learn(step, workspace, images.len(), objective, &mut **optimizer);
                let score = team::beside(load_next, learn);
                if !score.loss_sum.is_finite() {
                    return Err(Error::Diverged { epoch, step: self.step, learning_rate: self.learning_rate });
                }
                workspace.exchange(next);
                running.add(score, images.len());
                observer.step(&StepRecord { epoch, batch, images: images.len(), so_far: running });
            }
            Ok(running.scores())
        })
    }

    /// The judge has all cores; the order of the next epoch is drawn beside it.
    fn judge_and_shuffle(&mut self, judge: &Judge<'_>, next_epoch: usize) -> Judgement {
        let Self { config, crew, network, order, .. } = self;
        let draw_order = || {
            if !config.no_shuffle && next_epoch <= config.epochs {
                config.seed().shuffle(next_epoch, order);
            }
        };
        crew.side_by_side(|| rayon::join(|| judge(network), draw_order).0)
    }

    fn shuffle(&mut self, epoch: usize) {
        if !self.config.no_shuffle {
            self.config.seed().shuffle(epoch, &mut self.order);
        }
    }

    /// The last step of an epoch may have ruined the network after its own loss was taken. The test split is not asked:
    /// it has no say in when a training ends.
    fn require_finite(&self, validation: Option<Scores>, epoch: usize) -> Result<()> {
        let finite = |(_, parameter): (String, Parameter<'_>)| match parameter {
            Parameter::Weights(w) => w.iter().all(|value| value.is_finite()),
            Parameter::Bias(b) => b.iter().all(|value| value.is_finite()),
        };
        let fine = validation.is_none_or(|scores| scores.loss.is_finite()) && self.network.parameters().all(finite);
        if fine { Ok(()) } else { Err(self.diverged(epoch)) }
    }

    fn diverged(&self, epoch: usize) -> Error {
        Error::Diverged { epoch, step: self.step, learning_rate: self.learning_rate }
    }

    fn record(
        &self,
        epoch: usize,
        train: Scores,
        judgement: Judgement,
        train_seconds: f64,
        eval_seconds: f64,
    ) -> EpochRecord {
        EpochRecord {
            epoch,
            step: self.step,
            learning_rate: self.learning_rate,
            train_loss: train.loss,
            train_accuracy: train.accuracy,
            validation_loss: judgement.validation.map(|scores| scores.loss),
            validation_accuracy: judgement.validation.map(|scores| scores.accuracy),
            test_loss: judgement.test.map(|scores| scores.loss),
            test_accuracy: judgement.test.map(|scores| scores.accuracy),
            train_seconds,
            eval_seconds,
            samples_per_second: self.data.len() as f64 / train_seconds,
        }
    }
}

#[cfg(test)]
mod tests;
