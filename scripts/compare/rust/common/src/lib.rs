//! What the peers written in Rust share: the work they are asked for, the data, and the conversation with compare.py.

use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;
use std::{env, fs, io};

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand_distr::{Distribution, Normal};

/// The arguments that compare.py gives every peer.
pub struct Work {
    pub layers: Vec<usize>,
    pub batch: usize,
    pub optimizer: String,
    pub rate: f64,
    pub threads: usize,
    pub train: Images,
    pub test: Images,
}

/// Images as byte / 255, one after the other, and their labels.
pub struct Images {
    pub pixels: Vec<f32>,
    pub labels: Vec<u8>,
}

impl Images {
    fn read(folder: &Path, split: &str, images: usize) -> Self {
        let read = |what: &str| {
            let path = folder.join(format!("{split}-{what}.u8"));
            fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let pixels = read("images").iter().take(images * 784).map(|&byte| f32::from(byte) / 255.0).collect();
        Self { pixels, labels: read("labels").into_iter().take(images).collect() }
    }

    pub fn len(&self) -> usize {
        self.labels.len()
    }

    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The images and labels of a batch, copied together.
    pub fn gather<Label: From<u8>>(&self, batch: &[usize]) -> (Vec<f32>, Vec<Label>) {
        let pixels = batch.iter().flat_map(|&i| &self.pixels[i * 784..][..784]).copied().collect();
        (pixels, batch.iter().map(|&i| self.labels[i].into()).collect())
    }
}

impl Work {
    fn from_arguments() -> Self {
        let mut given = env::args().skip(1);
        let mut next = |what: &str| given.next().unwrap_or_else(|| panic!("the argument {what} is missing"));
        let layers = next("LAYERS").split(',').map(|width| width.parse().expect("a width")).collect();
        let batch = next("BATCH").parse().expect("a number");
        let optimizer = next("OPTIMIZER");
        let rate = next("RATE").parse().expect("a number");
        let images = next("IMAGES").parse().expect("a number");
        let threads = next("THREADS").parse().expect("a number");
        let folder = next("DATA");
        let folder = Path::new(&folder);
        let (train, test) = (Images::read(folder, "train", images), Images::read(folder, "test", usize::MAX / 784));
        Self { layers, batch, optimizer, rate, threads, train, test }
    }

    /// The initial weights of each layer (in, out): normal with variance 2 / inputs, as ours are. Biases start at 0.
    pub fn initial_weights(&self) -> Vec<Vec<f32>> {
        let mut stream = StdRng::seed_from_u64(0);
        self.layers
            .windows(2)
            .map(|sides| {
                let normal = Normal::new(0.0, (2.0 / sides[0] as f32).sqrt()).expect("a positive deviation");
                (0..sides[0] * sides[1]).map(|_| normal.sample(&mut stream)).collect()
            })
            .collect()
    }
}

/// A network that learns batches and recognises images.
pub trait Learner {
    /// One step on the images with these places.
    fn learn(&mut self, images: &Images, batch: &[usize]);

    /// The class of each image.
    fn recognise(&mut self, images: &Images) -> Vec<u8>;
}

/// Answers compare.py until it closes our input: `epoch` trains an epoch in a fresh order, `accuracy` judges.
pub fn serve<L: Learner>(version: &str, detail: &str, make: impl FnOnce(&Work) -> L) -> io::Result<()> {
    let work = Work::from_arguments();
    let mut learner = make(&work);
    let mut order: Vec<usize> = (0..work.train.len()).collect();
    let mut stream = StdRng::seed_from_u64(1);
    let mut out = io::stdout();
    writeln!(out, r#"{{"version": "{version}", "detail": "{detail}"}}"#)?;
    for line in io::stdin().lock().lines() {
        if line? == "epoch" {
            let started = Instant::now();
            order.shuffle(&mut stream);
            order.chunks(work.batch).for_each(|batch| learner.learn(&work.train, batch));
            writeln!(out, r#"{{"seconds": {}}}"#, started.elapsed().as_secs_f64())?;
        } else {
            let right = learner.recognise(&work.test).iter().zip(&work.test.labels).filter(|(a, b)| a == b).count();
            writeln!(out, r#"{{"accuracy": {}}}"#, right as f64 / work.test.len() as f64)?;
        }
    }
    Ok(())
}
