use std::sync::{Arc, Mutex};

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use super::*;
use crate::data::Input;
use crate::eval;
use crate::linalg::{Next, Samples, multiply};
use crate::nn::{Learner, ParameterMut};
use crate::optim::{Memory, ScheduleName};

/// `n` images of 2 x 2 in 3 classes; image i is filled with the value i.
fn images(n: u8) -> Dataset {
    Dataset::new((0..n).flat_map(|i| [i; 4]).collect(), (0..n).map(|i| i % 3).collect(), (2, 2), 3)
}

fn settings() -> TrainSettings {
    TrainSettings { hidden: vec![5], batch_size: 4, epochs: 3, threads: Some(1), ..TrainSettings::default() }
}

/// A rate too small to change a weight: every image is then scored by the same network.
const STILL: f64 = 1e-30;

fn trainer(settings: TrainSettings, data: &Dataset) -> Trainer<'_> {
    Trainer::new(settings.check().unwrap(), data).unwrap()
}

fn trained(settings: TrainSettings, data: &Dataset) -> Trainer<'_> {
    let mut trainer = trainer(settings, data);
    trainer.run(&nobody, &mut ()).unwrap();
    trainer
}

fn nobody(_: &Network) -> Judgement {
    Judgement::default()
}

fn bits(network: &Network) -> Vec<u32> {
    network.parameters().flat_map(|(_, parameter)| parameter.file_values()).map(f32::to_bits).collect()
}

/// The images of the last step, told by what they are filled with. They are where the batch after the next would be loaded.
fn last_step(trainer: &mut Trainer<'_>, images: usize) -> Vec<u8> {
    let x = trainer.upcoming[1].samples(images).to_whole();
    x.rows().into_iter().map(|row| (row[0] * 255.0).round() as u8).collect()
}

/// The images of each of the first `epochs` epochs, in the order in which the network saw them.
fn orders(settings: TrainSettings, data: &Dataset, epochs: usize) -> Vec<Vec<u8>> {
    let mut trainer = trainer(TrainSettings { batch_size: data.len(), ..settings }, data);
    let epochs = (1..=epochs).map(|epoch| {
        trainer.shuffle(epoch);
        trainer.learn_epoch(&mut ()).unwrap();
        trainer.position = trainer.position.next_epoch();
        last_step(&mut trainer, data.len())
    });
    epochs.collect()
}

/// Notes how many images each step had, and ends the run after an epoch if asked to.
#[derive(Default)]
struct Notes {
    steps: Vec<usize>,
    records: Vec<EpochRecord>,
    fail_at: Option<usize>,
}

impl Observer for Notes {
    fn step(&mut self, record: &StepRecord) {
        self.steps.push(record.images);
    }

    fn epoch(&mut self, record: &EpochRecord) -> Result<()> {
        self.records.push(record.clone());
        if self.fail_at == Some(record.epoch) {
            let source = std::io::ErrorKind::StorageFull.into();
            return Err(Error::Io { action: "write", path: "metrics".into(), source, remedy: "make room" });
        }
        Ok(())
    }
}

#[test]
fn every_image_is_seen_once_per_epoch() {
    let data = images(10);
    let orders = orders(settings(), &data, 4);
    for order in &orders {
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..10).collect::<Vec<_>>());
    }
    for (i, order) in orders.iter().enumerate() {
        assert!(!orders[..i].contains(order), "an order came twice: {order:?}");
    }
    assert_ne!(orders[0], (0..10).collect::<Vec<_>>(), "the first epoch is shuffled too");
}

#[test]
fn the_orders_of_a_run_are_those_of_its_seed() {
    let data = images(10);
    let mut trainer = trained(TrainSettings { batch_size: 10, ..settings() }, &data);
    let expected = orders(settings(), &data, 3);
    assert_eq!(last_step(&mut trainer, 10), expected[2]);
}

#[test]
fn no_shuffle_takes_the_file_order_every_epoch() {
    let data = images(10);
    let settings = TrainSettings { no_shuffle: true, ..settings() };
    assert!(orders(settings.clone(), &data, 3).iter().all(|order| order.is_sorted()));
    let mut trainer = trained(settings, &data);
    assert_eq!(last_step(&mut trainer, 2), [8, 9], "the short last batch is the end of the file");
}

