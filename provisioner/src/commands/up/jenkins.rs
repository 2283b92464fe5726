//! The end of an `up` that made Jenkins' machine: waits until Jenkins, which installs itself there, answers.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    cloud::http::Knock,
    engine::{Action, Outcome},
    failure::{Exit, Failure},
    ui::Ui,
};

/// The machine runs by now, and refuses or answers at once. Silence for this long means that we may not reach it.
const SILENCE: Duration = Duration::from_secs(120);
/// Packages, plugins and the first start take five to ten minutes.
const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// How long to pause between two looks, at least: to look is not free for a machine that is busy.
const PAUSE: Duration = Duration::from_secs(2);

/// How the wait ended.
#[derive(Debug, PartialEq, Eq)]
enum Ending {
    /// It answers.
    Answers,
    /// We never heard of it, which says nothing about how it does.
    Unreachable,
    /// The machine is there, and Jenkins is not.
    TooLate,
    /// Somebody has seen enough.
    Interrupted,
    /// There is nobody who could answer: the machine is simulated.
    Simulated,
}

/// The address of Jenkins, if this run has made its machine.
pub(super) fn made(outcome: &Outcome) -> Option<&str> {
    let made = |it: &Action| matches!(it, Action::Create | Action::Replace);
    let is_new = outcome.done.iter().any(|it| it.name == "jenkins" && made(&it.action));
    outcome.outputs.get("jenkins").filter(|_| is_new).map(String::as_str)
}

/// Waits until Jenkins answers at `url`, and says what came of it. Not to be let in is no failure: whoever runs `up` need
/// not be one of those who may open Jenkins.
pub(super) async fn wait(
    url: &str,
    knock: impl AsyncFn() -> Option<Knock>,
    interrupted: impl Fn() -> bool,
    poll: Duration,
    ui: &Ui,
) -> Result<(), Failure> {
    let began = Instant::now();
    let say =
        || ui.say(&format!("Waiting until Jenkins, which installs itself, answers at {url} …"));
    let ending = until(knock, interrupted, poll, say).await;
    let minutes = began.elapsed().as_secs().div_ceil(60);
    match ending {
        Ending::Answers => ui.say(&format!("Jenkins answers at {url}")),
        Ending::Unreachable => ui.say(&format!(
            "note: {url} does not answer from here, so nobody waits for it. Jenkins goes on installing itself, which takes \
             five to ten minutes. To reach it from here, add this machine's address to `ci.jenkins.admin_cidrs`."
        )),
        Ending::TooLate => {
            return Err(Failure::new(
                Exit::Partly,
                format!("everything was done, but Jenkins does not answer at {url} after {minutes} minutes"),
            )
            .hint("what the machine did tells `sudo tail -n 50 /var/log/cloud-init-output.log` on it, and `sudo journalctl -u jenkins`")
            .hint("to begin again with a new machine, terminate this one and run `provisioner up`"));
        }
        Ending::Interrupted => {
            return Err(Failure::new(Exit::Interrupted, "interrupted; everything was done, and Jenkins goes on installing itself"));
        }
        Ending::Simulated => {}
    }
    Ok(())
}

async fn until(
    knock: impl AsyncFn() -> Option<Knock>,
    interrupted: impl Fn() -> bool,
    poll: Duration,
    say: impl FnOnce(),
) -> Ending {
    let began = Instant::now();
    let mut heard = false;
    let mut say = Some(say);
    loop {
        match knock().await {
            None => return Ending::Simulated,
            Some(Knock::Open) => return Ending::Answers,
            Some(Knock::Busy) => heard = true,
            Some(Knock::Silent) => {}
        }
        // What answers at once needs no announcement.
        if let Some(say) = say.take() {
            say();
        }
        let waited = began.elapsed();
        if !heard && waited >= SILENCE {
            return Ending::Unreachable;
        }
        if waited >= PATIENCE {
            return Ending::TooLate;
        }
        let pause = Instant::now() + poll.max(PAUSE);
        while Instant::now() < pause {
            if interrupted() {
                return Ending::Interrupted;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// How a wait ends, and after how many seconds, if knocking has this effect after so many seconds.
    async fn ended(effects: &[(u64, Knock)], stopped_after: u64) -> (Ending, u64, bool) {
        let began = Instant::now();
        let said = Cell::new(false);
        let now = || began.elapsed().as_secs();
        let knock = async || {
            let effect = effects.iter().rev().find(|(from, _)| *from <= now());
            effect.map(|(_, effect)| *effect)
        };
        let poll = Duration::from_millis(100);
        let ending = until(knock, || now() >= stopped_after, poll, || said.set(true)).await;
        (ending, now(), said.get())
    }

    const NEVER: u64 = u64::MAX;

    #[tokio::test(start_paused = true)]
    async fn it_is_awaited_until_it_answers() {
        use Knock::{Busy, Open, Silent};
        assert_eq!(ended(&[(0, Open)], NEVER).await, (Ending::Answers, 0, false));
        let (ending, after, said) = ended(&[(0, Silent), (60, Busy), (400, Open)], NEVER).await;
        assert_eq!((ending, said), (Ending::Answers, true));
        assert!((400..405).contains(&after), "{after}");
        // Once heard of, it may be silent: it restarts.
        let (ending, _, _) = ended(&[(0, Busy), (10, Silent), (600, Open)], NEVER).await;
        assert_eq!(ending, Ending::Answers);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        use Knock::{Busy, Silent};
        let (ending, after, _) = ended(&[(0, Silent)], NEVER).await;
        assert_eq!(ending, Ending::Unreachable);
        assert!((120..130).contains(&after), "{after}");
        let (ending, after, _) = ended(&[(0, Silent), (90, Busy)], NEVER).await;
        assert_eq!(ending, Ending::TooLate);
        assert!((1800..1810).contains(&after), "{after}");
        let (ending, after, _) = ended(&[(0, Busy)], 30).await;
        assert_eq!(ending, Ending::Interrupted);
        assert!((30..32).contains(&after), "{after}");
        assert_eq!(ended(&[], NEVER).await, (Ending::Simulated, 0, false));
    }
}
