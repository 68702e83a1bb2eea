//! A training as one would type it.

use toml::{Table, Value};

use super::{FIELDS, Range, TrainConfig, TrainSettings, typed};

impl TrainConfig {
    /// The command that trains with these settings: `gemmnist train` with what is not as by default, for a shell.
    pub fn command(&self) -> String {
        let default = self.defaults_beside();
        let settings = self.to_table();
        let given = FIELDS.iter().filter_map(|field| Some((field, settings.get(field.name)?)));
        let given = given.filter(|(field, value)| default.get(field.name) != Some(value));
        let options = given.map(|(field, value)| match (field.range, value) {
            (Range::Switch, Value::Boolean(true)) => format!(" --{}", field.name),
            (Range::Switch, value) => format!(" --{}={value}", field.name),
            (_, value) => format!(" --{} {}", field.name, quoted(&typed(value))),
        });
        "gemmnist train".to_owned() + &options.collect::<String>()
    }

    /// What the settings are that nothing is said about: learning rate and initial values go by optimizer and activation.
    #[expect(clippy::expect_used, reason = "of no file: of defaults, which a test checks")]
    fn defaults_beside(&self) -> Table {
        let (optimizer, activation) = (self.optimizer, self.activation);
        let plain = TrainSettings::default();
        let mut table = TrainSettings { optimizer, activation, ..plain.clone() }
            .check()
            .expect("each optimizer and activation goes with the defaults")
            .to_table();
        table.insert("optimizer".to_owned(), plain.optimizer.name().into());
        table.insert("activation".to_owned(), plain.activation.name().into());
        table
    }
}

/// `text` as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,:=+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Activation;
    use crate::optim::OptimizerName;
    use crate::train::InitName;

    fn command(settings: TrainSettings) -> String {
        settings.check().unwrap().command()
    }

    #[test]
    fn a_command_names_what_is_not_as_by_default() {
        assert_eq!(command(TrainSettings::default()), "gemmnist train");
        let settings = TrainSettings { hidden: vec![], seed: 7, no_shuffle: true, l2: 0.5, ..TrainSettings::default() };
        assert_eq!(command(settings), "gemmnist train --hidden none --l2 0.5 --seed 7 --no-shuffle");
        let settings = TrainSettings { hidden: vec![20, 10], ..TrainSettings::default() };
        assert_eq!(command(settings), "gemmnist train --hidden 20,10");
    }

    #[test]
    fn a_default_of_another_optimizer_or_activation_is_named() {
        let adam = TrainSettings { optimizer: OptimizerName::Adam, ..TrainSettings::default() };
        assert_eq!(command(adam.clone()), "gemmnist train --optimizer adam");
        let steep = TrainSettings { learning_rate: Some(0.1), activation: Activation::Tanh, ..adam };
        let he = TrainSettings { init: Some(InitName::He), ..steep };
        assert_eq!(command(he), "gemmnist train --activation tanh --optimizer adam --lr 0.1 --init he");
    }

    #[test]
    fn a_word_that_a_shell_would_take_apart_is_quoted() {
        let settings = TrainSettings { data: "my $HOME's digits".to_owned(), ..TrainSettings::default() };
        assert_eq!(command(settings), r"gemmnist train --data 'my $HOME'\''s digits'");
    }
}
