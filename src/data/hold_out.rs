//! Images that are held out of the training set, to judge by while it goes on.

use super::Dataset;
use crate::names::named_enum;
use crate::seed::{Purpose, Seed};

named_enum! {
    /// Which images are held out.
    pub enum HoldOut {
        /// Drawn at random, by a stream of the seed.
        Drawn = "drawn",
        /// The last ones of the file, as the classic splits have it.
        Last = "last",
    }
}

impl Dataset {
    /// The images to learn from, and the `count` that are held out, both in the order of the file. Copies no pixel.
    ///
    /// # Panics
    /// If `count` is not below [`len`](Self::len).
    pub fn hold_out(&self, count: usize, which: HoldOut, seed: Seed) -> (Self, Self) {
        assert!(count < self.len(), "an image to learn from");
        let first = self.len() - count;
        if which == HoldOut::Last {
            return (self.slice(0..first), self.slice(first..self.len()));
        }
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        seed.stream(Purpose::Validation, 0).shuffle(&mut order);
        let (learnt, held_out) = order.split_at_mut(first);
        learnt.sort_unstable();
        held_out.sort_unstable();
        (self.select(learnt), self.select(held_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten images of one pixel, image i filled with i.
    fn ten() -> Dataset {
        Dataset::new((0..10).collect(), vec![0; 10], (1, 1), 1)
    }

    #[test]
    fn the_last_images_are_held_out_where_asked() {
        let (learnt, held_out) = ten().hold_out(3, HoldOut::Last, Seed(0));
        assert_eq!((&*learnt.images(), &*held_out.images()), (&[0, 1, 2, 3, 4, 5, 6][..], &[7, 8, 9][..]));
    }

    #[test]
    fn drawn_images_depend_on_the_seed_alone_and_each_image_is_in_one_part() {
        let drawn = |seed| ten().hold_out(4, HoldOut::Drawn, Seed(seed));
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
        let (learnt, held_out) = drawn(1);
        let mut all = [learnt.images(), held_out.images()].concat();
        all.sort_unstable();
        assert_eq!(all, (0..10).collect::<Vec<u8>>());
    }
}
