use super::*;
use crate::data::Dataset;
use crate::eval;
use crate::optim::OptimizerName;
use crate::train::{Judge, Observer, TrainConfig, TrainSettings, Trainer};

/// 9 images of 2 x 2 in 3 classes: 3 steps an epoch.
fn images() -> Dataset {
    Dataset::new((0..36).map(|i| i * 7).collect(), (0..9).map(|i| i % 3).collect(), (2, 2), 3)
}

fn config(optimizer: OptimizerName) -> TrainConfig {
    let settings = TrainSettings {
        hidden: vec![5],
        batch_size: 4,
        epochs: 3,
        dropout: 0.3,
        threads: Some(1),
        optimizer,
        ..TrainSettings::default()
    };
    settings.check().unwrap()
}

/// Keeps a checkpoint of every moment.
struct All(Identity, Vec<Vec<u8>>);

impl Observer for All {
    fn between_steps(&mut self, moment: &Moment<'_>) -> Result<()> {
        self.1.push(moment.encode(&self.0));
        Ok(())
    }
}

/// What a training came to: its parameters' bits, and its history but for the times.
type Outcome = (Vec<u32>, Vec<EpochRecord>);

fn outcome(trainer: &Trainer<'_>) -> Outcome {
    let parameters = trainer.network().parameters().flat_map(|(_, parameter)| parameter.file_values());
    let timeless = |record: &EpochRecord| EpochRecord {
        train_seconds: 0.0,
        eval_seconds: 0.0,
        samples_per_second: 0.0,
        ..record.clone()
    };
    (parameters.map(f32::to_bits).collect(), trainer.history().epochs.iter().map(timeless).collect())
}

fn judged_on(data: &Dataset) -> Box<Judge<'_>> {
    let (_, _, objective) = crate::nn::loss::OBJECTIVES[0];
    Box::new(eval::judge(objective, crate::data::Input::Gray, Some(data), data))
}

/// The checkpoints of a whole training, and what it came to.
fn whole(optimizer: OptimizerName, data: &Dataset) -> (Vec<Vec<u8>>, Outcome) {
    let config = config(optimizer);
    let mut all = All(Identity::new(&config, data), Vec::new());
    let mut trainer = Trainer::new(config, data).unwrap();
    trainer.run(&*judged_on(data), &mut all).unwrap();
    (all.1, outcome(&trainer))
}

fn parse(bytes: &[u8]) -> Result<Checkpoint> {
    let path = Path::new("checkpoint");
    let (state, history) = decode(path, bytes)?;
    Ok(Checkpoint { path: path.to_owned(), bytes: bytes.to_vec(), state, history })
}

#[test]
fn every_optimizer_goes_on_from_every_moment_as_if_it_had_never_stopped() {
    let data = images();
    for name in OptimizerName::NAMES {
        let optimizer = OptimizerName::from_name(name).unwrap();
        let (checkpoints, expected) = whole(optimizer, &data);
        assert_eq!(checkpoints.len(), 3 * 3 + 3, "after each step and each epoch");
        for (bytes, moment) in checkpoints.iter().zip(0..) {
            let checkpoint = parse(bytes).unwrap();
            let mut trainer = Trainer::resumed(config(optimizer), &data, &checkpoint).unwrap();
            trainer.run(&*judged_on(&data), &mut ()).unwrap();
            assert_eq!(outcome(&trainer), expected, "{name}, moment {moment}");
        }
    }
}

/// Steps that are learnt from at once have no moment between them.
#[test]
fn so_does_a_training_that_takes_steps_at_once() {
    let data =
        Dataset::new((0..324).map(|i| (i * 7 % 251) as u8).collect(), (0..81).map(|i| i % 3).collect(), (2, 2), 3);
    let config = || {
        let settings =
            TrainSettings { hidden: vec![64], batch_size: 4, epochs: 2, threads: Some(1), ..Default::default() };
        settings.check().unwrap()
    };
    let mut all = All(Identity::new(&config(), &data), Vec::new());
    let mut trainer = Trainer::new(config(), &data).unwrap();
    assert_eq!(trainer.steps_at_once(), 7);
    trainer.run(&*judged_on(&data), &mut all).unwrap();
    let steps: Vec<u64> = all.1.iter().map(|bytes| parse(bytes).unwrap().position().step).collect();
    assert_eq!(steps, [7, 14, 21, 21, 28, 35, 42, 42], "the last step of an epoch, and the epoch");
    for bytes in &all.1 {
        let mut resumed = Trainer::resumed(config(), &data, &parse(bytes).unwrap()).unwrap();
        resumed.run(&*judged_on(&data), &mut ()).unwrap();
        assert_eq!(outcome(&resumed), outcome(&trainer));
    }
}

#[test]
fn memories_have_the_names_and_shapes_that_pytorch_gives_them() {
    let data = images();
    let names = |optimizer| {
        let bytes = &whole(optimizer, &data).0[0];
        let tensors = SafeTensors::deserialize(bytes).unwrap();
        let of_weight = tensors.names().into_iter().filter_map(|name| name.strip_prefix("optimizer.layers.0.weight."));
        let mut names: Vec<_> = of_weight.map(str::to_owned).collect();
        names.sort();
        let shape = |name: &String| tensors.tensor(&memory_name("layers.0.weight", name)).unwrap().shape().to_vec();
        assert!(names.iter().all(|name| shape(name) == [5, 4]), "(O, I)");
        names.join(" ")
    };
    assert_eq!(names(OptimizerName::Sgd), "");
    assert_eq!(names(OptimizerName::Nesterov), "momentum_buffer");
    assert_eq!(names(OptimizerName::RmsProp), "square_avg");
    assert_eq!(names(OptimizerName::AdamW), "exp_avg exp_avg_sq");
}