#[test]
fn last_short_batch_is_trained_on_and_weighted_by_its_size() {
    let data = images(9);
    let still = TrainSettings { learning_rate: Some(STILL), epochs: 1, no_shuffle: true, ..settings() };
    let (mut trainer, mut notes) = (trainer(still, &data), Notes::default());
    trainer.run(&nobody, &mut notes).unwrap();
    assert_eq!(notes.steps, [4, 4, 1]);

    let loss =
        |images| eval::evaluate(&trainer.network, trainer.objective, Input::Gray, &data.slice(images)).scores.loss;
    let (first, second, last) = (loss(0..4), loss(4..8), loss(8..9));
    let weighted = (4.0 * first + 4.0 * second + last) / 9.0;
    let found = notes.records[0].train_loss;
    assert!((found - weighted).abs() < 1e-6 * weighted, "{found} {weighted}: sums of f32 in another order");
    let unweighted = (first + second + last) / 3.0;
    assert!((found - unweighted).abs() > 1e-3, "the case can tell the two apart: {found} {unweighted}");

    let learning = TrainSettings { epochs: 1, no_shuffle: true, ..settings() };
    let without = data.slice(0..8);
    assert_ne!(bits(trained(learning.clone(), &data).network()), bits(trained(learning, &without).network()));
}

#[test]
fn a_record_counts_steps_from_the_start_of_the_run() {
    let data = images(9);
    let (mut trainer, mut notes) = (trainer(settings(), &data), Notes::default());
    trainer.run(&nobody, &mut notes).unwrap();
    let counted: Vec<_> = notes.records.iter().map(|record| (record.epoch, record.step)).collect();
    assert_eq!(counted, [(1, 3), (2, 6), (3, 9)]);
    assert_eq!(trainer.history().epochs, notes.records);
}

#[test]
fn an_observer_error_ends_the_run() {
    let data = images(9);
    let mut trainer = trainer(settings(), &data);
    let mut notes = Notes { fail_at: Some(2), ..Notes::default() };
    let error = trainer.run(&nobody, &mut notes).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error:?}");
    assert_eq!((notes.records.len(), notes.steps.len()), (2, 6));
}

#[test]
fn the_judge_does_not_change_the_outcome() {
    let (data, other) = (images(9), images(200));
    let alone = bits(trained(settings(), &data).network());
    let nonsense = Scores { loss: f64::NAN, accuracy: f64::NAN };
    for (threads, test) in [(1, Some(&data)), (1, Some(&other)), (2, Some(&other)), (1, None)] {
        let mut trainer = trainer(TrainSettings { threads: Some(threads), ..settings() }, &data);
        let objective = trainer.objective;
        let judge = |network: &Network| Judgement {
            validation: None,
            test: Some(test.map_or(nonsense, |test| eval::evaluate(network, objective, Input::Gray, test).scores)),
        };
        trainer.run(&judge, &mut ()).unwrap();
        assert_eq!(bits(trainer.network()), alone);
        assert_eq!(trainer.history().epochs.len(), 3, "the test split does not end a run either");
    }
}

#[test]
fn a_batch_larger_than_the_data_set_is_one_step_an_epoch() {
    let data = images(3);
    let trainer = trained(TrainSettings { batch_size: 1_000_000, ..settings() }, &data);
    assert_eq!(trainer.workspace.batch(), 3, "no room for images there are not");
    assert_eq!(trainer.history().last().map(|epoch| epoch.step), Some(3));
    let all = TrainSettings { batch_size: 3, ..settings() };
    assert_eq!(bits(trainer.network()), bits(trained(all, &data).network()));
}

#[test]
fn one_image_is_enough() {
    let data = images(1);
    let trainer = trained(TrainSettings { epochs: 30, ..settings() }, &data);
    let [first, .., last] = &trainer.history().epochs[..] else { panic!("30 epochs") };
    assert!(last.train_loss < first.train_loss, "{first:?} {last:?}");
}

