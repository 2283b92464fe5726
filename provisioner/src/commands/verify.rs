//! Finds what a deployment or an `up` would trip over.

use serde_json::{Value, json};
use tokio::sync::watch;

use super::{deploy, home::Home, load, same_place, service::meant};
use crate::{
    cli::{self, Global},
    engine::State,
    failure::{Exit, Failure},
    place::Place,
    ui::{Ui, checks_text},
    verify::{Check, Question, Verdict, verify},
};

pub(super) async fn run(
    global: &Global,
    args: &cli::Verify,
    place: &Place,
    ui: &Ui,
    mut interrupted: watch::Receiver<bool>,
) -> Result<Exit, Failure> {
    let config = load(&global.file, ui)?;
    let mut names: Vec<&str> = match args.services.as_slice() {
        [] if args.image.is_none() => config.services.keys().map(String::as_str).collect(),
        [] => vec![meant(&config, None).map_err(|it| name_one(it, args))?],
        some => some.iter().map(|it| meant(&config, Some(it))).collect::<Result<_, _>>()?,
    };
    names.sort_unstable();
    names.dedup();
    if let Some(image) = &args.image {
        deploy::check(image)?;
        if names.len() > 1 {
            return Err(name_one(
                Failure::new(Exit::Configuration, "`--image` is for one service"),
                args,
            ));
        }
    }
    let state = match Home::of(&config, global, place, ui).read().await {
        // Why not may be what the checks find.
        Err(failure) if config.state.is_some() => {
            ui.say(&format!("The state could not be read: {failure}"));
            State::default()
        }
        state => state?.unwrap_or_default(),
    };
    let services = names.iter().filter_map(|it| config.services.get_key_value(*it));
    let question = Question {
        config: &config,
        services: services.map(|(name, it)| (name.as_str(), it)).collect(),
        image: args.image.as_deref(),
        place,
    };
    let checks = tokio::select! {
        biased;
        Ok(_) = interrupted.wait_for(|it| *it) => {
            return Err(Failure::new(Exit::Interrupted, "interrupted"));
        }
        checks = verify(&question, |cloud| same_place(&state, cloud)) => checks,
    };
    let heading = format!("{} in {}", config.name, config.region);
    let object = json!({ "checks": checks.iter().map(object).collect::<Vec<_>>() });
    ui.result(&checks_text(&checks, &heading), "verify", object);
    outcome(&checks)
}

/// `deploy` names its service by an option, this command by an argument.
fn name_one(mut failure: Failure, args: &cli::Verify) -> Failure {
    let image = args.image.as_deref().unwrap_or_default();
    failure.hints = vec![format!("name the service: `provisioner verify SERVICE --image {image}`")];
    failure
}

fn object(Check { subject, service, verdict }: &Check) -> Value {
    let (outcome, message, hints) = match verdict {
        Verdict::Well(what) => ("well", what, &[][..]),
        Verdict::Wrong { why, hints, .. } => ("wrong", why, &hints[..]),
        Verdict::Later(what) => ("later", what, &[][..]),
        Verdict::Unknown(why) => ("unknown", why, &[][..]),
    };
    let secret = match subject {
        crate::verify::Subject::Secret(variable) => Some(variable),
        _ => None,
    };
    json!({
        "check": subject.name(),
        "service": service,
        "secret": secret,
        "outcome": outcome,
        "message": message,
        "hints": hints,
    })
}

/// Credentials are the reason only if they are all that is wrong.
fn outcome(checks: &[Check]) -> Result<Exit, Failure> {
    let reasons: Vec<bool> = checks
        .iter()
        .filter_map(|it| match &it.verdict {
            Verdict::Wrong { is_credentials, .. } => Some(*is_credentials),
            _ => None,
        })
        .collect();
    let exit = match reasons.as_slice() {
        [] => return Ok(Exit::Ok),
        all if all.iter().all(|it| *it) => Exit::Credentials,
        _ => Exit::Failed,
    };
    let message = match reasons.len() {
        1 => "one check failed; nothing was changed".to_owned(),
        many => format!("{many} checks failed; nothing was changed"),
    };
    Err(Failure::new(exit, message))
}
