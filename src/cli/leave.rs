//! What a run leaves in its folder for people to look at: pictures, and a report.

use super::picture::Picture;
use super::screen::Images;
use crate::error::Result;
use crate::eval::{Evaluation, Prediction, evaluate_each};
use crate::nn::loss;
use crate::threads::Crew;
use crate::train::{RunFolder, TrainConfig, Trainer};

/// A run that is over.
pub struct Finished<'a> {
    pub trainer: &'a Trainer<'a>,
    pub config: &'a TrainConfig,
    pub folder: &'a RunFolder<'a>,
    pub images: Images<'a>,
}

impl Finished<'_> {
    /// Of a run that ended early: the curves of the epochs there have been, and a report that begins with `trouble`.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), as below.
    pub fn leave_remains(&self, trouble: &str) -> Result<()> {
        self.leave_curves()?;
        self.leave_report(None, Some(trouble))
    }

    /// Of a run that came to its end: its curves, what its network takes for what, and a report. Returns what the network makes
    /// of the test images: evaluating them once more takes some hundredths of a second.
    pub fn leave_pictures(&self) -> Result<Evaluation> {
        self.leave_curves()?;
        let Self { trainer, config, images, .. } = self;
        let objective = loss::objective(config.output, config.loss).expect("checked with the settings");
        let crew = Crew::new(config.threads())?;
        let (network, input) = (trainer.network(), config.input());
        let (evaluation, predictions) = crew.side_by_side(|| evaluate_each(network, objective, input, images.test));
        let names = images.class_names(network.architecture().classes());
        let title = format!("{} on the test images of {}", network.architecture(), config.data);
        Picture::Confusion(&evaluation, &names, &title).leave(&self.folder.path().join("confusion.svg"))?;
        self.leave_report(Some((&evaluation, &predictions, &names)), None)?;
        Ok(evaluation)
    }

    fn leave_curves(&self) -> Result<()> {
        let (architecture, history) = (self.trainer.network().architecture(), self.trainer.history());
        if history.epochs.is_empty() {
            return Ok(());
        }
        Picture::Curves(architecture, self.config, history).leave(&self.folder.path().join("curves.svg"))
    }

    #[cfg(feature = "report")]
    fn leave_report(
        &self,
        outcome: Option<(&Evaluation, &[Prediction], &[String])>,
        trouble: Option<&str>,
    ) -> Result<()> {
        use super::screen::describe_machine;
        use crate::files::write_atomically;
        use crate::report::{Outcome, RunReport, run_page};
        let test = self.images.test;
        let page = run_page(&RunReport {
            folder: self.folder.path(),
            config: self.config,
            network: self.trainer.network(),
            history: self.trainer.history(),
            train: self.images.train,
            machine: &describe_machine(self.config.threads()),
            outcome: outcome.map(|(evaluation, predictions, class_names)| Outcome {
                test,
                evaluation,
                predictions,
                class_names,
            }),
            trouble,
        });
        write_atomically(&self.folder.path().join("report.html"), page.as_bytes())
    }

    #[cfg(not(feature = "report"))]
    fn leave_report(&self, _: Option<(&Evaluation, &[Prediction], &[String])>, _: Option<&str>) -> Result<()> {
        Ok(())
    }
}