#[test]
fn a_loss_that_stops_being_finite_ends_the_run_and_names_epoch_and_step() {
    let data = images(9);
    let mut trainer = trainer(settings(), &data);
    trainer.learn_epoch(&mut ()).unwrap();
    trainer.position = trainer.position.next_epoch();
    for (_, parameter) in trainer.network.parameters_mut() {
        if let ParameterMut::Bias(mut bias) = parameter {
            bias[0] = f32::NAN;
        }
    }
    let error = trainer.learn_epoch(&mut ()).unwrap_err();
    assert!(
        matches!(&error, Error::Diverged { epoch: 2, step: 4, place, .. } if place == "the output of layers.0"),
        "{error:?}"
    );
}

/// The loss of the last step was finite, as it was taken before the step; no later step would see what that did.
#[test]
fn a_last_step_that_ruined_the_network_is_noticed() {
    let data = images(9);
    let mut trainer = trained(settings(), &data);
    let fine = Some(Scores { loss: 0.5, accuracy: 1.0 });
    assert!(trainer.require_finite(None).is_ok() && trainer.require_finite(fine).is_ok());
    let error = trainer.require_finite(Some(Scores { loss: f64::NAN, accuracy: 0.0 })).unwrap_err();
    assert!(matches!(&error, Error::Diverged { step: 9, place, .. } if place == "the validation loss"), "{error:?}");
    let (_, last) = trainer.network.parameters_mut().last().unwrap();
    if let ParameterMut::Bias(mut bias) = last {
        bias[0] = f32::NEG_INFINITY;
    }
    let error = trainer.require_finite(None).unwrap_err();
    assert!(matches!(&error, Error::Diverged { step: 9, place, .. } if place == "layers.1.bias"), "{error:?}");
}

/// A judge that gives these validation losses, epoch after epoch, and the test split none.
fn judged(losses: &'static [f64]) -> impl Fn(&Network) -> Judgement + Send + Sync {
    let epoch = std::sync::atomic::AtomicUsize::new(0);
    move |_| {
        let loss = losses[epoch.fetch_add(1, std::sync::atomic::Ordering::Relaxed)];
        Judgement { validation: Some(Scores { loss, accuracy: 0.5 }), test: None }
    }
}

/// The epochs that were best when they were over.
#[derive(Default)]
struct Best(Vec<usize>);

impl Observer for Best {
    fn best(&mut self, record: &EpochRecord, _: &Network) -> Result<()> {
        self.0.push(record.epoch);
        Ok(())
    }
}

#[test]
fn a_training_ends_when_the_validation_loss_has_not_fallen_for_as_long_as_its_patience() {
    let data = images(8);
    let patient = |patience| TrainSettings { epochs: 6, patience, validation: 1, ..settings() }.check().unwrap();
    const LOSSES: &[f64] = &[0.9, 0.5, 0.7, 0.5, 0.6, 0.4];
    for (patience, epochs, best) in
        [(0, 6, vec![1, 2, 6]), (1, 3, vec![1, 2]), (3, 5, vec![1, 2]), (4, 6, vec![1, 2, 6])]
    {
        let mut trainer = Trainer::new(patient(patience), &data).unwrap();
        let mut observer = Best::default();
        trainer.run(&judged(LOSSES), &mut observer).unwrap();
        assert_eq!((trainer.history().epochs.len(), observer.0), (epochs, best), "patience {patience}");
    }
}

/// Learns nothing, and notes the learning rate of every step.
#[derive(Debug, Default, Clone)]
struct Rates(Arc<Mutex<Vec<f64>>>);

impl Learner for Rates {
    fn weights(&mut self, _: usize, w: ArrayViewMut2<f32>, _: Samples, _: ArrayView2<f32>, next: Option<Next>) {
        next.into_iter().for_each(|Next { x, y, .. }| multiply(x, w.view(), y));
    }

    fn bias(&mut self, _: usize, _: ArrayViewMut1<f32>, _: ArrayView1<f32>) {}
}

impl Optimizer for Rates {
    fn begin_step(&mut self, learning_rate: f64) {
        self.0.lock().unwrap().push(learning_rate);
    }

    fn memories(&self) -> Vec<Memory<&[f32]>> {
        Vec::new()
    }

    fn memories_mut(&mut self) -> Vec<Memory<&mut [f32]>> {
        Vec::new()
    }

    fn set_steps(&mut self, _: u64) {}
}

