//! Recipes: systems to reproduce, their settings, claims and variants.
#![no_main]

use std::sync::LazyLock;

use gemmnist::recipes;
use gemmnist::train::Draft;
use gemmnist_fuzz::Place;
use libfuzzer_sys::fuzz_target;

static PLACE: LazyLock<Place> = LazyLock::new(|| Place::with(&[]));

fuzz_target!(|bytes: &[u8]| {
    let path = PLACE.put("recipe.toml", bytes);
    let Ok(family) = recipes::find(path.to_str().expect("a plain name")) else { return };
    for recipe in family.members() {
        let mut draft = Draft::default();
        recipe.overlay(&mut draft);
        let _ = draft.finish();
    }
});
