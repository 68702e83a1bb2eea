//! Randomness: one root seed, split into named streams of a generator whose values never change.
//!
//! A stream is found by its key (seed, purpose, index), never by how many numbers were drawn before: the order of epoch
//! 7 is the same whether epochs 1 to 6 ran in this process, in another, or not at all.

use ndarray_rand::rand::RngCore;

/// The root of all randomness of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub u64);

/// What a stream is for; each purpose draws from streams of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Initial parameters; the index is the layer's place in the network.
    Init,
    /// The order of the images; the index is the epoch, counted from 1.
    Shuffle,
    /// Which units stay; the index is made of the step and the layer's place in the network.
    Dropout,
    /// Which images are held out for validation.
    Validation,
}

impl Purpose {
    /// The name that enters the key. Changing one changes every result: never do.
    const fn name(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Shuffle => "shuffle",
            Self::Dropout => "dropout",
            Self::Validation => "validation",
        }
    }
}

impl Seed {
    /// The stream for `purpose` number `index`: equal keys give equal streams, different keys unrelated ones.
    pub fn stream(self, purpose: Purpose, index: u64) -> Stream {
        let mut key = SplitMix64(self.0);
        key.absorb(fnv1a(purpose.name().as_bytes()));
        key.absorb(index);
        Stream { state: [key.next(), key.next(), key.next(), key.next()] }
    }

    /// The order in which `epoch` (from 1) visits `images.len()` images: overwritten with a uniformly drawn permutation
    /// of `0..images.len()`.
    pub fn shuffle(self, epoch: usize, images: &mut [u32]) {
        images.iter_mut().zip(0..).for_each(|(image, i)| *image = i);
        self.stream(Purpose::Shuffle, epoch as u64).shuffle(images);
    }
}

/// A stream of random numbers: xoshiro256++ 1.0 (Blackman and Vigna 2019, <https://prng.di.unimi.it>).
#[derive(Debug, Clone)]
pub struct Stream {
    state: [u64; 4],
}

impl Stream {
    /// Uniform in `0..bound`, without bias (Lemire 2019, "Fast random integer generation in an interval").
    pub fn below(&mut self, bound: u32) -> u32 {
        let rejected_below = u64::from(bound.wrapping_neg() % bound);
        loop {
            let product = (self.next_u64() >> 32) * u64::from(bound);
            if product & 0xffff_ffff >= rejected_below {
                return (product >> 32) as u32;
            }
        }
    }
}

/// Uniform in [0, 1), a multiple of 2^-53.
pub fn unit<R: RngCore + ?Sized>(stream: &mut R) -> f64 {
    (stream.next_u64() >> 11) as f64 * (f64::EPSILON / 2.0)
}

/// Normal with mean 0 and standard deviation 1 (Marsaglia's polar method; the second value of a pair is dropped, so that a
/// stream has no hidden state). `libm` and not `f64::ln`, whose last bit depends on the platform.
pub fn normal<R: RngCore + ?Sized>(stream: &mut R) -> f64 {
    loop {
        let (u, v) = (2.0 * unit(stream) - 1.0, 2.0 * unit(stream) - 1.0);
        let square = u * u + v * v;
        if square > 0.0 && square < 1.0 {
            return u * (-2.0 * libm::log(square) / square).sqrt();
        }
    }
}

impl Stream {
    /// Puts `items` in an order drawn uniformly (Fisher and Yates, in Durstenfeld's form).
    pub fn shuffle(&mut self, items: &mut [u32]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u32 + 1) as usize);
        }
    }
}

impl RngCore for Stream {
    fn next_u64(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next_u64().to_le_bytes()[..chunk.len()]);
        }
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014), the generator that xoshiro's authors recommend for filling its state.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Makes `word` part of the key: the state is scrambled first, so that (1, 2) and (2, 1) differ.
    fn absorb(&mut self, word: u64) {
        self.0 = self.next() ^ word;
    }
}

/// FNV-1a, 64 bits (<http://www.isthe.com/chongo/tech/comp/fnv>): a name to a number.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first values of the authors' C program for the state 1, 2, 3, 4, as `rand_xoshiro` also tests them.
    #[test]
    fn the_generator_gives_the_published_values() {
        let mut stream = Stream { state: [1, 2, 3, 4] };
        let published = [41943041, 58720359, 3588806011781223, 3591011842654386, 9228616714210784205];
        assert_eq!(published, std::array::from_fn(|_| stream.next_u64()));
    }

    /// `for i in 0..3: x += 0x9e3779b97f4a7c15 ...` from seed 1234567, the values given with the reference C code.
    #[test]
    fn the_key_generator_gives_the_published_values() {
        let mut key = SplitMix64(1234567);
        assert_eq!(
            [6457827717110365317, 3203168211198807973, 9817491932198370423],
            std::array::from_fn(|_| key.next())
        );
    }

    /// A change here changes every seeded result ever published. Values of scripts/golden_streams.py, a second
    /// implementation.
    #[test]
    fn streams_keep_their_values_between_versions() {
        let first = |purpose, index| Seed(1).stream(purpose, index).next_u64();
        assert_eq!(
            [first(Purpose::Init, 0), first(Purpose::Init, 1), first(Purpose::Shuffle, 1)],
            [16271497861436605445, 12507720195678876149, 15650352424225406180]
        );
        let mut order = [0; 8];
        Seed(1).shuffle(1, &mut order);
        assert_eq!(order, [2, 1, 7, 0, 3, 5, 4, 6]);
        let mut stream = Seed(1).stream(Purpose::Init, 0);
        let values = [normal(&mut stream), unit(&mut stream)].map(f64::to_bits);
        assert_eq!(values, [0x3ff095a166ba53c0, 0x3fcf453c5ebfa27c]);
    }

    #[test]
    fn an_order_holds_every_image_once_and_differs_between_epochs() {
        let mut orders = [vec![0; 1000], vec![0; 1000]];
        for (epoch, order) in orders.iter_mut().enumerate() {
            Seed(3).shuffle(epoch + 1, order);
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..1000).collect::<Vec<_>>());
        }
        assert_ne!(orders[0], orders[1]);
    }

    /// All 24 orders of 4 images over 24,000 epochs: chi-square with 23 degrees of freedom, 0.001 point 49.7.
    #[test]
    fn every_order_is_equally_likely() {
        let mut counts = std::collections::HashMap::new();
        for epoch in 1..=24_000 {
            let mut order = [0; 4];
            Seed(5).shuffle(epoch, &mut order);
            *counts.entry(order).or_insert(0.0) += 1.0;
        }
        let chi_square: f64 = counts.values().map(|count: &f64| (count - 1000.0).powi(2) / 1000.0).sum();
        assert_eq!(counts.len(), 24);
        assert!(chi_square < 49.7, "{chi_square}");
    }

    /// Mean, variance and fourth moment of 100,000 values, each within 4.5 of its standard errors.
    #[test]
    fn normal_values_have_the_moments_of_a_normal() {
        let mut stream = Seed(7).stream(Purpose::Init, 0);
        let values: Vec<f64> = (0..100_000).map(|_| normal(&mut stream)).collect();
        let moment = |power| values.iter().map(|value| value.powi(power)).sum::<f64>() / 1e5;
        let standard_error = |variance: f64| 4.5 * (variance / 1e5).sqrt();
        assert!(moment(1).abs() < standard_error(1.0));
        assert!((moment(2) - 1.0).abs() < standard_error(2.0));
        assert!((moment(4) - 3.0).abs() < standard_error(96.0));
    }
}
