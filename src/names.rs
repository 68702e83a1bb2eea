//! Choices by name, as they are written on the command line, in TOML and in model files.

/// Defines an enum whose variants have names: `NAMES`, `name`, `from_name`, `Display`, and serde by the same name.
macro_rules! named_enum {
    (
        $(#[$meta:meta])*
        pub enum $type:ident { $( $(#[$variant_meta:meta])* $variant:ident = $name:literal, )+ }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum $type { $( $(#[$variant_meta])* #[serde(rename = $name)] $variant, )+ }

        impl $type {
            /// Every choice.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// Their names, in the same order.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// The name of this choice.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The choice called `name`.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|choice| choice.name() == name)
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }
    };
}
pub(crate) use named_enum;

/// The one of `names` that `typed` most likely meant, if one is near.
pub fn nearest<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Below this share of common letters a suggestion puzzles more than it helps (clap uses the same).
    const NEAR: f64 = 0.7;
    names
        .into_iter()
        .map(|name| (strsim::jaro(typed, name), name))
        .filter(|&(similarity, _)| similarity > NEAR)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    named_enum! {
        /// A choice.
        pub enum Choice { One = "one", TheOther = "the-other", }
    }

    #[test]
    fn a_choice_is_found_by_its_name_and_written_as_its_name() {
        for (&choice, &name) in Choice::ALL.iter().zip(Choice::NAMES) {
            assert_eq!(Choice::from_name(name), Some(choice));
            assert_eq!(choice.to_string(), name);
            assert_eq!(serde_json::to_value(choice).unwrap(), name);
        }
        assert_eq!(Choice::from_name("One"), None);
    }

    #[test]
    fn a_typing_mistake_finds_its_name_and_nonsense_finds_none() {
        assert_eq!(nearest("epohcs", ["batch", "epochs", "seed"]), Some("epochs"));
        assert_eq!(nearest("xyzzy", ["batch", "epochs", "seed"]), None);
    }
}
