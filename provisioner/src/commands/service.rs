//! The service of stack.yaml that a command is about.

use tokio::sync::watch;

use super::load;
use crate::{
    cli::Global,
    cloud::Cloud,
    config::Config,
    deployment::{self, Current, Subject},
    failure::{Exit, Failure},
    place::Place,
    ui::{Ui, harmless},
};

/// A service that was chosen, before anything is contacted.
pub(super) struct Chosen {
    pub(super) config: Config,
    /// Its name in stack.yaml.
    pub(super) name: String,
    pub(super) subject: Subject,
    /// What must be added to a command line about it: nothing, or ` --service NAME`.
    pub(super) option: String,
}

impl Chosen {
    /// Reads stack.yaml, and finds the service in it that is meant.
    pub(super) fn read(global: &Global, wanted: Option<&str>, ui: &Ui) -> Result<Self, Failure> {
        let config = load(&global.file, ui)?;
        let name = meant(&config, wanted)?.to_owned();
        let subject = Subject::of(&config, &name);
        let option = match config.services.len() {
            2.. => format!(" --service {name}"),
            _ => String::new(),
        };
        Ok(Self { config, name, subject, option })
    }

    /// Looks at what runs now.
    ///
    /// # Errors
    ///
    /// When there is no such service in AWS, or the user does not want to wait.
    pub(super) async fn look(
        &self,
        place: &Place,
        interrupted: &mut watch::Receiver<bool>,
    ) -> Result<(Cloud, Current), Failure> {
        let look = async {
            let cloud = place.connect(&self.config.name, &self.config.region).await?;
            let current = deployment::find(&self.subject, &cloud).await?;
            Ok::<_, Failure>((cloud, current.ok_or_else(|| self.missing())?))
        };
        tokio::select! {
            biased;
            Ok(_) = interrupted.wait_for(|it| *it) => {
                Err(Failure::new(Exit::Interrupted, "interrupted; nothing was changed"))
            }
            found = look => found,
        }
    }

    fn missing(&self) -> Failure {
        let Subject { cluster, service, .. } = &self.subject;
        Failure::new(
            Exit::Failed,
            format!("there is no ECS service `{service}` in the cluster `{cluster}`"),
        )
        .hint("`provisioner up` makes it; afterwards `deploy` brings new images")
    }
}

pub(super) fn meant<'a>(config: &'a Config, wanted: Option<&str>) -> Result<&'a str, Failure> {
    let wrong = |message: String| Failure::new(Exit::Configuration, message);
    let names: Vec<&str> = config.services.keys().map(String::as_str).collect();
    let all = names.join(", ");
    match (wanted, names.as_slice()) {
        (None, [only]) => Ok(only),
        (None, []) => Err(wrong("stack.yaml has no services".to_owned())),
        (None, _) => Err(wrong("stack.yaml has several services".to_owned())
            .hint(format!("name one with `--service`: {all}"))),
        (Some(wanted), _) => names.iter().copied().find(|it| *it == wanted).ok_or_else(|| {
            let nearest = names
                .iter()
                .max_by(|a, b| strsim::jaro(a, wanted).total_cmp(&strsim::jaro(b, wanted)));
            let meant = nearest.map(|it| format!("did you mean `{it}`? ")).unwrap_or_default();
            wrong(format!("stack.yaml has no service `{}`", harmless(wanted)))
                .hint(format!("{meant}there are: {all}"))
        }),
    }
}
