//! Training: settings, the loop, its history, and the files of a run.
//!
//! Never sees the test split (it asks a judge, and writes down what the judge says), and never prints: observers do.

mod checkpoint;
mod history;
mod lock;
mod lr_find;
mod memory;
pub mod model_file;
mod run_folder;
mod run_record;
mod settings;

use std::sync::Arc;
use std::time::Instant;

pub use checkpoint::{Checkpoint, Found, Identity, Moment, Position};
pub use history::{EpochRecord, History, Judgement, RunningScore, Scores, StepRecord};
pub use lr_find::{Sweep, Trial};
pub use run_folder::{RunFolder, new_folder};
pub use run_record::{LeftOut, RunRecord, Runs, differences, read_runs};
pub use settings::{ClassWeights, Draft, FIELDS, Field, InitName, InputName, Range, TrainConfig, TrainSettings};
pub(crate) use settings::{parse_toml, read_toml};

use crate::data::Dataset;
use crate::error::{Error, Problem, Result};
use crate::linalg::team;
use crate::nn::{Architecture, Batch, Network, Objective, Step, Workspace, loss};
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

    /// Steps or an epoch are over, and what has been learnt is all in the network: it can be kept, or the run ended. Some steps have no such moment between them
    /// ([`Network::steps_at_once`]).
    ///
    /// # Errors
    /// Ends the run: it is to stop here, or what should be kept cannot be.
    fn between_steps(&mut self, moment: &Moment<'_>) -> Result<()> {
        let _ = moment;
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
    workspace: Workspace,
    /// The two batches after the one in `workspace`.
    upcoming: [Batch; 2],
    /// How many steps learn from each of them: see [`Network::steps_at_once`].
    steps_at_once: usize,
    order: Vec<u32>,
    /// Shared, since [`Self::sweep`] runs with it and changes all else.
    crew: Arc<Crew>,
    history: History,
    /// Of the step that is next.
    position: Position,
}

impl<'d> Trainer<'d> {
    /// A network with its initial parameters, ready for the first epoch on `data`.
    ///
    /// # Errors
    /// [`Error::Model`] if `init_from` is not a file with parameters of this network, [`Error::Settings`] if the network
    /// is too large to be meant.
    pub fn new(config: TrainConfig, data: &'d Dataset) -> Result<Self> {
        Self::of(config, data, |config, architecture| {
            let mut network = Network::initialised(architecture, config.init(), config.seed());
            if let Some(path) = &config.init_from {
                model_file::read_parameters(path, &mut network)?;
            }
            Ok(network)
        })
    }

    /// The training that left `checkpoint`, as if it had never stopped.
    ///
    /// # Errors
    /// [`Error::Model`] if the checkpoint is of another training, and as [`new`](Self::new).
    pub fn resumed(config: TrainConfig, data: &'d Dataset, checkpoint: &Checkpoint) -> Result<Self> {
        let mut trainer = Self::of(config, data, |_, architecture| Ok(Network::zeros(architecture)))?;
        checkpoint.restore(&mut trainer.network, &mut *trainer.optimizer)?;
        trainer.history = checkpoint.history().clone();
        trainer.position = checkpoint.position();
        let Position { epoch, batch, step, .. } = trainer.position;
        let batches = data.len().div_ceil(trainer.config.batch_size);
        if batch > batches || epoch.saturating_sub(1).saturating_mul(batches).saturating_add(batch) as u64 != step {
            let expected = format!("a step of epochs of {batches}");
            return Err(checkpoint.mismatch("position", expected, format!("epoch {epoch}, step {step}")));
        }
        let begun = epoch - usize::from(batch == 0);
        if begun > trainer.config.epochs {
            let (place, expected) = ("--epochs".to_owned(), format!("{begun} at least, which are begun"));
            let found = trainer.config.epochs.to_string();
            return Err(Error::Settings(vec![Problem { place, expected, found, remedy: None }]));
        }
        Ok(trainer)
    }

    /// With the network that `make` makes, before the first epoch.
    fn of(
        config: TrainConfig,
        data: &'d Dataset,
        make: impl FnOnce(&TrainConfig, Architecture) -> Result<Network>,
    ) -> Result<Self> {
        let architecture = config.architecture(data.pixels(), data.classes());
        config.check_size(&architecture, data.len())?;
        config.require_memory(&architecture, data.len())?;
        let schedule = config.schedule(data.len())?;
        let objective = loss::objective(config.output, config.loss).expect("checked with the settings");
        let class_weights = config.class_weights(data.labels(), data.classes())?;
        let network = make(&config, architecture)?;
        let batch_size = config.batch_size.min(data.len());
        let optimizer = optimizer(config.optimizer, config.l2, &network);
        /// In a step that others wait for: what [`Network::IMAGES_AT_ONCE`] of them leave, by which gradients are divided, is 0.04 or more.
        const MOST_DECAY: f64 = 0.1;
        let decays_slowly = config.l2 * schedule.learning_rate <= MOST_DECAY;
        let may_put_off = optimizer.linear().is_some() && config.input().is_proportional() && decays_slowly;
        let steps_at_once = if may_put_off { network.steps_at_once(batch_size) } else { 1 };
        Ok(Self {
            objective,
            weighted: class_weights.map(|weights| loss::Weighted::new(objective, weights)),
            optimizer,
            schedule,
            workspace: Workspace::of_steps(&network, batch_size, steps_at_once),
            upcoming: [0; 2].map(|_| Batch::of_steps(&network, batch_size, steps_at_once)),
            steps_at_once,
            order: (0..data.len() as u32).collect(),
            crew: Arc::new(Crew::new(config.threads())?),
            history: History::default(),
            position: Position::start(schedule.learning_rate),
            config,
            data,
            network,
        })
    }