/// The rate of every step, in epochs of 2 steps, and what the epochs' records say.
fn rates(settings: TrainSettings, judge: &Judge<'_>) -> (Vec<f64>, Vec<f64>) {
    let data = images(8);
    let (mut trainer, rates) = (trainer(settings, &data), Rates::default());
    trainer.optimizer = Box::new(rates.clone());
    trainer.run(judge, &mut ()).unwrap();
    let recorded = trainer.history().epochs.iter().map(|record| record.learning_rate).collect();
    (rates.0.lock().unwrap().clone(), recorded)
}

#[test]
fn every_step_has_the_rate_of_its_schedule_and_a_record_that_of_the_last_step() {
    let step = TrainSettings {
        schedule: ScheduleName::Step,
        learning_rate: Some(8.0),
        warmup: 1,
        schedule_every: 1,
        schedule_factor: 0.5,
        ..settings()
    };
    assert_eq!(rates(step, &nobody), (vec![4.0, 8.0, 4.0, 4.0, 2.0, 2.0], vec![8.0, 4.0, 2.0]));
    let cosine = TrainSettings { schedule: ScheduleName::Cosine, learning_rate: Some(1.0), epochs: 2, ..settings() };
    let (found, _) = rates(cosine, &nobody);
    let expected = [1.0, 0.853_553_390_593_273_8, 0.5, 0.146_446_609_406_726_24]; // (1 + cos(π t / 4)) / 2
    assert!(found.len() == 4 && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15), "{found:?}");
}

/// Its validation loss stands still from the start; its training loss, too, but for rounding: nothing is learnt.
#[test]
fn a_plateau_is_one_of_the_validation_loss_and_without_one_of_the_training_loss_and_never_of_the_test_loss() {
    let plateau = |epochs| TrainSettings {
        schedule: ScheduleName::Plateau,
        learning_rate: Some(1.0),
        schedule_every: 1,
        schedule_factor: 0.5,
        epochs,
        validation: 1, // the judge gives the loss
        ..settings()
    };
    let of_epochs = |judge: &Judge<'_>| rates(plateau(6), judge).1;
    assert_eq!(of_epochs(&judged(&[0.9, 0.8, 0.7, 0.6, 0.5, 0.4])), [1.0; 6], "it falls, whatever the others do");
    assert_eq!(of_epochs(&judged(&[0.9, 0.8, 0.8, 0.8, 0.7, 0.7])), [1.0, 1.0, 1.0, 1.0, 0.5, 0.5]);
    let falling = std::sync::atomic::AtomicUsize::new(10);
    let test_falls = |_: &Network| {
        let loss = falling.fetch_sub(1, std::sync::atomic::Ordering::Relaxed) as f64;
        Judgement { validation: None, test: Some(Scores { loss, accuracy: 0.0 }) }
    };
    assert_eq!(of_epochs(&test_falls), [1.0, 1.0, 1.0, 0.5, 0.5, 0.25], "the training loss stands still");
}

/// Class 0 alone counts: what class 1 and 2 say of the weights is not learnt, but their losses are told.
#[test]
fn class_weights_change_what_is_learnt_but_not_what_is_told() {
    let data = images(9);
    let still = |class_weights| {
        let settings = TrainSettings { learning_rate: Some(STILL), class_weights, ..settings() };
        trained(settings, &data).history().epochs[0].train_loss
    };
    let only_the_first = || ClassWeights::Given(vec![1.0, 0.0, 0.0]);
    assert_eq!(still(only_the_first()), still(ClassWeights::None));
    let zeros = TrainSettings { class_weights: only_the_first(), epochs: 20, learning_rate: Some(0.5), ..settings() };
    let trainer = trained(zeros, &data);
    let found = eval::evaluate(trainer.network(), trainer.objective, Input::Gray, &data);
    assert_eq!(found.confusion.column(0).sum(), 9, "every image is taken for class 0: {}", found.confusion);
    let balanced = TrainSettings { class_weights: ClassWeights::Balanced, ..settings() };
    let alone = bits(trained(settings(), &data).network());
    assert_eq!(bits(trained(balanced, &data).network()), alone, "three of each class: balanced as they are");
    let two_of_the_last = images(8);
    let [with, without] = [ClassWeights::Balanced, ClassWeights::None]
        .map(|class_weights| bits(trained(TrainSettings { class_weights, ..settings() }, &two_of_the_last).network()));
    assert_ne!(with, without);
}