#[test]
fn the_last_tensor_is_the_checksum_of_all_before_it() {
    let bytes = &whole(OptimizerName::Sgd, &images()).0[0];
    let (content, end) = bytes.split_at(bytes.len() - CHECKSUM_BYTES);
    let tensors = SafeTensors::deserialize(bytes).unwrap();
    assert_eq!(tensors.tensor(CHECKSUM).unwrap().data(), end);
    assert_eq!(Sha256::digest(content)[..], *end);
}

#[test]
fn any_changed_bit_and_any_missing_end_is_found() {
    let mut bytes = whole(OptimizerName::Sgd, &images()).0.remove(4);
    assert_eq!(parse(&bytes).unwrap().position().step, 4);
    for bit in 0..8 * bytes.len() {
        bytes[bit / 8] ^= 1 << (bit % 8);
        let error = parse(&bytes).unwrap_err();
        assert!(error.to_string().contains("the file is damaged"), "bit {bit}: {error}");
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    for length in 0..bytes.len() {
        let error = parse(&bytes[..length]).unwrap_err();
        assert_eq!(error.exit_code(), 5, "{length} bytes: {error}");
    }
}

/// Whoever makes the checksum right cannot make it panic either.
#[test]
fn a_checkpoint_of_another_training_is_refused() {
    let data = images();
    let checkpoints = whole(OptimizerName::Sgd, &data).0;
    let checkpoint = parse(&checkpoints[4]).unwrap();
    let refused = |settings: TrainSettings, expected: &str| {
        let error = Trainer::resumed(settings.check().unwrap(), &data, &checkpoint).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    };
    let settings = TrainSettings { hidden: vec![5], batch_size: 4, epochs: 3, ..TrainSettings::default() };
    let adam = TrainSettings { optimizer: OptimizerName::Adam, ..settings.clone() };
    refused(adam, "expected one called optimizer.layers.0.weight.exp_avg, found none");
    let wider = TrainSettings { hidden: vec![6], ..settings.clone() };
    refused(wider, "expected layers.0.weight F32 [6, 4], found F32 [5, 4]");
    refused(
        TrainSettings { batch_size: 2, ..settings.clone() },
        "expected a step of epochs of 5, found epoch 2, step 4",
    );
    refused(TrainSettings { epochs: 1, ..settings }, "--epochs: expected 2 at least, which are begun, found 1");
}

/// A network and its optimizer, to be kept at some step.
struct Kept(Network, Box<dyn Optimizer>, History);

impl Kept {
    fn new(data: &Dataset) -> Self {
        let config = config(OptimizerName::Adam);
        let network = Network::zeros(config.architecture(data.pixels(), data.classes()));
        let optimizer = crate::optim::optimizer(config.optimizer, 0.0, &network);
        Self(network, optimizer, History::default())
    }

    fn at(&self, step: u64) -> Moment<'_> {
        let position = Position { step, batch: 1, ..Position::start(0.1) };
        let Self(network, optimizer, history) = self;
        Moment { network, optimizer: &**optimizer, history, position, since: Instant::now(), is_over: false }
    }
}

#[test]
fn checkpoints_are_due_every_so_many_steps_or_by_the_clock() {
    let (data, folder) = (images(), tempfile::tempdir().unwrap());
    let kept = Kept::new(&data);
    let identity = || Identity::new(&config(OptimizerName::Adam), &data);
    let mut by_steps = Keeper::new(folder.path(), identity(), 5);
    assert!(!by_steps.is_due(&kept.at(4)) && by_steps.is_due(&kept.at(5)) && by_steps.is_due(&kept.at(6)));
    by_steps.save(&kept.at(7)).unwrap();
    assert!(!by_steps.is_due(&kept.at(9)) && by_steps.is_due(&kept.at(10)));
    assert!(by_steps.is_due(&Moment { is_over: true, ..kept.at(8) }), "after the last step always");

    let mut by_clock = Keeper::new(folder.path(), identity(), 0);
    assert!(!by_clock.is_due(&kept.at(1_000_000)), "not before the first second is over");
    let started = Instant::now();
    by_clock.save(&kept.at(1)).unwrap();
    let longest = started.elapsed();
    assert!(!by_clock.is_due(&kept.at(2)), "saving takes half a per cent of the time");
    assert!(by_clock.due <= Instant::now() + 200 * longest);
}

#[test]
fn a_network_that_is_not_finite_is_not_kept() {
    let (data, folder) = (images(), tempfile::tempdir().unwrap());
    let mut kept = Kept::new(&data);
    let mut keeper = Keeper::new(folder.path(), Identity::new(&config(OptimizerName::Adam), &data), 5);
    keeper.save(&kept.at(5)).unwrap();
    let (_, last) = kept.0.parameters_mut().last().unwrap();
    if let ParameterMut::Bias(mut bias) = last {
        bias[0] = f32::NAN;
    }
    let error = keeper.save(&kept.at(10)).unwrap_err();
    assert!(matches!(&error, Error::Diverged { step: 10, place, .. } if place == "layers.1.bias"), "{error:?}");
    assert_eq!(Checkpoint::read(&keeper.newest()).unwrap().position().step, 5);
}