    /// The network as it is now.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// How many steps the first layer takes at once: see [`Network::steps_at_once`].
    pub fn steps_at_once(&self) -> usize {
        self.steps_at_once
    }

    /// The epochs so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Where it stands.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Trains for all epochs of the settings, or until the validation loss has not fallen for as many as `patience` says.
    /// `judge` is asked after each.
    ///
    /// # Errors
    /// [`Error::Diverged`] at the first step whose loss is not finite, [`Error::Data`] if the file that the images are mapped from was
    /// written meanwhile, or what `observer` returns.
    pub fn run(&mut self, judge: &Judge<'_>, observer: &mut dyn Observer) -> Result<()> {
        self.shuffle(self.position.epoch);
        while !self.is_over() {
            let epoch = self.position.epoch;
            let (train, train_seconds) = self.learn_epoch(observer)?;
            let started = Instant::now();
            self.data.require_unchanged()?;
            let judgement = self.judge_and_shuffle(judge, epoch + 1);
            let eval_seconds = started.elapsed().as_secs_f64();
            self.require_finite(judgement.validation)?;
            let record = self.record(epoch, train, judgement, train_seconds, eval_seconds);
            observer.epoch(&record)?;
            self.history.epochs.push(record);
            if let Some(best) = self.history.best().filter(|best| best.epoch == epoch) {
                observer.best(best, &self.network)?;
            }
            self.position = self.position.next_epoch();
            observer.between_steps(&self.moment_between_epochs())?;
        }
        Ok(())
    }

    /// Whether there is nothing left to learn: all epochs are over, or the patience is.
    pub fn is_over(&self) -> bool {
        self.position.epoch > self.config.epochs || self.is_out_of_patience()
    }

    fn moment_between_epochs(&self) -> Moment<'_> {
        let Self { network, optimizer, history, position, .. } = self;
        let (since, is_over) = (Instant::now(), self.is_over());
        Moment { network, optimizer: &**optimizer, history, position: *position, since, is_over }
    }

    /// Whether it has waited for a lower validation loss as long as it was told to. The test split is not asked.
    pub fn is_out_of_patience(&self) -> bool {
        let waited = self.history.best().map_or(0, |best| self.history.epochs.len() - best.epoch);
        self.config.patience > 0 && waited >= self.config.patience
    }

    /// One pass over the images in the current order, from where it stands; the last short batch included. While a step, or several at once,
    /// learn from what is loaded and begin with what is next, the third is loaded, and the images of the fourth are asked for.
    /// Returns the scores and the wall time.
    fn learn_epoch(&mut self, observer: &mut dyn Observer) -> Result<(Scores, f64)> {
        let since = Instant::now();
        self.learn_images(since, observer)?;
        Ok((self.position.running.scores(), self.position.seconds + since.elapsed().as_secs_f64()))
    }

    fn learn_images(&mut self, since: Instant, observer: &mut dyn Observer) -> Result<()> {
        let Self { crew, config, data, order, workspace, upcoming, network, optimizer, history, schedule, .. } = self;
        let (at, input) = (&mut self.position, config.input());
        let objective = self.weighted.as_ref().map_or(self.objective, |weighted| weighted);
        let level = schedule.level(&history.watched_losses());
        let left = &order[(at.batch * config.batch_size).min(order.len())..];
        let mut batches = left.chunks(workspace.batch());
        let [next, after] = upcoming;
        workspace.load(data, input, batches.next().unwrap_or_default());
        next.load(data, input, batches.next().unwrap_or_default());
        crew.steps(|| {
            while workspace.images() > 0 {
                let load_after = || {
                    after.load(data, input, batches.next().unwrap_or_default());
                    data.prefetch(batches.clone().next().unwrap_or_default());
                };
                let mut images_left = workspace.images();
                let learn = || {
                    while images_left > 0 {
                        let images = images_left.min(config.batch_size);
                        images_left -= images;
                        at.learning_rate = schedule.rate(level, at.step);
                        at.step += 1;
                        at.batch += 1;
                        optimizer.begin_step(at.learning_rate);
                        let step = Step { seed: config.seed(), number: at.step };
                        let optimizer = &mut **optimizer;
                        let score = network.learn_and_begin(step, workspace, images, objective, optimizer, Some(next));
                        if !score.loss_sum.is_finite() {
                            let layer = network.first_not_finite(workspace, images);
                            let place = layer.map_or("the loss".to_owned(), |layer| format!("the output of {layer}"));
                            return Err(at.diverged(place));
                        }
                        at.running.add(score, images);
                        let Position { epoch, batch, running, .. } = *at;
                        observer.step(&StepRecord { epoch, batch, images, so_far: running });
                    }
                    Ok(())
                };
                team::beside(load_after, learn)?;
                std::mem::swap(next, after);
                let (optimizer, position) = (&**optimizer, *at);
                observer.between_steps(&Moment { network, optimizer, history, position, since, is_over: false })?;
            }
            Ok(())
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
    fn require_finite(&self, validation: Option<Scores>) -> Result<()> {
        let loss = validation.filter(|scores| !scores.loss.is_finite()).map(|_| "the validation loss".to_owned());
        match self.network.first_parameter_not_finite().or(loss) {
            None => Ok(()),
            Some(place) => Err(self.position.diverged(place)),
        }
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
            step: self.position.step,
            learning_rate: self.position.learning_rate,
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
