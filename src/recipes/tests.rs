use std::fs;

use super::*;

const MINIMAL: &str = "title = 'Mine'\nsource = 'me'\n";

fn in_file(text: &str) -> Result<Family> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    fs::write(&path, text).unwrap();
    find(path.to_str().unwrap())
}

/// What is wrong with a recipe, without the folder it was written to.
fn wrong(text: &str) -> Vec<String> {
    match in_file(text) {
        Err(Error::Settings(problems)) => {
            problems.iter().map(|problem| problem.to_string().rsplit('/').next().unwrap().to_owned()).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_file_of_the_folder_is_built_in_and_in_order() {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/recipes")).unwrap();
    let files = entries.map(|entry| entry.unwrap().path());
    let tomls = files.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    let mut names: Vec<_> = tomls.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    let mut known: Vec<_> = BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).collect();
    names.sort();
    known.sort();
    assert_eq!(known, names);
    assert_eq!(built_in().len(), BUILT_IN.len(), "each is read, its settings in their ranges");
}

#[test]
fn every_recipe_says_where_it_is_from_what_was_published_and_why_that_is_accepted() {
    for recipe in built_in().iter().flat_map(Family::members) {
        assert!(!recipe.title.is_empty() && !recipe.source.is_empty(), "{}", recipe.name);
        assert!(!recipe.claims.is_empty(), "{}", recipe.name);
        for claim in &recipe.claims {
            assert!(!claim.because.is_empty(), "{}", recipe.name);
        }
        for setting in recipe.ours.keys() {
            assert!(recipe.settings.contains_key(setting), "{}: {setting}: a reason for what is not set", recipe.name);
        }
    }
}

#[test]
fn every_recipe_is_found_by_its_name_and_no_two_share_one() {
    let families = built_in();
    let names: Vec<_> = families.iter().flat_map(Family::members).map(|recipe| &recipe.name).collect();
    for (i, name) in names.iter().enumerate() {
        assert_eq!(find(name).unwrap().base().name, **name);
        assert!(!names[..i].contains(name), "{name}");
    }
    assert_eq!(find("linear-tanh").unwrap().members().len(), 2, "with its variants");
    assert_eq!(find("linear-tanh-hidden").unwrap().members().len(), 1, "a variant is by itself");
}

#[test]
fn a_variant_is_its_recipe_but_for_what_it_says() {
    let text = "title = 'Mine'\nsource = 'me'\npublished-seconds = 9\n\
                settings = { epochs = 3, lr = 0.5 }\nours = { lr = 'a guess' }\n\
                claims = [{ measure = 'test-accuracy', because = 'so' }]\n\
                [variants.slow]\ntitle = 'Slower'\nsettings = { lr = 0.1, batch = 7 }\nours = { batch = 'another' }";
    let family = in_file(text).unwrap();
    let [base, slow] = family.members() else { panic!("{family:?}") };
    assert_eq!((base.name.as_str(), slow.name.as_str()), ("mine", "mine-slow"));
    let config = |recipe: &Recipe| {
        let mut draft = Draft::default();
        recipe.overlay(&mut draft);
        draft.finish().unwrap()
    };
    let (base_config, slow_config) = (config(base), config(slow));
    assert_eq!((base_config.epochs, base_config.learning_rate(), base_config.batch_size), (3, 0.5, 10));
    assert_eq!((slow_config.epochs, slow_config.learning_rate(), slow_config.batch_size), (3, 0.1, 7));
    assert_eq!(
        (slow.reason("lr"), slow.reason("batch"), base.reason("batch")),
        (Some("a guess"), Some("another"), None)
    );
    assert_eq!((base.claims.len(), slow.claims.len()), (1, 0), "figures are published of one of them");
    assert_eq!((base.published_seconds, slow.published_seconds), (Some(9.0), None));
}

#[test]
fn a_name_that_is_none_finds_the_nearest() {
    let message = |name| find(name).unwrap_err().to_string();
    assert!(message("linear-tahn").ends_with("found linear-tahn (did you mean linear-tanh?)"));
    assert!(message("?").ends_with("found ? (gemmnist reproduce --list shows them)"));
    assert!(message("nowhere.toml").starts_with("nowhere.toml: expected a TOML file that you may read, found "));
}

#[test]
fn a_file_that_is_no_recipe_is_refused_with_its_line() {
    assert_eq!(
        wrong("title = 'Mine'"),
        ["mine.toml: expected TOML: name = value, a line each, found line 1: missing field `source`"]
    );
    let unknown = wrong(&format!("{MINIMAL}epochs = 3"));
    assert!(unknown[0].contains("found line 3: unknown field `epochs`, expected one of `title`"), "{unknown:?}");
}

#[test]
fn every_mistake_in_a_recipe_is_told() {
    let text = format!(
        "{MINIMAL}published-seconds = 0\nsettings = {{ epochs = 0, epohcs = 1 }}\nours = {{ lrr = 'x' }}\n\
         claims = [{{ measure = 'test-accuracy', at-least = 0.9, at-most = 0.8, because = 'so' }}]"
    );
    assert_eq!(
        wrong(&text),
        [
            "mine.toml: mine: epochs: expected a whole number from 1 to 1000000, found 0",
            "mine.toml: mine: epohcs: expected the name of a setting, found an unknown key (did you mean epochs?)",
            "mine.toml: mine: ours.lrr: expected the name of a setting, and the reason for it as text, found \"x\"",
            "mine.toml: mine: published-seconds: expected a number above 0, found 0",
            "mine.toml: mine: claims: test-accuracy: expected at-least and at-most as numbers, the first not above the \
             second, a share not above 1, found 0.9 and 0.8",
        ]
    );
    let variant = wrong(&format!("{MINIMAL}[variants.v]\nsettings = {{}}"));
    assert_eq!(
        variant,
        [
            "mine.toml: variants.v: expected title, and settings, ours and claims where they differ, found missing field \
          `title`"
        ]
    );
    let problems = wrong(&format!("{MINIMAL}[variants.v]\ntitle = ''\nsettings = {{ lr = -1 }}"));
    assert_eq!(problems, ["mine.toml: mine-v: lr: expected a number above 0, up to 1000000, found -1"]);
}
